"""Read and validate a model's manifest, so that the rest of the product can rely on its types and ranges."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.regular_file import read_small

_MOST_BYTES = 16_000_000
_MOST = 2**53  # whole numbers beyond it are no counts
_CURE = "restore it from a backup, or switch to another model with `hashtag use N`"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_ALWAYS, _WITH_HEAD = (
    {"hashtags.tsv", "vectors.npy"},
    {"head.onnx", "index.faiss", "index.json", "evidence.npz"},
)
_FIGURE_NAMES = {"a_at_5", "accuracy", "ece", "f1", "f2", "map", "p_at_1", "precision", "r_at_5", "recall"}
_LATER = ("backbone_licence", "beside")  # fields that models of earlier versions lack

_Check = Callable[[Any], bool]


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest; raises `ModelError` if it cannot be read or is not valid."""
    try:
        text = read_small(path, _MOST_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}; {_CURE}") from error
    return parse_manifest(text, path)


def parse_manifest(text: str, where: Path) -> dict[str, Any]:
    """Return a manifest's content; raises `ModelError` that names `where` and the field if it is not valid."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: cannot be read: not a manifest: {error}; {_CURE}") from error
    if not isinstance(found, dict):
        raise ModelError(f"{where}: damaged: not a manifest; {_CURE}")
    for name, is_valid in _FIELDS.items():
        if not _has({name: is_valid})(found):
            raise ModelError(f"{where}: damaged: its {name} is missing or not valid; {_CURE}")
    needed = _ALWAYS | (_WITH_HEAD if found["backbone"] else set())
    if missing := sorted(needed - set(found["files"])):
        raise ModelError(f"{where}: damaged: it lists no {missing[0]}; {_CURE}")
    if found["backbone"] and not (found["thresholds"] and found["figures"]["test"]):
        raise ModelError(f"{where}: damaged: its thresholds or figures are missing; {_CURE}")
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not abs(value) >= _MOST


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _or_none(is_valid: _Check) -> _Check:
    return lambda value: value is None or is_valid(value)


def _has(checks: Mapping[str, _Check]) -> _Check:
    """Return a check of an object that must have certain fields, but for `_LATER` ones, and may have others."""
    return lambda value: (
        isinstance(value, dict)
        and all(
            valid(value[name]) if name in value else name in _LATER and valid(None)
            for name, valid in checks.items()
        )
    )


def _all_of(is_valid: _Check) -> _Check:
    return lambda value: isinstance(value, dict) and all(is_valid(inner) for inner in value.values())


def _list_of(is_valid: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(is_valid(inner) for inner in value)


def _are_figures(value: Any) -> bool:
    return _all_of(_is_number)(value) and set(value) >= _FIGURE_NAMES


def _are_files(value: Any) -> bool:
    are_digests = _all_of(_has({"size": _is_count, "sha256": _is_digest}))
    return are_digests(value) and all(_FILE.fullmatch(name) for name in value)


_is_promise = _has(
    {"promised": _is_share, "got": _or_none(_is_share), "assigned": _is_count, "recall": _is_number}
)
_FIELDS: dict[str, _Check] = {
    "number": lambda value: _is_count(value) and value > 0,
    "created_at": _is_text,
    "seed": _is_count,
    "backbone": _or_none(_is_digest),
    "backbone_name": _or_none(_is_text),
    "backbone_licence": _or_none(_is_text),
    "precision": _is_text,
    "preprocessing": _is_count,
    "vectors": _is_digest,
    "parameters": _has({"vectors": _has({"min_count": _is_count}), "tagger": lambda x: isinstance(x, dict)}),
    "counts": _has({"posts": _is_count, "photos": _is_count, "hashtags": _is_count}),
    "warnings": _list_of(_is_text),
    "figures": _has(
        {
            "judged_photos": _is_count,
            "judged_hashtags": _is_count,
            "test": _or_none(_are_figures),
            "popularity": _or_none(_are_figures),
            "promises": _list_of(_is_promise),
            "beside": _or_none(_all_of(_are_figures)),
        }
    ),
    "thresholds": _or_none(_has({"f1": _is_share, "f2": _is_share})),
    "files": _are_files,
}
