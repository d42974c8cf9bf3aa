"""Downloads files of weights: with a progress bar, a time-out, and a checksum."""

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.part_file import part_file

TIMEOUT = 10.0  # seconds without an answer
_CHUNK = 1 << 20
Advance = Callable[[str, int, int | None], None]  # called with the stage, bytes done, and bytes in all


def download(url: str, path: Path, digest: str, advance: Advance) -> None:
    """Download a file to `path`, where it appears only if its sha256, in hex, begins with `digest`.

    Raises `EncoderError` with the reason if the server does not answer within `TIMEOUT` seconds, the file is
    incomplete or another one, or it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part_file(path) as part:
            found = _fetch(url, part, advance)
            if not found.startswith(digest):
                raise EncoderError(
                    f"{url}: not downloaded: its sha256 begins with {found[:8]}, not with {digest}"
                )
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise EncoderError(f"{url}: not downloaded: {reason}") from error
    except OSError as error:
        raise EncoderError(f"{path}: cannot be written: {error.strerror or error}") from error


def _fetch(url: str, part: Path, advance: Advance) -> str:
    """Write what is at `url` to `part`; return its sha256 in hex."""
    name, digest = f"downloading {url.rsplit('/', 1)[-1]}", hashlib.sha256()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, part.open("wb") as file:
        total = int(answer.headers.get("Content-Length") or 0) or None
        done = 0
        while chunk := _read(answer):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            advance(name, done, total)
        if total and done != total:
            raise http.client.IncompleteRead(b"", total - done)
    return digest.hexdigest()


def _read(answer: http.client.HTTPResponse) -> bytes:
    """Read a part of an answer; a broken connection is an error of its own, unlike that of a full disk."""
    try:
        return answer.read(_CHUNK)
    except OSError as error:
        raise urllib.error.URLError(error) from error
