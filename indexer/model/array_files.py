"""Read arrays from `.npy` and `.npz` files, whose sizes are checked before memory is allocated for them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hashtag_archive.indexer.disk import kind_of
from hashtag_archive.indexer.errors import ModelError

_MOST_UNPACKED = 1 << 30  # bytes; a million photos take less, and a few kB can unpack to any number
# What an array must be: the letters of its possible kinds of numbers (`numpy.dtype.kind`), and its dimensions.
Form = tuple[str, int]


def load_array(path: Path, form: Form) -> NDArray[Any]:
    """Read one array; raises `ModelError` if the file is damaged or the array is of another form."""
    try:
        _require_file(path)
        with path.open("rb") as file:
            _require_form(file, path.stat().st_size, form)
        return np.asarray(np.load(path, allow_pickle=False))
    except ModelError:
        raise
    except Exception as error:  # a damaged file fails in a dozen ways
        raise damaged(path, error) from error


def load_arrays(path: Path, forms: Mapping[str, Form]) -> dict[str, NDArray[Any]]:
    """Read arrays by name; raises `ModelError` if the file is damaged, or one is missing or of another form."""
    import zipfile  # takes longer than a query's other reading, which has no use for it

    try:
        _require_file(path)
        with zipfile.ZipFile(path) as packed:
            members = {name: packed.getinfo(f"{name}.npy") for name in forms}
            if sum(member.file_size for member in members.values()) > _MOST_UNPACKED:
                raise ValueError(f"it unpacks to more than {_MOST_UNPACKED >> 20} MB")
            for name, member in members.items():
                with packed.open(member) as file:
                    _require_form(file, member.file_size, forms[name])
        with np.load(path, allow_pickle=False) as arrays:
            return {name: np.asarray(arrays[name]) for name in forms}
    except ModelError:
        raise
    except Exception as error:  # as above
        raise damaged(path, error) from error


def damaged(path: Path, reason: object) -> ModelError:
    """Return the error about a model's file that cannot be read, on one line."""
    line = " ".join(str(reason).split())[:200] or type(reason).__name__
    return ModelError(
        f"{path}: damaged: {line}; restore it from a backup, or switch to another model with `hashtag use N`"
    )


def require_equal_lengths(path: Path, *arrays: NDArray[Any]) -> None:
    """Raise `ModelError` unless the arrays have the same number of rows."""
    if len({len(array) for array in arrays}) > 1:
        raise damaged(path, "its arrays differ in length")


def _require_file(path: Path) -> None:
    if kind_of(path) != "file":
        raise damaged(path, f"a {kind_of(path)}" if kind_of(path) else "not found")


def _require_form(file: IO[bytes], size: int, form: Form) -> None:
    """Raise `ValueError` unless a file of `size` bytes has an array of a form, and all of it."""
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
    shape, _, dtype = read_header(file)
    kinds, dimensions = form
    if dtype.kind not in kinds or len(shape) != dimensions or min(shape, default=0) < 0:
        raise ValueError(f"an array of {dtype.str} and shape {shape}")
    if file.tell() + math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array of shape {shape} does not have {size:,} bytes")
