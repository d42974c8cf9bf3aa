import json
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from hashtag_archive.encoder import BackboneError
from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.session import Sessions
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.model.opening import open_model, use_model
from hashtag_archive.indexer.tagging.query import query_photo
from tests.conftest import QUICK, draw_photo, write_backbone
from tests.indexer.photos.conftest import SPEC


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder for optimised networks that is not there yet."""
    return tmp_path / "sessions"


def features(network: Path, spec: BackboneSpec, kept: Path | None) -> np.ndarray:
    pixels = np.random.default_rng(1).integers(0, 256, (3, spec.size, spec.size, 3), dtype=np.uint8)
    return OnnxBackbone(network, spec, Sessions(folder=kept)).encode(pixels)


def graphs(kept: Path) -> dict[Path, int]:
    """Every graph that is kept, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in kept.glob("*/graph.onnx")}


def test_a_kept_network_gives_the_same_features_bit_for_bit(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, None)
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    written = graphs(kept)
    assert len(written) == 1
    assert "nchwc" in next(iter(written)).read_text("latin-1") or os.uname().machine != "x86_64"
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert graphs(kept) == written


def test_a_kept_mobilenet_gives_the_same_features_bit_for_bit(shared: Path, kept: Path) -> None:
    path = shared / "backbones/mobilenet_v2_imagenet.onnx"
    spec = BackboneSpec.read(path)
    plain = features(path, spec, None)
    for _ in range(2):
        np.testing.assert_array_equal(features(path, spec, kept), plain)


@pytest.mark.parametrize("name", ["graph.onnx", "graph.bin", "files.json"])
@pytest.mark.parametrize("harm", ["cut short", "overwritten", "gone"])
def test_a_damaged_kept_network_is_made_again(network: Path, kept: Path, name: str, harm: str) -> None:
    plain = features(network, SPEC, kept)
    (graph,) = graphs(kept)
    harmed = graph.with_name(name)
    content = harmed.read_bytes()
    if harm == "gone":
        harmed.unlink()
    else:
        harmed.write_bytes(content[:-9] if harm == "cut short" else bytes(len(content)))
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert harmed.read_bytes() == content or name == "files.json"
    assert set(graphs(kept)) == {graph}
    assert json.loads(graph.with_name("files.json").read_text())["graph.onnx"][0] == graph.stat().st_size


def test_a_kept_network_that_onnxruntime_refuses_is_made_again(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, kept)
    (graph,) = graphs(kept)
    before = graph.read_bytes()
    graph.write_bytes(b"no network")
    listed = {
        path.name: [path.stat().st_size, path.stat().st_mtime_ns]
        for path in (graph.with_name("graph.bin"), graph)
    }
    graph.with_name("files.json").write_text(json.dumps(listed))
    np.testing.assert_array_equal(features(network, SPEC, kept), plain)
    assert graph.read_bytes() == before


def test_another_network_under_the_same_name_or_another_version_does_not_fit(
    network: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features(network, SPEC, kept)
    proto = onnx.load(network)
    proto.graph.initializer[0].raw_data = bytes(len(proto.graph.initializer[0].raw_data))
    onnx.save(proto, network)
    assert not np.array_equal(features(network, SPEC, kept), first)
    assert len(graphs(kept)) == 2
    monkeypatch.setattr(onnxruntime, "__version__", "0.0.1")
    features(network, SPEC, kept)
    assert len(graphs(kept)) == 3


def test_a_folder_that_cannot_be_written_costs_nothing(network: Path, kept: Path) -> None:
    kept.write_text("in the way")
    np.testing.assert_array_equal(features(network, SPEC, kept), features(network, SPEC, None))


def test_many_that_open_at_once_leave_one_whole_network(network: Path, kept: Path) -> None:
    plain = features(network, SPEC, None)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(features(network, SPEC, kept))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for one in found:
        np.testing.assert_array_equal(one, plain)
    assert [path.name.split(".")[0] for path in kept.iterdir()] == ["backbones-convolution"]


def test_a_network_that_is_none_is_refused_with_and_without_a_folder(tmp_path: Path, kept: Path) -> None:
    path = write_backbone(tmp_path / "b.onnx")
    spec = BackboneSpec.read(path)
    path.write_bytes(b"no network")
    for folder in (kept, None):
        with pytest.raises(BackboneError, match="onnxruntime cannot open it"):
            OnnxBackbone(path, spec, Sessions(folder=folder))
    assert not list(kept.iterdir())


def test_queries_keep_networks_and_rebuild_and_use_clear_them(colours: Archive, tmp_path: Path) -> None:
    shutil.rmtree(colours.folder / "sessions", ignore_errors=True)
    photo = str(draw_photo(tmp_path / "photo.png", "red", 1))
    first = query_photo(open_model(colours), photo)
    kept = colours.folder / "sessions"
    names = sorted(path.name.split(".")[0] for path in kept.iterdir())
    assert [name.split("-")[0] for name in names] == ["0001", "backbones"]
    assert query_photo(open_model(colours), photo) == first
    use_model(colours, 1)
    assert [path.name.split("-")[0] for path in kept.iterdir()] == ["0001"]
    rebuild_model(colours, config=QUICK)
    assert not [path for path in kept.iterdir() if path.name.startswith("0001")]


def test_an_opening_compares_sizes_and_use_compares_digests(colours: Archive, tmp_path: Path) -> None:
    photo = str(draw_photo(tmp_path / "photo.png", "red", 1))
    first = query_photo(open_model(colours), photo)
    evidence = colours.model_folder(1) / "evidence.npz"
    content = bytearray(evidence.read_bytes())
    content[-1] ^= 0xFF
    evidence.write_bytes(content)
    assert query_photo(open_model(colours), photo) == first
    with pytest.raises(ModelError, match="damaged"):
        use_model(colours, 1)
