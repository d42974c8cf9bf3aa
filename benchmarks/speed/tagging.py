"""Bulk tagging: `hashtag tag` compared with other ways to the same features, on one set of 1,080 px JPEGs.

    python -m benchmarks.speed.tagging PHOTOS [--count 800] [--rounds 3] [--archive DIR] \
        [--python PYTHON] [--json OUT]

PHOTOS is a folder of real JPEGs, from which the set is made. With --archive, its current model is used; otherwise
an archive with an untrained ResNet50 at 200 x 200 is made (more than two minutes). Each round runs one of each,
in turn:

- `hashtag tag FOLDER --dtype int8`, the whole command on a copy of the archive without these photos, which has
tagged
  another photo before, so that its networks are cached as optimised for this machine;
- the same as the first run of an archive, which optimises the networks;
- torch and torchvision: DataLoader with one worker per core, full decoding, eager mode (ResNet50 only);
- onnxruntime in float32, all cores per batch, full decoding, one after the other;
- the product's encoder alone in int8, from memory: the upper bound;
- with --python, an interpreter that has openvino and fastembed: OpenVINO on the int8 file from memory, fastembed's
  image pipeline on the same file from the photos.

All except the command are timed without start-up. The slow ones run on a quarter of the photos.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks.made.photos import SIDE, make_photos
from benchmarks.side_by_side import ROOT, machine
from benchmarks.speed.limits import limits
from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.demo.posts import draw_archive
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.model.int8_backbone import require_int8
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.backbones import BackboneChoice

TAG = "hashtag tag, the whole command, int8"
FIRST = "the same, first run of an archive"
TORCH = "torch + torchvision: DataLoader, eager, full decode"
FLOAT32 = "onnxruntime float32, full decode, one after the other"
ALONE = "our encoder alone, int8, from memory"
OPENVINO, FASTEMBED = "OpenVINO, the int8 file, from memory", "fastembed's image pipeline, the int8 file"
LEAST = {TORCH: 4.0, FLOAT32: 3.5, ALONE: 0.78}  # the target of `tag`, as a multiple of their rate


@dataclass
class Rivals:
    """The networks' files, the photos, and the measured photos per second of each way."""

    archive: Path
    network: Path
    int8: Path
    size: int
    photos: Path
    count: int
    interpreter: str | None
    rates: dict[str, list[float]] = field(default_factory=dict)
    peaks: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def round(self) -> None:
        """Run one of each."""
        few = max(8, self.count // 4)
        self._note(TAG, self._tag(first=False))
        self._note(FIRST, self._tag(first=True))
        loops = {FLOAT32: ("onnxruntime", self.network, few), ALONE: ("encoder", self.int8, self.count)}
        if self.size == 200:
            loops[TORCH] = ("torch", self.network, few)
        for name, (loop, network, count) in loops.items():
            command = [sys.executable, "-m", "benchmarks.speed.encoding_loops", loop]
            self._note(name, self._loop(command, network, count))
        for name, engine, count in ((OPENVINO, "openvino", self.count), (FASTEMBED, "fastembed", few)):
            if self.interpreter and name not in self.absent:
                command = [self.interpreter, "benchmarks/speed/other_engines.py", engine]
                self._note(name, self._loop(command, self.int8, count))

    def _note(self, name: str, rate: float | None) -> None:
        print(f"  {name}: {f'{rate:.1f}/s' if rate else 'failed'}", file=sys.stderr, flush=True)
        if rate is None:
            self.absent.append(name)
        else:
            self.rates.setdefault(name, []).append(rate)

    def _tag(self, *, first: bool) -> float:
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(self.archive, Path(folder) / "archive")
            if first:
                shutil.rmtree(copy / "sessions", ignore_errors=True)
            else:
                self._command(copy, one_of(self.photos, Path(folder) / "one"))
            began = time.perf_counter()
            usage = self._command(copy, self.photos)
            taken = time.perf_counter() - began
        self.peaks.append(usage.ru_maxrss / 1024)
        self.processor.append(1e3 * (usage.ru_utime + usage.ru_stime) / self.count)
        return self.count / taken

    def _command(self, archive: Path, photos: Path) -> resource.struct_rusage:
        command = [
            sys.executable,
            "-m",
            "hashtag_archive",
            "--archive",
            str(archive),
            "tag",
            str(photos),
            "--json",
        ]
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen([*command, "--dtype", "int8"], stdout=out, cwd=ROOT)
            _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit("hashtag tag failed")
        return usage

    def _loop(self, command: list[str], network: Path, count: int) -> float | None:
        arguments = [*command, str(network), str(self.photos), str(count), str(self.size)]
        done = subprocess.run(arguments, capture_output=True, text=True, cwd=ROOT)
        if done.returncode:
            print(done.stderr[-400:], file=sys.stderr)
            return None
        found = json.loads(done.stdout.splitlines()[-1])
        return float(found["photos"] / found["seconds"])

    def table(self) -> str:
        """Return one line per way: its median rate, and the rate of `tag` as a multiple of it, by round."""
        lines = [f"{'':56}{'photos/s':>9}{'tag is':>9}{'wanted':>9}"]
        for name, rates in self.rates.items():
            times = statistics.median(
                ours / theirs for ours, theirs in zip(self.rates[TAG], rates, strict=True)
            )
            wanted = f"{LEAST[name]:.2f}" if name in LEAST else ""
            lines.append(f"{name:56}{statistics.median(rates):9.1f}{times:8.2f}x{wanted:>9}")
        lines += [f"{name}: failed, or not installed" for name in self.absent]
        lines.append(
            f"peak memory of the command {max(self.peaks):,.0f} MB; processor time"
            f" {statistics.median(self.processor):.1f} ms per photo, start and end included"
        )
        return "\n".join(lines)


def one_of(photos: Path, folder: Path) -> Path:
    """Make a folder with one photo that is like `photos` but not among them."""
    folder.mkdir()
    with Image.open(min(photos.iterdir())) as image:
        ImageOps.mirror(image).save(folder / "one.jpg")
    return folder


def made_archive(folder: Path) -> Path:
    """Make an archive with an untrained ResNet50, in both dtypes.

    This runs in a separate process, because a process's memory is counted for its children.
    """
    maker = multiprocessing.get_context("spawn").Process(target=_make_archive, args=(folder,))
    maker.start()
    maker.join()
    if maker.exitcode:
        raise SystemExit("the archive could not be made")
    return folder / "archive"


def _make_archive(folder: Path) -> None:
    posts = draw_archive(folder / "drawn", posts=120, held_out=1).posts_file
    with open_archive(folder / "archive", create=True) as archive:
        import_crawls(archive, [posts])
        rebuild_model(archive, BackboneChoice("resnet50", "none"))


def main() -> None:
    """Make photos and archive, run the rounds, and print the table."""
    parser = argparse.ArgumentParser(description="Compare hashtag tag with other ways to the same features.")
    parser.add_argument("photos", type=Path, help="a folder of real JPEGs")
    parser.add_argument("--count", type=int, default=800, help="photos to tag")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--archive", type=Path, help="with a model and its int8 network; by default one is made"
    )
    parser.add_argument("--python", help="an interpreter that has openvino and fastembed")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tagging-") as made:
        folder = Path(made)
        print("making photos, and an archive if none is given", file=sys.stderr, flush=True)
        photos = make_photos(arguments.photos, folder / "photos", arguments.count)
        source = arguments.archive or made_archive(folder)
        with open_archive(source) as archive:
            model = open_model(archive)
            network, int8, spec = (
                model.backbone_file,
                require_int8(model.backbone_file).path,
                model.backbone_spec,
            )
        rivals = Rivals(source, network, int8, spec.size, folder / "photos", len(photos), arguments.python)
        kilobytes = statistics.mean(path.stat().st_size for path in photos) / 1e3
        most = limits(photos[:48], spec.size)
        print(machine())
        print(
            f"{spec.name} at {spec.size} x {spec.size}; {len(photos)} JPEGs of {SIDE} x {SIDE}, {kilobytes:.0f} kB"
        )
        print(most.lines(network, spec.size), flush=True)
        for turn in range(arguments.rounds):
            print(f"round {turn + 1}", file=sys.stderr, flush=True)
            rivals.round()
        print(rivals.table())
        alone = statistics.median(rivals.rates[ALONE])
        bound = cores() / (cores() / alone + 1 / most.decoded)
        print(f"encoding at that rate and decoding on the same cores limit `tag` to {bound:.1f} photos/s")
    if arguments.json:
        arguments.json.write_text(json.dumps({"rates": rivals.rates, "peaks": rivals.peaks}, indent=1))


if __name__ == "__main__":
    main()
