"""Training layer4 on arrays: what it changes, and that an interrupted run is resumed."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
from hashtag_archive.encoder.pretrained.resnet50 import resnet50_network
from hashtag_archive.encoder.training.checkpoint import Checkpoint, DamagedCheckpointError
from hashtag_archive.encoder.training.layer3_maps import Machine, write_maps
from hashtag_archive.encoder.training.unfreeze import (
    MapSet,
    TrainingData,
    UnfreezeConfig,
    Unfrozen,
    train_layer4,
)

MEANS = np.array([[200, 40, 40], [40, 180, 60], [40, 60, 200], [235, 235, 230]])


class Killed(Exception):
    """Raised to interrupt a training run."""


def first(photos: MapSet, count: int) -> MapSet:
    return MapSet(photos.maps[:count], photos.hashtags[:count])


class Colours:
    """A training task: photos of four colours, one hashtag per colour."""

    def __init__(self, folder: Path) -> None:
        torch.manual_seed(0)
        self.before = PixelBackbone(resnet50_network()).eval()
        draw = np.random.default_rng(0)
        pixels = MEANS[np.arange(40) % 4, :, None, None] + draw.normal(0, 25, (40, 3, 32, 32))
        parts = np.split(np.clip(pixels, 0, 255).astype(np.uint8), 4)
        maps = write_maps(self.before, parts, folder / "maps")
        hashtags = [np.array([photo % 4]) for photo in range(40)]
        vectors, priors = np.eye(4, 8, dtype=np.float32), np.full(4, -1.0, np.float32)
        training, validation = MapSet(maps[:32], hashtags[:32]), MapSet(maps[32:], hashtags[32:])
        self.lesson = TrainingData(training, validation, vectors, priors)

    def train(
        self,
        checkpoint: Path,
        key: str = "k",
        epochs: int = 2,
        end_after: int = 0,
        machine: Machine | None = None,
        lesson: TrainingData | None = None,
    ) -> tuple[Unfrozen, dict[str, Tensor]]:
        """Train a copy, by default on the whole lesson, and return the outcome and all its weights.

        An epoch has two batches, or one of a shorter lesson. With `end_after`, it ends after so many.
        """

        def advance(done: int, total: int) -> None:
            assert total == epochs * (1 if lesson else 2)
            if done == end_after:
                raise Killed

        backbone = copy.deepcopy(self.before)
        config, kept = UnfreezeConfig(epochs, batch_size=16), Checkpoint(checkpoint, key)
        outcome = train_layer4(backbone, lesson or self.lesson, config, kept, advance, machine)
        return outcome, backbone.state_dict()


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Colours:
    return Colours(tmp_path_factory.mktemp("lesson"))


@pytest.fixture(scope="module")
def uninterrupted(
    lesson: Colours, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Unfrozen, dict[str, Tensor], Path]:
    """The outcome of an uninterrupted training run, all its weights, and its last checkpoint."""
    checkpoint = tmp_path_factory.mktemp("whole") / "c.pt"
    return *lesson.train(checkpoint), checkpoint


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.equal(value, expected[name]), name


def test_only_the_parameters_of_layer4_change_and_no_statistics(
    lesson: Colours, uninterrupted: tuple[Unfrozen, dict[str, Tensor], Path]
) -> None:
    outcome, after, _ = uninterrupted
    assert outcome.losses[-1]["training"] < outcome.losses[0]["training"]
    trained = {name for name, _ in lesson.before.named_parameters() if name.startswith("network.layer4.")}
    assert len(trained) == 30
    for name, value in lesson.before.state_dict().items():
        assert torch.equal(after[name], value) == (name not in trained), name


def test_a_run_interrupted_in_its_second_epoch_is_resumed_and_ends_with_the_same_weights(
    lesson: Colours, uninterrupted: tuple[Unfrozen, dict[str, Tensor], Path], tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        lesson.train(tmp_path / "c.pt", end_after=3)
    outcome, weights = lesson.train(tmp_path / "c.pt")
    assert (outcome.resumed, outcome.damaged) == (1, None)
    assert (outcome.epoch, outcome.losses) == (uninterrupted[0].epoch, uninterrupted[0].losses)
    assert_same(weights, uninterrupted[1])
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_a_damaged_checkpoint_is_named_and_one_with_another_key_ignored(
    lesson: Colours, uninterrupted: tuple[Unfrozen, dict[str, Tensor], Path], tmp_path: Path
) -> None:
    path = tmp_path / "c.pt"
    shutil.copy(uninterrupted[2], path)
    another = lesson.train(path, "another", epochs=1)
    assert (another[0].resumed, another[0].damaged) == (0, None)
    path.write_bytes(path.read_bytes()[:100_000])
    again = lesson.train(path, epochs=1)
    assert again[0].resumed == 0
    assert str(path) in (again[0].damaged or "")
    assert_same(again[1], another[1])


class Program:
    """An object whose unpickling runs code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('it ran')",)


def test_a_checkpoint_is_read_only_if_it_is_intact_and_contains_no_code(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint = Checkpoint(path, "k")
    assert checkpoint.load("cpu") is None
    checkpoint.save({"weights": torch.arange(1000.0), "losses": [{"epoch": 1.0}]})
    assert Checkpoint(path, "another").load("cpu") is None
    state = checkpoint.load("cpu")
    assert state is not None
    assert torch.equal(state["weights"], torch.arange(1000.0))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match=r"c\.pt: damaged .*does not match its checksum"):
        checkpoint.load("cpu")
    torch.save({"key": "k", "epoch": Program()}, path)
    with pytest.raises(DamagedCheckpointError, match=r"c\.pt: damaged"):
        checkpoint.load("cpu")
    torch.save([1, 2], path)
    with pytest.raises(DamagedCheckpointError, match="not the state of a training run"):
        checkpoint.load("cpu")


def test_mixed_precision_keeps_float32_weights_near_those_of_float32(lesson: Colours, tmp_path: Path) -> None:
    whole = lesson.lesson  # of which a few photos will do: processors without bfloat16 take long for each
    few = replace(whole, training=first(whole.training, 8), validation=first(whole.validation, 2))
    exact, _ = lesson.train(tmp_path / "exact.pt", epochs=1, lesson=few)
    mixed, weights = lesson.train(
        tmp_path / "c.pt", "k", 1, machine=Machine("cpu", torch.bfloat16), lesson=few
    )
    found, expected = (outcome.losses[0]["training"] for outcome in (mixed, exact))
    assert found != expected
    assert found == pytest.approx(expected, abs=0.2)
    assert weights["network.layer4.2.conv3.weight"].dtype == torch.float32


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_reported_with_the_space_per_photo(lesson: Colours) -> None:
    with pytest.raises(EncoderError, match=r"/dev/full: No space left on device; each photo needs 0\.01 MB"):
        write_maps(lesson.before, [np.zeros((16, 3, 32, 32), np.uint8)], Path("/dev/full"))


def test_without_photos_there_are_no_maps(lesson: Colours, tmp_path: Path) -> None:
    assert write_maps(lesson.before, [], tmp_path / "m").shape == (0, 1024, 1, 1)
