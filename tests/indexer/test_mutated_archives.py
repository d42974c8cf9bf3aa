"""Models and databases with flipped, lost and added bytes."""

import json
import subprocess
import sys

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.opening import open_model
from tests.support.paths import ROOT


def test_only_the_products_own_errors_come_of_damaged_files_in_bounded_memory(colours: Archive) -> None:
    colours.close()
    command = [sys.executable, "-m", "tests.support.mutate", str(colours.folder), "5", "12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def test_a_digest_that_differs_is_named_when_the_file_is_used(colours: Archive) -> None:
    table = colours.model_folder(1) / "hashtags.tsv"
    table.write_bytes(table.read_bytes().replace(b"salad", b"salat"))
    with pytest.raises(ModelError, match=f"^{table}: damaged: its digest differs"):
        _ = open_model(colours).hashtags
