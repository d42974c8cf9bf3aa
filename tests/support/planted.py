"""Posts of a person whose every field carries a mark, and a search of an archive's bytes for the marks."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

from hashtag_archive.cli import main
from hashtag_archive.indexer.archive import Archive

OWNER = "Quirina_Vanderbeek"
MARKS = ("quirina", "zwanenmeer", "vlinderdas", "kruidnagel", "mosselbank", "wolkenveer", "pruimtaart")


def post(number: int, **more: object) -> dict[str, object]:
    """A post of hers, with a mark in every field."""
    return {
        "key": f"zwanenmeer-{number}",
        "owner": OWNER,
        "caption": f"vlinderdas {number} " + "is what she wrote, at length, on more than one page; " * 120,
        "location": "the mosselbank café",
        "hashtags": ["red", "kruidnagelsquirina"],
        "photos": [f"photos/wolkenveer-{number}.png"],
    } | more


def write(path: Path, *posts: Mapping[str, object]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in posts))
    return path


def everything(folder: Path) -> bytes:
    """All bytes of all files and their names, packed arrays unpacked, as lower-case text."""
    found = [str(path.relative_to(folder)).encode() for path in folder.rglob("*")]
    for path in folder.rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            found.append(raw)
            if path.suffix == ".npz":
                with np.load(io.BytesIO(raw)) as arrays:
                    found += [
                        "\n".join(map(str, a.tolist())).encode() for a in arrays.values() if a.ndim == 1
                    ]
    return b"\n".join(found).lower()


def still_there(folder: Path, digests: tuple[str, ...] = ()) -> set[str]:
    """Which of her marks, and of some digests, the archive's bytes hold."""
    held = everything(folder)
    sought = [(mark, mark.encode()) for mark in MARKS]
    sought += [(sha, form) for sha in digests for form in (sha.encode(), bytes.fromhex(sha).lower())]
    return {name for name, form in sought if form in held}


def run(archive: Archive, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--archive", str(archive.folder), *arguments])
