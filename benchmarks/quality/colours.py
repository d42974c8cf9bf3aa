"""Photos in other colour spaces compared with the same photos in sRGB, as they are and converted; and the cost.

    python -m benchmarks.quality.colours PHOTOS BACKBONE.onnx [--count 40] [--rounds 15] [--inks PROFILE.icc]

The photos are converted into each space and kept as JPEGs of the best quality with their profile; --inks names the
profile of a printer, for CMYK. The cosine is that of a photo's features to those of the same photo in sRGB, kept in
the same way. The cost is the time to decode one-core batches of photos of 1,080 px made from them, as a ratio to
the same decoder that looks at no profile, in turn in the same run.
"""

import argparse
import io
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from benchmarks.made.photos import QUALITY, make_photos
from benchmarks.side_by_side import in_turn, machine, table
from hashtag_archive.encoder import decode_photo
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.made_profile import ADOBE_GAMMA, ADOBE_RGB, coded_profile, made_profile
from hashtag_archive.encoder.networks import OnnxBackbone

_PRO_PHOTO = (0.3457, 0.3585, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
_CONVERSION = "hashtag_archive.encoder.preprocess._conversion"
_AT_ONCE = 8


def spaces(inks: Path | None) -> dict[str, tuple[bytes, str]]:
    """Return a map from a space's name to its profile and the mode of its pixels."""
    made = {
        "sRGB, with profile": coded_profile(1, 13),
        "Display P3": coded_profile(12, 13),
        "Adobe RGB": made_profile(ADOBE_RGB, (ADOBE_GAMMA,)),
        "BT.2020": coded_profile(9, 13),
        "ProPhoto": made_profile(_PRO_PHOTO, (1.8,)),
        "linear": coded_profile(1, 8),
    }
    found = {name: (profile, "RGB") for name, profile in made.items() if profile}
    return found | ({"CMYK": (inks.read_bytes(), "CMYK")} if inks else {})


def converted(image: Image.Image, profile: bytes, mode: str, quality: int) -> bytes:
    """Return a photo in sRGB as a JPEG in another space, with its profile."""
    to = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), to, "RGB", mode, intent, flags)
    written = io.BytesIO()
    transform.apply(image).save(written, "JPEG", quality=quality, subsampling=0, icc_profile=profile)
    return written.getvalue()


def ignoring() -> AbstractContextManager[object]:
    """Look at no profile, as version 1 of the preprocessing did."""
    return patch(_CONVERSION, lambda image, notes: None)


def features(backbone: OnnxBackbone, contents: Sequence[bytes]) -> NDArray[np.float32]:
    """Return features (n, f) of photos."""
    pixels = [decode_photo(content, backbone.spec.framing) for content in contents]
    batches = (pixels[start : start + _AT_ONCE] for start in range(0, len(pixels), _AT_ONCE))
    return np.concatenate([backbone.encode(batch) for batch in batches]).astype(np.float32)


def cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> str:
    """Return mean and least cosine of rows (n, f)."""
    found = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return f"{found.mean():10.4f}{found.min():9.4f}"


def show_quality(backbone: OnnxBackbone, photos: list[Path], named: dict[str, tuple[bytes, str]]) -> None:
    """Print a row for each space: the cosines with profiles ignored, and with colours converted."""
    images = [Image.open(path).convert("RGB") for path in photos]
    original = features(backbone, [converted(image, *named["sRGB, with profile"], 100) for image in images])
    print(
        f"{'features of ' + str(len(images)) + ' photos, cosine to sRGB':40}{'ignored':>19}{'converted':>19}"
    )
    print(f"{'':40}{'mean':>10}{'least':>9}{'mean':>10}{'least':>9}")
    for name, (profile, mode) in named.items():
        contents = [converted(image, profile, mode, 100) for image in images]
        now = features(backbone, contents)
        with ignoring():
            before = features(backbone, contents)
        print(f"  {name:38}{cosines(before, original)}{cosines(now, original)}", flush=True)


def show_cost(
    backbone: OnnxBackbone, photos: list[Path], named: dict[str, tuple[bytes, str]], rounds: int
) -> None:
    """Print, for each space, the time to decode photos with profiles respected and ignored."""
    plain = [path.read_bytes() for path in photos]
    kinds = {"no profile": plain}
    for name, (profile, mode) in named.items():
        kinds[name] = [
            converted(Image.open(io.BytesIO(content)), profile, mode, QUALITY) for content in plain
        ]
    for name, contents in kinds.items():
        ways: dict[str, Callable[[], object]] = {
            "profiles respected": partial(_decode, backbone, contents, respecting=True),
            "profiles ignored": partial(_decode, backbone, contents, respecting=False),
        }
        print(table(f"{name}: {len(contents)} photos of 1,080 px", in_turn(ways, rounds), "profiles ignored"))


def _decode(backbone: OnnxBackbone, contents: list[bytes], *, respecting: bool) -> None:
    with nullcontext() if respecting else ignoring():
        for content in contents:
            decode_photo(content, backbone.spec.framing)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Measure the conversion of colours.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("backbone", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--inks", type=Path)
    arguments = parser.parse_args()
    backbone = OnnxBackbone(arguments.backbone, BackboneSpec.read(arguments.backbone))
    named = spaces(arguments.inks)
    print(machine())
    photos = sorted(path for path in arguments.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    show_quality(backbone, photos[: arguments.count], named)
    with tempfile.TemporaryDirectory(prefix="colours-") as folder:
        made = make_photos(arguments.photos, Path(folder), arguments.count)
        show_cost(backbone, made, named, arguments.rounds)


if __name__ == "__main__":
    main()
