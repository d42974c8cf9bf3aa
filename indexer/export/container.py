"""What exiftool changes in a file's container to write XMP, noted in the XMP and put back when it goes."""

import struct
from pathlib import Path

from hashtag_archive.indexer.export.xmp import Xmp
from hashtag_archive.indexer.export.xmp_tags import marks_of, note_before, noted_before

_GIF, _GIF_LATER = b"GIF87a", b"GIF89a"
_WEBP_SIMPLE = (b"VP8 ", b"VP8L")
_HEAD = 12  # bytes: RIFF, the length behind itself, WEBP


def note_container(xmp: Xmp, content: bytes) -> str | None:
    """Return what a photo's container was before hashtags of ours; note it in its XMP while that has any."""
    noted = noted_before(xmp, "container") or container_of(content)
    if noted:
        note_before(xmp, "container", noted if marks_of(xmp) else None)
    return noted


def container_of(content: bytes) -> str | None:
    """Return the name of a container without room for XMP, None for any other."""
    if content.startswith(_GIF):
        return "GIF87a"
    if content.startswith(b"RIFF") and content[8:16] in [b"WEBP" + kind for kind in _WEBP_SIMPLE]:
        return "WebP"
    return None


def restore_container(photo: Path, noted: str | None) -> None:
    """Give a photo without XMP the container that it had, if nothing else needs the new one."""
    content = photo.read_bytes()
    if noted == "GIF87a" and content.startswith(_GIF_LATER):
        photo.write_bytes(_GIF + content[len(_GIF) :])
    elif noted == "WebP" and (pixels := _only_pixels(content)):
        photo.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(pixels)) + b"WEBP" + pixels)


def _only_pixels(webp: bytes) -> bytes | None:
    """Return the chunk of pixels if a WebP has nothing else, besides the chunk that lists what it has."""
    chunks, place = [], _HEAD
    while place + 8 <= len(webp):
        (length,) = struct.unpack_from("<I", webp, place + 4)
        end = place + 8 + length + length % 2
        chunks.append(webp[place:end])
        place = end
    kinds = [chunk[:4] for chunk in chunks]
    return chunks[1] if len(kinds) == 2 and kinds[0] == b"VP8X" and kinds[1] in _WEBP_SIMPLE else None
