"""Opening models, and switching between them."""

import json
import shutil
from dataclasses import replace

import pytest

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from tests.conftest import QUICK


@pytest.mark.parametrize("name", ["head.onnx", "index.faiss", "vectors.npy", "hashtags.tsv", "manifest.json"])
def test_a_damaged_model_is_refused_by_name(colours: Archive, name: str) -> None:
    path = colours.model_folder(1) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    if name == "manifest.json":
        content[0] = 0
        path.write_bytes(content)
    with pytest.raises(ModelError, match=name):
        use_model(colours, 1)
    path.unlink()
    with pytest.raises(ModelError, match=name):
        open_model(colours)


@pytest.mark.parametrize(("name", "part"), [("head.onnx", "vectors"), ("index.faiss", "vectors")])
def test_a_part_of_another_model_is_refused(colours: Archive, name: str, part: str) -> None:
    rebuild_model(colours, config=replace(QUICK, seed=5))
    for file in (name, "index.json"):
        shutil.copy(colours.model_folder(1) / file, colours.model_folder(2) / file)
    manifests = [colours.model_folder(number) / "manifest.json" for number in (1, 2)]
    other, own = (json.loads(path.read_text()) for path in manifests)
    own["files"] |= {file: other["files"][file] for file in (name, "index.json")}
    manifests[1].write_text(json.dumps(own))
    model = open_model(colours, 2)
    with pytest.raises(ModelError, match=f"{name}: made for another model's {part}"):
        _ = model.head if name == "head.onnx" else model.index


def test_switching_back_and_forth_and_to_what_is_not_there(colours: Archive) -> None:
    rebuild_model(colours, config=QUICK)
    for number in (1, 2, 1):
        use_model(colours, number)
        assert open_model(colours).number == number
    with pytest.raises(ModelError, match="no model 7"):
        use_model(colours, 7)
    assert open_model(colours).number == 1
