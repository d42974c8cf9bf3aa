"""Peak memory of `tag` at two sizes."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import COLOURS, copy_archive, draw_photo
from tests.support.paths import ROOT

MEASURE = """
import resource
from hashtag_archive import cli
try:
    cli.main({arguments!r}, standalone_mode=False)
finally:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(archive: Path, photos: Path) -> float:
    code = MEASURE.format(arguments=["--archive", str(archive), "tag", str(photos), "--threshold", "1"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    kilobytes = 1 / 1024 if sys.platform == "darwin" else 1  # a Mac counts bytes
    return int(done.stdout.splitlines()[-1]) * kilobytes / 1024


def test_peak_memory_of_tag_does_not_grow_with_the_number_of_photos(
    colour_folder: Path, tmp_path: Path
) -> None:
    peaks = []
    for photos in (200, 2000):
        for number in range(photos):
            path = tmp_path / str(photos) / f"{number:04}.bmp"
            draw_photo(path, list(COLOURS)[number % 4], 20_000 + number)
        archive = copy_archive(colour_folder / "archive", tmp_path / f"archive-{photos}")
        peaks.append(peak_mb(archive, tmp_path / str(photos)))
    # 1,800 photos more at 6 kB and 20 guesses each would be 15 MB and more if anything of them were kept.
    assert peaks[1] - peaks[0] < 12
