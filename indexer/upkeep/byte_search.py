"""Searches the bytes of all files of a folder for many strings at once."""

import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.progress import Progress, silent

SHORTEST = 6  # bytes; in gigabytes, anything shorter occurs by chance
_PIECE = 48  # bytes; a long text spans several pages of a database and is searched piece by piece
_CHUNK = 1 << 22  # bytes read at once


@dataclass
class Searched:
    """How many files, bytes and strings were searched, and (file, kind of string) for each kind found in a file."""

    files: int = 0
    size: int = 0
    strings: int = 0
    found: list[tuple[str, str]] = field(default_factory=list)


class ByteSearch:
    """A search for many byte strings: `strings` maps each, `SHORTEST` to `_PIECE` bytes long, to its kind.

    Every six consecutive bytes are compared, as a number, with the strings' first six; if they are equal, the whole
    string is compared.
    """

    def __init__(self, strings: dict[bytes, str]) -> None:
        self.strings = strings
        heads = np.array([_number(string) for string in strings], np.uint64)
        self._heads = np.unique(heads)
        self._likely = np.zeros(1 << 24, np.bool_)
        self._likely[(self._heads & np.uint64(0xFFFFFF)).astype(np.int64)] = True
        self._lengths: dict[int, set[int]] = {}
        for string in strings:
            self._lengths.setdefault(_number(string), set()).add(len(string))

    def found(self, data: bytes) -> set[bytes]:
        """Return the strings that occur in `data`."""
        if len(data) < SHORTEST or not self.strings:
            return set()
        raw = np.frombuffer(data, np.uint8)
        windows = len(raw) - SHORTEST + 1
        threes = _threes(raw)
        places = np.flatnonzero(self._likely[threes[:windows]])
        heads = threes[places].astype(np.uint64) | threes[places + 3].astype(np.uint64) << np.uint64(24)
        sure = np.isin(heads, self._heads)
        found: set[bytes] = set()
        for place, head in zip(places[sure].tolist(), heads[sure].tolist(), strict=True):
            for length in self._lengths[head]:
                if (string := data[place : place + length]) in self.strings:
                    found.add(string)
        return found


def search_files(
    folder: Path, files: Sequence[Path], search: ByteSearch, progress: Progress = silent
) -> Searched:
    """Search files of a folder, their names, and the arrays in `.npz` files."""
    total = sum(path.stat().st_size for path in files)
    result = Searched(len(files), total, len(search.strings))
    done = 0
    for path in files:
        name = path.relative_to(folder).as_posix()
        found = search.found(os.fsencode(name))
        for chunk in _chunks(path):
            found |= search.found(chunk)
        result.found += [(name, kind) for kind in sorted({search.strings[string] for string in found})]
        done += path.stat().st_size
        progress("searching the archive's bytes", done, total)
    return result


def pieces(text: bytes) -> list[bytes]:
    """Cut a string into pieces, so that a part is found even if the whole is not; short ones are dropped."""
    cut = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    return [piece for piece in cut if len(piece) >= SHORTEST]


def spellings(text: str) -> set[bytes]:
    """Return a text in the forms that the archive's files may have: UTF-8, or with JSON escapes."""
    return {os.fsencode(text), json.dumps(text)[1:-1].encode()}


def _number(string: bytes) -> int:
    return int.from_bytes(string[:SHORTEST], "little")


def _threes(raw: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return, for each position but the last two, the number made of the three bytes from there."""
    wide = raw.astype(np.uint32)
    return np.asarray(wide[:-2] | wide[1:-1] << np.uint32(8) | wide[2:] << np.uint32(16), np.uint32)


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes in chunks that overlap by a piece, then the texts of arrays in it."""
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-_PIECE:]
    if path.suffix == ".npz" and zipfile.is_zipfile(path):
        with np.load(path, allow_pickle=False) as arrays:
            for array in arrays.values():
                yield "\n".join(array.tolist()).encode() if array.dtype.kind == "U" else array.tobytes()
