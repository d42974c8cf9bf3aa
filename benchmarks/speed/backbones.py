"""Backbones side by side: photos per second of `hashtag tag`, in float32 and int8, on one set of 1,080 px JPEGs.

    python -m benchmarks.speed.backbones PHOTOS BACKBONE... [--count 400] [--rounds 3]

PHOTOS is a folder of real JPEGs, from which the set is made. A BACKBONE is anything that `hashtag rebuild
--backbone` takes, or `NAME:none` for random weights, which take the same time. Each gets an archive of 240 drawn
posts. Every round times the whole command once for each backbone and dtype, in turn; rates are medians, and ratios
are to the first row of the same round.
"""

import argparse
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.made.photos import SIDE, make_photos
from benchmarks.side_by_side import ROOT, machine
from benchmarks.speed.tagging import one_of
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.posts import draw_archive
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.int8_backbone import int8_backbone
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.backbones import BackboneChoice


@dataclass
class Contender:
    """A backbone's archive, its description, the sizes of its files, and its rates by dtype."""

    archive: Path
    name: str
    pixels: int
    megabytes: dict[str, float]
    rates: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, archive: Path) -> "Contender":
        """Describe the current model's backbone of an archive."""
        with open_archive(archive) as opened:
            model = open_model(opened)
            int8 = int8_backbone(model.backbone_file)
            files = {"float32": model.backbone_file} | ({"int8": int8.path} if int8 else {})
            spec = model.backbone_spec
        sizes = {dtype: path.stat().st_size / 1e6 for dtype, path in files.items()}
        return cls(archive, spec.name, spec.size, sizes)

    def tag(self, photos: Path, dtype: str, count: int) -> None:
        """Time `hashtag tag` on a copy of the archive whose networks are optimised for this machine."""
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(self.archive, Path(folder) / "archive")
            _command(copy, one_of(photos, Path(folder) / "one"), dtype)
            began = time.perf_counter()
            _command(copy, photos, dtype)
            self.rates.setdefault(dtype, []).append(count / (time.perf_counter() - began))


def _command(archive: Path, photos: Path, dtype: str) -> None:
    command = [sys.executable, "-m", "hashtag_archive", "--archive", str(archive), "--quiet"]
    command += ["tag", str(photos), "--json", "--dtype", dtype]
    subprocess.run(command, stdout=subprocess.DEVNULL, cwd=ROOT, check=True)


def make_archive(folder: Path, posts: Path, backbone: str) -> Path:
    """Rebuild an archive with a backbone, in a process of its own, so that its memory is given back."""
    maker = multiprocessing.get_context("spawn").Process(target=_rebuild, args=(folder, posts, backbone))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit(f"{backbone}: no archive could be made")
    return folder


def _rebuild(folder: Path, posts: Path, backbone: str) -> None:
    name, _, random = backbone.partition(":none")
    choice = BackboneChoice(name, "none" if backbone != name else random or None)
    with open_archive(folder, create=True) as archive:
        import_crawls(archive, [posts])
        rebuild_model(archive, choice)


def table(contenders: list[Contender]) -> str:
    """Return a row for each backbone: sizes, rates, and rates as multiples of the first row's float32."""
    first = contenders[0].rates["float32"]
    lines = [f"{'':40}{'pixels':>7}{'MB':>12}{'float32/s':>11}{'int8/s':>9}{'float32':>9}{'int8':>7}"]
    for each in contenders:
        rates = [statistics.median(each.rates[dtype]) for dtype in each.rates]
        ratios = [
            statistics.median(ours / theirs for ours, theirs in zip(each.rates[dtype], first, strict=True))
            for dtype in each.rates
        ]
        sizes = " / ".join(f"{size:.1f}" for size in each.megabytes.values())
        row = f"{each.name[-40:]:40}{each.pixels:7}{sizes:>12}"
        row += "".join(f"{rate:{width}.1f}" for rate, width in zip(rates, (11, 9), strict=False))
        lines.append(
            row + "".join(f"{ratio:{width}.2f}" for ratio, width in zip(ratios, (9, 7), strict=False))
        )
    return "\n".join(lines)


def main() -> None:
    """Make photos and archives, run the rounds, and print the table."""
    parser = argparse.ArgumentParser(description="Compare backbones by the speed of hashtag tag.")
    parser.add_argument("photos", type=Path, help="a folder of real JPEGs")
    parser.add_argument("backbones", nargs="+", metavar="BACKBONE")
    parser.add_argument("--count", type=int, default=400, help="photos to tag")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="backbones-") as made:
        folder = Path(made)
        photos = make_photos(arguments.photos, folder / "photos", arguments.count)
        posts = draw_archive(folder / "drawn", posts=240, held_out=1).posts_file
        contenders = []
        for number, backbone in enumerate(arguments.backbones):
            print(f"rebuilding with {backbone}", file=sys.stderr, flush=True)
            contenders.append(Contender.of(make_archive(folder / f"archive-{number}", posts, backbone)))
        for turn in range(arguments.rounds):
            print(f"round {turn + 1}", file=sys.stderr, flush=True)
            for each in contenders:
                for dtype in each.megabytes:
                    each.tag(folder / "photos", dtype, len(photos))
        print(machine())
        print(f"{len(photos)} JPEGs of {SIDE} x {SIDE}; whole commands")
        print(table(contenders))


if __name__ == "__main__":
    main()
