import json
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from hashtag_archive.encoder import EncoderError, Framing, decode_photo
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.export.encoder import export_encoder
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from tests.conftest import draw_photo
from tests.support.near import probabilities, require_best
from tests.support.paths import ROOT


def test_the_fused_file_gives_the_products_own_embeddings(colours: Archive, tmp_path: Path) -> None:
    export = export_encoder(colours, tmp_path / "encoder.onnx")
    model = open_model(colours)
    assert export.difference < 1e-4
    assert (export.model, export.hashtags) == (1, len(model.index))
    session = onnxruntime.InferenceSession(str(tmp_path / "encoder.onnx"))
    photo = draw_photo(tmp_path / "a.png", "green", 3)
    pixels = decode_photo(photo.read_bytes(), Framing(32))
    features, embedding = session.run(["features", "embedding"], {"pixels": pixels.transpose(2, 0, 1)[None]})
    ours = model.backbone.encode(pixels[None])
    np.testing.assert_allclose(features, ours.astype(np.float32), atol=1e-3)
    np.testing.assert_allclose(embedding, model.head.embed(ours), atol=1e-4)
    about = session.get_modelmeta().custom_metadata_map
    assert about["model"] == "1"
    assert about["size"] == "32"
    assert set(json.loads(about["hashtags"]).values()) <= set(model.hashtags)
    assert (
        onnx.load(tmp_path / "encoder.onnx").graph.input[0].type.tensor_type.elem_type
        == onnx.TensorProto.UINT8
    )


def test_the_librarys_example_tags_a_photo_with_that_file_and_the_index(
    colours: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    lines = next(code for code in re.findall(r"```py\n(.*?)```", page, re.DOTALL) if "encoder.onnx" in code)
    assert not re.search(r"import (indexer|encoder|db)|from (indexer|encoder|db)", lines)
    export = export_encoder(colours, tmp_path / "encoder.onnx")
    (tmp_path / "index.faiss").write_bytes(export.index.read_bytes())
    draw_photo(tmp_path / "lunch.png", "red", 4)
    monkeypatch.chdir(tmp_path)
    exec(lines.replace("lunch.jpg", "lunch.png"), {})
    printed = [line.split(" #") for line in capsys.readouterr().out.splitlines()]
    expected = probabilities(query_photo(open_model(colours), str(tmp_path / "lunch.png"), best=99))
    assert len(printed) == 5
    require_best([hashtag for _, hashtag in printed], expected, within=2e-3)
    for probability, hashtag in printed:
        assert float(probability) == pytest.approx(expected[hashtag], abs=2e-3)


def test_an_export_to_a_folder_that_cannot_be_written_leaves_nothing(
    colours: Archive, tmp_path: Path
) -> None:
    with pytest.raises((EncoderError, OSError)):
        export_encoder(colours, tmp_path / "none" / "encoder.onnx")
    assert list(tmp_path.glob("**/*.part")) == []
