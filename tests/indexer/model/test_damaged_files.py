"""A model's files that are damaged, or another's: what is wrong is named before it is used."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.disk import file_digest
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.evaluation.evaluate import evaluate_held_out
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.upkeep.stats import list_models

Change = Callable[[dict[str, Any]], object]


def change_manifest(archive: Archive, change: Change) -> None:
    """Change the manifest of model 1, in its folder and in the database."""
    path = archive.model_folder(1) / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with closing(sqlite3.connect(archive.folder / "archive.db")) as connection, connection:
        connection.execute("UPDATE models SET manifest = ?", (path.read_text(),))


def record(archive: Archive, path: Path) -> None:
    """Put a file's size and digest into the manifest."""
    recorded = {"size": path.stat().st_size, "sha256": file_digest(path)}
    change_manifest(archive, lambda found: found["files"].update({path.name: recorded}))


def test_a_digest_that_differs_is_named_when_the_file_is_used(colours: Archive) -> None:
    table = colours.model_folder(1) / "hashtags.tsv"
    table.write_bytes(table.read_bytes().replace(b"salad", b"salat"))
    with pytest.raises(ModelError, match=f"^{table}: damaged: its digest differs"):
        _ = open_model(colours).hashtags


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda found: found.pop("backbone"), "backbone"),
        (lambda found: found["figures"].pop("test"), "figures"),
        (lambda found: found["figures"]["test"].pop("ece"), "figures"),
        (lambda found: found["figures"]["promises"][0].pop("got"), "figures"),
    ],
    ids=["a backbone", "test figures", "one figure", "a promise"],
)
def test_a_field_that_may_be_empty_must_be_there_all_the_same(
    colours: Archive, change: Change, named: str
) -> None:
    change_manifest(colours, change)
    with pytest.raises(ModelError, match=f"damaged: its {named} is missing or not valid"):
        open_model(colours)
    with pytest.raises(ModelError, match=f"damaged: its {named} is missing or not valid"):
        list_models(colours)


def test_a_model_of_an_earlier_version_says_which_figures_it_lacks(colours: Archive) -> None:
    change_manifest(colours, lambda found: [found["figures"].pop("beside"), found.pop("backbone_licence")])
    assert evaluate_held_out(colours).product.p_at_1 > 0
    with pytest.raises(ModelError, match="model 1 has no figures of this rule"):
        evaluate_held_out(colours, "cosine")


def test_a_figure_of_a_later_version_is_passed_over(colours: Archive) -> None:
    before = evaluate_held_out(colours)
    change_manifest(colours, lambda found: found["figures"]["test"].update(more=0.5))
    assert evaluate_held_out(colours).product == before.product


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 0.0])
def test_vectors_that_are_not_of_unit_length_are_named(colours: Archive, value: float) -> None:
    path = colours.model_folder(1) / "vectors.npy"
    vectors = np.load(path)
    vectors[1] = value
    np.save(path, vectors)
    record(colours, path)
    with pytest.raises(ModelError, match=f"^{path}: damaged: its vectors are not of unit length"):
        open_model(colours).related("red", 2)


@pytest.mark.parametrize("kind", [b"IxM2", b"IxFI"])
def test_an_index_that_was_never_trained_is_named_before_it_is_searched(
    colours: Archive, kind: bytes
) -> None:
    path = colours.model_folder(1) / "index.faiss"
    content = bytearray(path.read_bytes())
    content[content.index(kind) + 4 + 28] = 0  # behind dimensions, rows, and two unused numbers
    path.write_bytes(content)
    record(colours, path)
    with pytest.raises(ModelError, match=f"^{path}: damaged: its parts do not fit together"):
        _ = open_model(colours).index
