import importlib.util
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from hashtag_archive.encoder import Framing, PhotoError, decode_photo, thumbnail
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.preprocess import Pixels

QUADRANTS = np.zeros((64, 96, 3), np.uint8)
QUADRANTS[:32, :48] = (220, 30, 30)
QUADRANTS[:32, 48:] = (30, 200, 30)
QUADRANTS[32:, :48] = (30, 30, 220)
QUADRANTS[32:, 48:] = (240, 240, 240)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def corners(pixels: Pixels) -> list[list[int]]:
    return [pixels[y, x].tolist() for y in (4, -5) for x in (4, -5)]


def assert_quadrants(content: bytes, tolerance: int = 12) -> None:
    pixels = decode_photo(content, Framing(32))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    expected = [[220, 30, 30], [30, 200, 30], [30, 30, 220], [240, 240, 240]]
    assert np.abs(np.array(corners(pixels)) - expected).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(QUADRANTS)
    if orientation > 1:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_quadrants(encode(image, "JPEG", quality=95, exif=exif))


def test_a_thumbnail_is_upright_and_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right
    exif[0x010E] = "at home"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    turned = Image.fromarray(np.repeat(np.repeat(QUADRANTS, 8, 0), 8, 1)).transpose(Image.Transpose.ROTATE_90)
    content = encode(turned, "JPEG", exif=exif, comment=b"home")
    small = thumbnail(content, 48)
    assert b"home" in content
    assert b"home" not in small
    with Image.open(io.BytesIO(small)) as image:
        assert (image.format, image.size) == ("JPEG", (48, 32))
        assert not image.getexif()
        assert not {"exif", "comment", "icc_profile", "photoshop", "xmp"} & set(image.info)
    assert_quadrants(small, 20)
    with pytest.raises(PhotoError, match="not an image"):
        thumbnail(b"no picture", 48)


def test_cmyk_palette_animated_and_large_images_are_decoded_correctly() -> None:
    image = Image.fromarray(QUADRANTS)
    assert_quadrants(encode(image.convert("CMYK"), "JPEG", quality=95))
    assert_quadrants(encode(image.quantize(8), "PNG"))
    assert_quadrants(encode(image, "GIF", save_all=True, append_images=[Image.new("RGB", image.size)]))
    assert_quadrants(encode(image, "WEBP", lossless=True))
    assert_quadrants(encode(image.resize((1200, 1000), Image.Resampling.NEAREST), "JPEG", quality=95))


def test_transparency_is_laid_on_white() -> None:
    pixels = Image.fromarray(QUADRANTS).convert("RGBA")
    alpha = Image.new("L", pixels.size, 255)
    alpha.paste(0, (48, 32, 96, 64))
    pixels.putalpha(alpha)
    assert corners(decode_photo(encode(pixels, "PNG"), Framing(32)))[3] == [255, 255, 255]
    grey = Image.merge("LA", (Image.new("L", (8, 8), 0), Image.new("L", (8, 8), 0)))
    assert decode_photo(encode(grey, "PNG"), Framing(8)).min() == 255


def test_sixteen_bits_are_scaled_to_eight() -> None:
    samples = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = decode_photo(encode(Image.fromarray(samples), "PNG"), Framing(64))
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[-1, -1].tolist() == [255, 255, 255]
    assert abs(int(pixels[32, 0, 0]) - 127) <= 1


def test_a_draft_decoded_jpeg_stays_near_the_fully_decoded_one(shared: Path) -> None:
    worst = 0.0
    for path in sorted((shared / "data/recipes/images").glob("*.jpg"))[:20]:
        drafted = decode_photo(path.read_bytes(), Framing(224))
        with Image.open(path) as image:
            full = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BILINEAR))
        worst = max(worst, float(np.abs(drafted.astype(int) - full).mean()))
    assert worst < 4.0


def test_features_of_draft_decoded_jpegs_stay_near_those_of_fully_decoded_ones(shared: Path) -> None:
    path = shared / "backbones/mobilenet_v2_imagenet.onnx"
    backbone = OnnxBackbone(path, BackboneSpec.read(path))
    cosines = []
    for photo in sorted((shared / "data/recipes/images").glob("*.jpg"))[:40]:
        with Image.open(photo) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        full = np.asarray(upright.resize((224, 224), Image.Resampling.BILINEAR))
        pair = np.stack([decode_photo(photo.read_bytes(), Framing(224)), full])
        quick, exact = backbone.encode(pair).astype(np.float64)
        cosines.append(quick @ exact / np.linalg.norm(quick) / np.linalg.norm(exact))
    assert np.mean(cosines) > 0.995
    assert min(cosines) > 0.985


def broken_files() -> dict[str, tuple[bytes, str]]:
    """Broken image files, each with the start of the reason that is reported for it."""
    jpeg = encode(Image.fromarray(QUADRANTS).resize((400, 300)), "JPEG")
    png = encode(Image.fromarray(QUADRANTS).resize((400, 300)), "PNG")
    gif = encode(Image.fromarray(QUADRANTS).quantize(), "GIF")
    header = b"IHDR" + (50_000).to_bytes(4, "big") * 2 + png[24:29]
    bomb = png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    noisy_png = encode(Image.fromarray(noise), "PNG")
    return {
        "empty.jpg": (b"", "empty file"),
        "text.jpg": (b"this is a recipe", "not an image"),
        "html.png": (b"<html><body>404 Not Found</body></html>", "not an image"),
        "half.jpg": (jpeg[: len(jpeg) // 2], "truncated"),
        "half.png": (noisy_png[: len(noisy_png) // 2], "truncated"),
        "header-only.gif": (gif[:20], "not an image"),
        "flipped-bytes.png": (noisy_png[:200] + bytes(400) + noisy_png[600:], "damaged"),
        "header-only.jpg": (jpeg[:20], "not an image"),
        "bomb.png": (bomb, "too large"),
        "photo.heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "HEIC needs the extra"),
        "zeros.webp": (bytes(4096), "not an image"),
        "cut.tif": (encode(Image.fromarray(QUADRANTS), "TIFF")[:300], "truncated"),
    }


@pytest.mark.parametrize("name", list(broken_files()))
def test_a_broken_file_gives_its_reason(name: str) -> None:
    content, reason = broken_files()[name]
    if name == "photo.heic" and importlib.util.find_spec("pillow_heif"):
        pytest.skip("the extra heif is installed")
    with pytest.raises(PhotoError) as caught:
        decode_photo(content, Framing(32))
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)
