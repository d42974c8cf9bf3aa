"""The description of a backbone, which is part of its digest: how photos are fed to it, and under which licence."""

import hashlib
import json
import stat
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hashtag_archive.encoder.errors import BackboneError
from hashtag_archive.encoder.preprocess import INTERPOLATIONS, Framing

NO_MEAN, NO_STD = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)  # for a backbone that takes uint8 pixels
_REQUIRED = ("name", "size", "mean", "std", "output")
_SIDES = range(8, 4097)  # pixels
_LEAST_STD, _MOST = 1e-6, 1_000_000  # of a pixel, and of mean and std; beyond, float32 overflows
_MOST_BYTES = 1_000_000  # of a description
_INVALID = (OSError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class BackboneSpec:
    """How a photo is fed to a backbone: made a square as `framing` says, then (pixel - mean) / std per channel.

    `mean` and `std` are RGB in pixel units, 0 to 255; `output` names the graph's pooled features. A backbone with
    uint8 input normalises by itself, so its mean is 0 and its std 1. `licence` is that of the weights, empty if
    unknown.
    """

    name: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    output: str
    resize: int | None = None
    keep_ratio: bool = False
    interpolation: str = "bilinear"
    licence: str = ""

    @property
    def framing(self) -> Framing:
        """How a photo becomes a square of `size` x `size` pixels."""
        return Framing(self.size, self.resize, self.keep_ratio, self.interpolation)

    @classmethod
    def read(cls, onnx_file: Path) -> "BackboneSpec":
        """Read the description `FILE.json` next to `FILE.onnx`.

        Raises `BackboneError` if it is missing or not valid.
        """
        path = onnx_file.with_suffix(".json")
        try:
            spec = cls._parsed(json.loads(_text(path)), onnx_file.stem)
        except FileNotFoundError:
            raise BackboneError(path, "not found; it must give size, mean, std and output") from None
        except (
            OSError,
            ArithmeticError,
            LookupError,
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as error:
            raise BackboneError(path, f"not a valid backbone description: {error!r:.200}") from None
        if not all(abs(value) <= _MOST for value in (*spec.mean, *spec.std)):  # nor nan
            raise BackboneError(path, f"mean and std must be numbers of at most {_MOST:,}")
        if spec.size not in _SIDES or min(spec.std) < _LEAST_STD:
            raise BackboneError(path, "size must be from 8 to 4096 and every std above 0")
        if spec.resize is not None and (spec.resize not in _SIDES or spec.resize < spec.size):
            raise BackboneError(path, "resize must be from size to 4096")
        if spec.interpolation not in INTERPOLATIONS:
            raise BackboneError(path, f"interpolation must be one of {', '.join(INTERPOLATIONS)}")
        return spec

    @classmethod
    def _parsed(cls, found: Any, name: str) -> "BackboneSpec":
        return cls(
            name=str(found.get("name", name)),
            size=int(found["size"]),
            mean=_triple(found["mean"]),
            std=_triple(found["std"]),
            output=str(found["output"]),
            resize=None if found.get("resize") is None else int(found["resize"]),
            keep_ratio=bool(found.get("keep_ratio", False)),
            interpolation=str(found.get("interpolation", "bilinear")),
            licence=str(found.get("licence", "")),
        )

    def to_json(self) -> str:
        """Return the description as canonical JSON, which is part of the backbone's digest.

        Optional fields with their default value are left out: they did not exist when the first digests were made.
        """
        default = {field.name: field.default for field in fields(self) if field.name not in _REQUIRED}
        shown = {name: value for name, value in asdict(self).items() if value != default.get(name, ...)}
        return json.dumps(shown, sort_keys=True)


def backbone_digest(onnx_file: Path, spec: BackboneSpec) -> str:
    """Return the sha256, in hex, of the file's bytes followed by its description.

    Raises `BackboneError` if the file cannot be read.
    """
    try:
        with onnx_file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    except OSError as error:
        raise BackboneError(onnx_file, error.strerror or str(error)) from error
    digest.update(spec.to_json().encode())
    return digest.hexdigest()


def _text(path: Path) -> str:
    """Return the content of a description; raises `ValueError` if it is huge, or a pipe that might never end."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
        raise ValueError("not a file of at most 1 MB")
    return path.read_text(encoding="utf-8")


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
