"""The blocks of metadata in a photo's file, as bytes: XMP packets, IPTC records, Windows' keywords."""

import io
import re
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from hashtag_archive.encoder import PhotoError
from hashtag_archive.encoder.image_file import MAX_BYTES, open_image, without_segments, without_text
from hashtag_archive.encoder.raw_preview import preview_of

_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_HEAD = len(_EXTENDED) + 32 + 8  # name, digest, whole length, offset of a part
_NAMES_EXTENDED = re.compile(rb"HasExtendedXMP\b[^<]{0,300}?([0-9A-Fa-f]{32})")
_GIF_XMP, _GIF_END = b"\x21\xff\x0bXMP DataXMP", b"\x01\xff\xfe\xfd"
_JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_PHOTOSHOP, _PHOTOSHOP_TAG, _IPTC_TAG, _IPTC_RESOURCE = b"Photoshop 3.0\0", 34377, 33723, 0x0404
_XP_KEYWORDS = 0x9C9E
_DECLARATION = re.compile(r"^<\?xml[^>]*\?>")
# The first bytes of wide texts: byte-order marks, or `<` without one.
_WIDE = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)


def open_header(file: BinaryIO, *, is_raw: bool = False) -> Image.Image:
    """Return an image without its pixels, as `open_image` does; without those of its metadata that are damaged.

    Most RAW files are TIFFs as far as their metadata go; of the others, those of the preview are returned.
    """
    if is_raw:
        return _raw_header(file)
    try:
        return open_image(file)
    except PhotoError:
        raise
    except Exception:
        file.seek(0)
        content = file.read(MAX_BYTES)
        mended = without_text(content, b"XML:com.adobe.xmp", keep_colours=False) or without_segments(content)
        if mended is None:
            raise
        return open_image(io.BytesIO(mended))


class _TagsAlone(TiffImagePlugin.TiffImageFile):
    """The first tags of a TIFF; what its pixels are, which may be a sensor's samples, is not looked at."""

    def _setup(self) -> None:
        self._mode, self._size, self.tile = "L", (1, 1), []


def _raw_header(file: BinaryIO) -> Image.Image:
    try:
        return _TagsAlone(file)
    except Exception:  # noqa: BLE001 - Pillow raises any error on what is no TIFF, or a damaged one
        file.seek(0)
        return open_image(io.BytesIO(preview_of(file.read(MAX_BYTES))))


def plain_xml(packet: bytes) -> bytes:
    """Return a packet without the padding around it, and in UTF-8 if it is in UTF-16 or UTF-32."""
    encoding = next((name for start, name in _WIDE if packet.startswith(start)), None)
    if encoding:
        text = packet.decode(encoding, "replace").strip("\ufeff\ufffd\0 \t\r\n")
        packet = _DECLARATION.sub("", text).encode("utf-8", "replace")
    return packet.strip(b"\0 \t\r\n")


def xmp_packets(image: Image.Image, file: BinaryIO, left_out: list[str]) -> list[bytes]:
    """Return a photo's XMP: the main packet, then its extension; add reasons to `left_out`."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    if image.format in ("GIF", "JPEG2000") and not packet:
        file.seek(0)
        packet = (_of_gif if image.format == "GIF" else _of_jp2)(file.read(MAX_BYTES))
    packets = [packet if isinstance(packet, bytes) else str(packet).encode()] if packet else []
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        packets += _extended(image, packets[0] if packets else b"", left_out)
    return packets


def _of_gif(content: bytes) -> bytes:
    start = content.find(_GIF_XMP) + len(_GIF_XMP)
    return content[start : max(start, content.find(_GIF_END, start))] if start >= len(_GIF_XMP) else b""


def _of_jp2(content: bytes) -> bytes:
    place = 0
    while place + 24 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"uuid" and content[place + 8 : place + 24] == _JP2_XMP:
            return content[place + 24 : place + length if length else None]
        if length < 8:  # the last box, or one of more than 4 GB
            break
        place += length
    return b""


def _extended(image: JpegImagePlugin.JpegImageFile, packet: bytes, left_out: list[str]) -> Iterator[bytes]:
    """Yield the extension that a packet names, put together from its parts."""
    named = _NAMES_EXTENDED.search(packet)
    parts: dict[int, bytes] = {}
    whole = 0
    for kind, body in image.applist:
        if kind == "APP1" and body.startswith(_EXTENDED) and named:
            digest, whole_here, offset = struct.unpack_from(">32sII", body.ljust(_HEAD), len(_EXTENDED))
            if digest.upper() == named[1].upper():
                parts[offset], whole = body[_HEAD:], whole_here
    if not parts:
        if named:
            left_out.append("extended XMP is missing")
        return
    joined = b"".join(part for _, part in sorted(parts.items()))
    if len(joined) == whole:
        yield joined
    else:
        left_out.append("extended XMP is incomplete")


def iptc_texts(image: Image.Image, left_out: list[str]) -> dict[tuple[int, int], list[bytes]]:
    """Return a photo's IPTC: a map from record and dataset to its values.

    What follows damage is missing, which is added to `left_out`.
    """
    found: dict[tuple[int, int], list[bytes]] = {}
    for block in _iptc_blocks(image):
        place = 0
        while block[place : place + 1] == b"\x1c" and place + 5 <= len(block):
            record, dataset, length = struct.unpack_from(">BBH", block, place + 1)
            place += 5
            if length & 0x8000:  # the length of the length
                size = length & 0x7FFF
                length = int.from_bytes(block[place : place + size])
                place += size
            found.setdefault((record, dataset), []).append(block[place : place + length])
            place += length
        if block[place:].strip(b"\0") or place > len(block):
            left_out.append("IPTC is broken")
    return found


def _iptc_blocks(image: Image.Image) -> Iterable[bytes]:
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        # One block of resources may go on in the next segment.
        segments = [body for kind, body in image.applist if kind == "APP13" and body.startswith(_PHOTOSHOP)]
        return _resources(b"".join(body[len(_PHOTOSHOP) :] for body in segments))
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        data = image.tag_v2._tagdata  # as bytes, whatever type the tag has
        own = [data[_IPTC_TAG]] if _IPTC_TAG in data else []
        return own or _resources(data.get(_PHOTOSHOP_TAG, b""))
    return ()


def _resources(block: bytes) -> Iterator[bytes]:
    place = 0
    while block[place : place + 4] == b"8BIM" and place + 12 <= len(block):
        (kind,) = struct.unpack_from(">H", block, place + 4)
        place += 6 + (block[place + 6] // 2 + 1) * 2  # a name, with its length padded to an even number
        length = int.from_bytes(block[place : place + 4])
        if kind == _IPTC_RESOURCE:
            yield block[place + 4 : place + 4 + length]
        place += 4 + length + length % 2


def decoded_iptc(texts: list[bytes], is_utf8: bool) -> list[str]:
    """Decode the texts of a photo: as UTF-8 if that is said or they are valid, else as Windows or old Macs wrote.

    In the Mac's encoding, accented letters are where Windows has few letters; Windows has its own above 0xc0.
    """
    joined = b"\0".join(texts)
    try:
        joined.decode("utf-8")
        is_utf8 = True
    except UnicodeDecodeError:
        pass
    if is_utf8:
        return [text.decode("utf-8", "replace") for text in texts]
    high = {byte for byte in joined if byte >= 0x80}
    punctuation = {0x80, 0x82, 0x84, 0x85, *range(0x91, 0x98), 0x99}  # of Windows: euro, quotes, dashes
    is_mac = not any(byte >= 0xC0 for byte in high) and any(byte < 0xA0 for byte in high - punctuation)
    return [text.decode("mac_roman") if is_mac else _windows(text) for text in texts]


def _windows(text: bytes) -> str:
    try:
        return text.decode("cp1252")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def windows_keywords(image: Image.Image) -> list[str]:
    """Return EXIF's `XPKeywords`, which Windows Explorer writes: UTF-16, separated by semicolons."""
    value = image.getexif().get(_XP_KEYWORDS, b"")
    text = bytes(value).decode("utf-16-le", "replace")
    return [word.strip() for word in text.replace("\0", "").split(";") if word.strip()]
