"""The time of a query of one photo, compared with its unavoidable parts.

    python -m benchmarks.speed.one_photo [POSTS.jsonl] [--backbone FILE.onnx] [--photo FILE] \
        [--rounds 15] [--json OUT]

It makes an archive of the crawl (by default that of the demonstration) with the backbone (by default an untrained
ResNet50, whose export takes a minute). Then it times, one of each per round:

- `hashtag query PHOTO` and a bare process that imports onnxruntime, faiss, PIL, sqlalchemy and click and creates
  the same session; that process with the session as it is kept for this machine; and with what a query imports;
- `hashtag --help` and `python -c "import click"`;
- `query_photo` with an open archive and the encoder alone: the photo read and decoded, backbone, head.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.side_by_side import in_turn, machine, process, ratio, table
from hashtag_archive.encoder import decode_photo
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.posts import draw_archive
from hashtag_archive.indexer.learning.rebuild import RebuildConfig, rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.backbones import BackboneChoice
from hashtag_archive.indexer.tagging.query import query_photo

IMPORTS = "import onnxruntime, faiss, PIL.Image, sqlalchemy, click"
NEEDED = "import onnxruntime, faiss, PIL.Image, click"  # by a query
SESSION = """
o = onnxruntime.SessionOptions()
o.intra_op_num_threads = o.inter_op_num_threads = 1
o.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{level}
onnxruntime.InferenceSession({path!r}, o, providers=['CPUExecutionProvider'])
"""
QUERY, BARE, BARE_KEPT = ("hashtag query", "bare process, same session", "bare process, session kept")
CLICK, HELP = 'python -c "import click"', "hashtag --help"
ENCODER, CALL = "encoder alone: decode, backbone, head", "query_photo, archive open"


def made_archive(folder: Path, posts: Path | None, backbone: str | None) -> Path:
    """Make an archive with a model in `folder`; return its crawl."""
    posts = posts or draw_archive(folder, posts=120, held_out=1).posts_file
    choice = BackboneChoice(backbone) if backbone else BackboneChoice("resnet50", "none")
    with open_archive(folder / "archive", create=True) as archive:
        import_crawls(archive, [posts])
        rebuild_model(archive, choice, RebuildConfig(int8=False))
    return posts


def commands(archive: Archive, photo: Path) -> dict[str, Callable[[], object]]:
    """Return the query, and the processes it is compared with."""
    model = open_model(archive)
    query_photo(model, str(photo))  # caches the networks
    (kept,) = (archive.folder / "sessions").glob(f"*{model.backbone_file.stem}*/graph.onnx")
    plain = SESSION.format(level="ORT_ENABLE_ALL", path=str(model.backbone_file))
    optimised = SESSION.format(level="ORT_DISABLE_ALL", path=str(kept))
    query = ["-m", "hashtag_archive", "--archive", str(archive.folder), "query", str(photo)]
    return {
        QUERY: process(query),
        BARE: process(["-c", IMPORTS + plain]),
        BARE_KEPT: process(["-c", IMPORTS + optimised]),
        "bare process, session kept, without sqlalchemy": process(["-c", NEEDED + optimised]),
    }


def calls(archive: Archive, photo: Path) -> dict[str, Callable[[], object]]:
    """Return a query in this process, and the encoder's part of it."""
    model = open_model(archive)

    def encoder() -> object:
        pixels = decode_photo(photo.read_bytes(), model.backbone.spec.framing)
        return model.head.embed(model.backbone.encode(pixels[None]))

    return {CALL: lambda: query_photo(model, str(photo)), ENCODER: encoder}


def same_features(archive: Archive, photo: Path) -> bool:
    """Return whether the cached network gives the same features as the plain one, bit for bit."""
    model = open_model(archive)
    pixels = decode_photo(photo.read_bytes(), model.backbone_spec.framing)[None]
    plain = OnnxBackbone(model.backbone_file, model.backbone_spec)
    return bool(np.array_equal(plain.encode(pixels), model.backbone.encode(pixels)))


def measure(archive: Archive, photo: Path, rounds: int) -> dict[str, float]:
    """Print the tables; return the ratios."""
    query = in_turn(commands(archive, photo), rounds)
    print(table("the command", query, BARE))
    shown = in_turn(
        {HELP: process(["-m", "hashtag_archive", "--help"]), CLICK: process(["-c", "import click"])}, rounds
    )
    print(table("help", shown, CLICK))
    call = in_turn(calls(archive, photo), 5 * rounds)
    print(table("from Python", call, ENCODER))
    print(f"cached and plain network give the same features, bit for bit: {same_features(archive, photo)}")
    return {
        "query / bare process": ratio(query, QUERY, BARE),
        "query / bare process with the kept session": ratio(query, QUERY, BARE_KEPT),
        "help / import click": ratio(shown, HELP, CLICK),
        "query_photo / encoder": ratio(call, CALL, ENCODER),
    }


def main() -> None:
    """Make the archive and print the measurements."""
    parser = argparse.ArgumentParser(description="Measure a query of one photo.")
    parser.add_argument("posts", type=Path, nargs="?", help="a crawl with photos; by default one is drawn")
    parser.add_argument("--backbone", help="FILE.onnx; by default an untrained ResNet50 is exported")
    parser.add_argument("--photo", type=Path, help="by default the first photo of the crawl")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="one-photo-"))
    try:
        print("making an archive", file=sys.stderr, flush=True)
        posts = made_archive(folder, arguments.posts, arguments.backbone)
        with posts.open(encoding="utf-8") as file:
            named = next(photos[0] for line in file if (photos := json.loads(line).get("photos")))
        with open_archive(folder / "archive") as archive:
            print(machine())
            photo = (arguments.photo or posts.parent / named).resolve()
            print(
                f"backbone {open_model(archive).backbone_spec.name}, photo {photo.stat().st_size / 1e3:.0f} kB"
            )
            ratios = measure(archive, photo, arguments.rounds)
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        arguments.json.write_text(json.dumps(ratios, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
