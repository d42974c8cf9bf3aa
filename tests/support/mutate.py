"""Open an archive again and again with damaged files, in bounded memory; print what the product did not foresee.

`python -m tests.support.mutate ARCHIVE SEED COUNT`
"""

import hashlib
import json
import random
import resource
import sys
from collections import Counter
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.model.held_out_results import HeldOutResults
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.upkeep.check import check_archive
from hashtag_archive.indexer.upkeep.stats import archive_stats, list_models

MEMORY = 3 << 30
OWN = (ArchiveError, DbError, EncoderError)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return content with bytes flipped, cut off, added, or set to large numbers."""
    changed, kind = bytearray(content), draw.choice(("flip", "cut", "extend", "large"))
    place = draw.randrange(len(changed))
    if kind == "flip":
        for _ in range(draw.choice((1, 8))):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif kind == "cut":
        del changed[place:]
    elif kind == "extend":
        changed += draw.randbytes(draw.randrange(1, 99))
    else:
        changed[place : place + 8] = draw.choice((b"\xff" * 8, b"\0" * 6 + b"\x04\0", b"\xff\xff\xff\x7f"))
    return bytes(changed)


def use_model(folder: Path) -> None:
    """Read every part of the current model."""
    with open_archive(folder) as archive:
        model = open_model(archive)
        _ = model.evidence.thresholds(0.5), model.vectors, model.text, model.backbone_spec, model.thresholds
        HeldOutResults.load(model.folder / "judged.npz")
        model.index.search(model.vectors, 3)
        list_models(archive)


def use_database(folder: Path) -> None:
    """Read every table."""
    with open_archive(folder) as archive:
        archive.current(), archive.vocabulary()
        archive_stats(archive)
        check_archive(archive)


def main(folder: Path, seed: int, count: int) -> None:
    """Damage each file `count` times, with its digest left wrong and made right again."""
    draw, foreign = random.Random(seed), Counter[str]()
    manifest = folder / "models/0001/manifest.json"
    about = manifest.read_text()
    files = sorted(path for path in manifest.parent.iterdir() if path.name != "head.onnx")
    for path in [*files, folder / "archive.db"]:
        content = path.read_bytes()
        for turn in range(count):
            changed = mutated(content, draw)
            path.write_bytes(changed)
            if turn % 4 and path.parent == manifest.parent and path != manifest:
                found = json.loads(about)
                found["files"][path.name] = {
                    "size": len(changed),
                    "sha256": hashlib.sha256(changed).hexdigest(),
                }
                manifest.write_text(json.dumps(found))
            try:
                use_database(folder) if path.suffix == ".db" else use_model(folder)
            except OWN as error:
                if "\n" in str(error):
                    foreign[f"{path.name}: two lines: {error}"] += 1
            except Exception as error:  # noqa: BLE001 - these are what is looked for
                foreign[f"{path.name}: {type(error).__name__}: {error}"] += 1
            manifest.write_text(about)
            for journal in folder.glob("archive.db-*"):
                journal.unlink()
        path.write_bytes(content)
    print(json.dumps(foreign, indent=0))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
