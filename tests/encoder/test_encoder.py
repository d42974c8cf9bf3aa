import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from hashtag_archive.encoder import BackboneError, EncoderError
from hashtag_archive.encoder.backbone_spec import BackboneSpec, backbone_digest
from hashtag_archive.encoder.export.to_onnx import export_head, verify_head
from hashtag_archive.encoder.networks import OnnxBackbone, OnnxHead
from hashtag_archive.encoder.training.landmark_head import LandmarkHead
from hashtag_archive.encoder.training.network import Head, LandmarkModule
from hashtag_archive.encoder.training.train import (
    TrainConfig,
    TrainingSet,
    embed,
    multilabel_loss,
    train_head,
)
from tests.conftest import write_backbone


def test_features_are_the_normalised_pixels_pooled(backbone: Path) -> None:
    encoder = OnnxBackbone(backbone, BackboneSpec.read(backbone))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    blocks = ((pixels.astype(np.float32) - 127.5) / 127.5).reshape(3, 4, 8, 4, 8, 3).mean((2, 4))
    expected = blocks.transpose(0, 3, 1, 2).reshape(3, 48)
    features = encoder.encode(pixels)
    assert features.dtype == np.float16
    assert features.shape == (3, 48)
    np.testing.assert_allclose(features, expected, atol=1e-3)


def test_a_photo_has_the_same_features_alone_and_in_a_batch(shared: Path) -> None:
    path = shared / "backbones/mobilenet_v2_imagenet.onnx"
    encoder = OnnxBackbone(path, BackboneSpec.read(path))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3), dtype=np.uint8)
    alone = np.concatenate([encoder.encode(photo[None]) for photo in pixels])
    np.testing.assert_allclose(encoder.encode(pixels).astype(float), alone.astype(float), atol=5e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"size": None}, "not a valid backbone description"),
        ({"size": 5000}, "size must be"),
        ({"std": [0, 1, 1]}, "every std above 0"),
        ({"mean": [1]}, "not a valid backbone description"),
        ({"output": "logits"}, "has no output 'logits', only features"),
        ({"size": 64}, "does not run on 64 x 64"),
    ],
)
def test_a_description_that_is_not_valid_is_refused(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    path = write_backbone(tmp_path / "b.onnx")
    spec = json.loads(path.with_suffix(".json").read_text())
    path.with_suffix(".json").write_text(json.dumps({**spec, **change}))
    with pytest.raises(BackboneError, match=reason):
        OnnxBackbone(path, BackboneSpec.read(path)).prove()


def test_a_missing_description_and_a_damaged_file_are_named(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "b.onnx")
    spec = BackboneSpec.read(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BackboneError, match=f"{path}: onnxruntime cannot open it"):
        OnnxBackbone(path, spec)
    path.with_suffix(".json").unlink()
    with pytest.raises(BackboneError, match="must give size, mean, std and output"):
        BackboneSpec.read(path)


def test_other_weights_or_another_mean_give_another_digest(tmp_path: Path) -> None:
    path = write_backbone(tmp_path / "b.onnx")
    spec = BackboneSpec.read(path)
    other = BackboneSpec(spec.name, spec.size, (0, 0, 0), spec.std, spec.output)
    digests = {backbone_digest(path, spec), backbone_digest(path, other)}
    path.write_bytes(path.read_bytes() + b"\0")
    assert len(digests | {backbone_digest(path, spec)}) == 3


def test_an_exported_head_computes_what_torch_does_and_has_its_metadata(tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = Head(48, 16, 8, 0.5).eval()
    export_head(head, 48, tmp_path / "head.onnx", {"vectors": "v", "backbone": "b"})
    assert verify_head(head, 48, tmp_path / "head.onnx") < 1e-4
    session = OnnxHead(tmp_path / "head.onnx")
    assert session.metadata == {"vectors": "v", "backbone": "b"}
    lengths = np.linalg.norm(
        session.embed(np.random.default_rng(0).random((5, 48)).astype(np.float16)), axis=1
    )
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["head.onnx"]


@pytest.mark.parametrize("zeros", [0, 3])
@pytest.mark.parametrize("kind", ["network", "landmarks"])
def test_every_kind_of_head_is_exported_whole_and_takes_photos_without_features(
    kind: str, zeros: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    head: nn.Module
    if kind == "network":
        head = Head(48, 16, 8, 0.5)
        head(torch.rand(64, 48))  # batch norms have seen something
    else:
        parts = [torch.randn(shape).numpy() for shape in ((48,), (48, 10), (30, 10), (30, 6))]
        centre, projection, landmarks, fold = parts
        head = LandmarkModule(LandmarkHead(centre, projection, landmarks, 0.02, fold, 0.5))
    if zeros:
        head = nn.Sequential(head, nn.ZeroPad1d((0, zeros)))
    export_head(head, 48, tmp_path / "head.onnx", {})
    onnx.checker.check_model(onnx.load(tmp_path / "head.onnx"), full_check=True)
    features = np.random.default_rng(0).normal(size=(300, 48)).astype(np.float16)
    features[0] = 0
    with torch.no_grad():
        expected = head(torch.from_numpy(features.astype(np.float32))).numpy()
    assert expected.shape == (300, 8 + zeros)
    np.testing.assert_allclose(OnnxHead(tmp_path / "head.onnx").embed(features), expected, atol=1e-5)


def test_a_head_that_differs_from_torch_is_refused(tmp_path: Path) -> None:
    head, other = Head(48, 16, 8, 0.5).eval(), Head(48, 16, 8, 0.5).eval()
    export_head(head, 48, tmp_path / "head.onnx", {})
    with pytest.raises(EncoderError, match="embeddings differ from torch"):
        verify_head(other, 48, tmp_path / "head.onnx")
    assert len(onnx.load(tmp_path / "head.onnx").graph.output) == 1


def colour_sets() -> tuple[TrainingSet, np.ndarray]:
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(4, 12))
    labels = np.arange(120) % 4
    features = (centres[labels] + draw.normal(0, 0.3, (120, 12))).astype(np.float32)
    vectors = np.eye(4, 6, dtype=np.float32)
    return TrainingSet(features, [np.array([label]) for label in labels]), vectors


def test_a_head_learns_visible_hashtags_and_the_same_seed_gives_the_same_head() -> None:
    data, vectors = colour_sets()
    config = TrainConfig(hidden=16, epochs=30, dropout=0.0, seed=3)
    fits = [train_head(data, vectors, np.full(4, -1.0, np.float32), config, data) for _ in range(2)]
    predicted = (embed(fits[0].head, data.features) @ vectors.T).argmax(1)
    assert (predicted == np.arange(120) % 4).mean() > 0.95
    assert fits[0].losses == fits[1].losses
    np.testing.assert_array_equal(fits[0].biases, fits[1].biases)
    other = train_head(
        data, vectors, np.full(4, -1.0, np.float32), TrainConfig(hidden=16, epochs=30, seed=4), data
    )
    assert other.losses != fits[0].losses


def test_a_last_batch_of_one_does_not_break_batch_norm() -> None:
    data, vectors = colour_sets()
    odd = TrainingSet(data.features[:33], data.hashtags[:33])
    fit = train_head(odd, vectors, np.zeros(4, np.float32), TrainConfig(hidden=8, epochs=2, batch_size=32))
    assert np.isfinite(fit.biases).all()
    assert fit.epochs == 2


def test_the_losses_are_the_formulas_in_the_documentation() -> None:
    draw = np.random.default_rng(1)
    logits, targets = draw.normal(size=(5, 7)), (draw.random((5, 7)) < 0.4).astype(float)
    targets[:, 0] = 1
    shares = targets / targets.sum(1, keepdims=True)
    log_softmax = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.where(shares > 0, shares * (np.log(shares) - log_softmax), 0).sum() / 5
    entropy = (np.logaddexp(0, logits) - logits * targets).mean()
    arguments = torch.from_numpy(logits), torch.from_numpy(targets)
    assert multilabel_loss(*arguments, "report").item() == pytest.approx(divergence + 0.1 * entropy)
    scaled = divergence + 0.3 * entropy * 7 / targets.sum(1).mean()
    assert multilabel_loss(*arguments, "scaled").item() == pytest.approx(scaled)
