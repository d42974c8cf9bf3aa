"""Photos of every format that exiftool writes into, with metadata as cameras and programs write it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms

# Arguments of exiftool that make a photo's metadata.
METADATA: dict[str, list[str]] = {
    "none": [],
    "camera": [
        *("-EXIF:Make=Drawn", "-EXIF:Model=Camera", "-EXIF:Orientation#=6", "-EXIF:ISO=200"),
        *("-EXIF:DateTimeOriginal=2024:05:06 07:08:09", "-EXIF:GPSLatitude=60.1", "-EXIF:GPSLatitudeRef=N"),
        "-EXIF:UserComment=über das Meer",
    ],
    "keywords": ["-XMP:Subject=harbour", "-XMP:Subject=a, b", "-XMP:HierarchicalSubject=place|harbour"],
    "agency": [
        *("-IPTC:Keywords=harbour", "-IPTC:Caption-Abstract=A ship", "-IPTC:City=Turku"),
        *("-IPTC:CodedCharacterSet=UTF8", "-XMP:Description=A ship", "-XMP:Creator=Somebody"),
    ],
    "old agency": ["-charset", "iptc=Latin", "-IPTC:Keywords=Fähre", "-IPTC:By-line=Jürgen"],
    "editor": [
        *("-XMP:Rating=4", "-XMP-crs:Exposure2012=+0.50", "-XMP-photoshop:Headline=Ferry"),
        *("-XMP-xmpMM:HistoryAction=saved", "-XMP-dc:Title-fi=Lautta", "-XMP-dc:Title=Ferry"),
    ],
    "Windows": ["-EXIF:XPKeywords=harbour;boat", "-XMP-microsoft:LastKeywordXMP=harbour", "-EXIF:Rating=3"],
}


def draw_files(folder: Path, metadata: dict[str, list[str]] | None = None) -> Iterator[Path]:
    """Write a photo of each format with each of the `metadata`, by default all; yield those written."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(5)
    pixels = draw.integers(0, 256, (24, 32, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    for name, image, options in _formats(Image.fromarray(pixels)):
        for kind, arguments in (METADATA if metadata is None else metadata).items():
            stem, suffix = name.rsplit(".", 1)
            path = folder / f"{stem}-{kind.replace(' ', '-')}.{suffix}"
            image.save(path, **options)
            command = ["exiftool", "-q", "-q", "-m", "-overwrite_original", *arguments, str(path)]
            if not arguments or subprocess.run(command, check=False).returncode == 0:
                yield path


def _formats(rgb: Image.Image) -> Iterator[tuple[str, Image.Image, dict[str, Any]]]:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey, inks, clear = rgb.convert("L"), rgb.convert("CMYK"), rgb.convert("RGBA")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    frames = [rgb.rotate(90 * turn) for turn in (1, 2)]
    yield "plain.jpg", rgb, {"quality": 90}
    yield "progressive.jpg", rgb, {"progressive": True, "icc_profile": srgb, "comment": b"a comment"}
    yield "grey.jpg", grey, {}
    yield "inks.jpg", inks, {}
    yield "plain.png", rgb, {"icc_profile": srgb}
    yield "clear.png", clear, {}
    yield "deep.png", deep, {}
    yield "palette.png", rgb.convert("P"), {}
    yield "plain.tif", rgb, {}
    yield "packed.tif", rgb, {"compression": "tiff_lzw", "icc_profile": srgb}
    yield "pages.tif", rgb, {"save_all": True, "append_images": frames, "compression": "tiff_deflate"}
    yield "inks.tif", inks, {}
    yield "plain.webp", rgb, {"quality": 80}
    yield "clear.webp", clear, {"lossless": True, "icc_profile": srgb}
    yield "moving.webp", rgb, {"save_all": True, "append_images": frames}
    yield "plain.gif", rgb.convert("P"), {}
    yield "moving.gif", rgb, {"save_all": True, "append_images": frames}
    yield "plain.avif", rgb, {"quality": 80}
    yield "plain.jp2", rgb, {}
