"""Real parts, small: a backbone that pools colours, photos of colours, an archive of both."""

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis.configuration import set_hypothesis_home_dir
from onnx import TensorProto, helper
from PIL import Image

from hashtag_archive.encoder.training.train import TrainConfig
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig
from hashtag_archive.indexer.learning.rebuild import RebuildConfig, rebuild_model
from hashtag_archive.indexer.learning.tagger import TaggerConfig
from tests.support.paths import ROOT, SHARED

SUITE = ROOT / "tests"
# Hypothesis keeps the constants of the code, which would otherwise be in the working folder.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "hashtag-tests-hypothesis")
COLOURS = {"red": (200, 40, 40), "green": (40, 180, 60), "blue": (40, 60, 200), "white": (235, 235, 230)}
COMPANY = {
    "red": ["warm", "tomato"],
    "green": ["fresh", "salad"],
    "blue": ["cold", "sea"],
    "white": ["plain", "snow"],
}
QUICK = RebuildConfig(VectorConfig(size=8, epochs=400), TaggerConfig(min_photos=3), int8=False)
# for ResNet50's 2,048 features, on which the closed form takes seconds
QUICK_NETWORK = replace(QUICK, tagger=TaggerConfig("network", network=TrainConfig(epochs=5), min_photos=3))


# Files of tests that take longest, so that no process works alone on one of them in the end.
SLOW = (
    "indexer/learning/test_unfreeze_archive.py",
    "whole/test_process.py",
    "whole/test_real_data.py",
    "encoder/pretrained/test_by_name.py",
    "encoder/test_unfreeze_layer4.py",
    "indexer/photos/test_backbone_choice.py",
    "encoder/pretrained/test_packaged.py",
    "indexer/evaluation/test_compare.py",
    "whole/test_kill.py",
    "indexer/upkeep/test_check.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests of slow files first, and leave all others in their order."""
    ranks = {SUITE / name: rank for rank, name in enumerate(SLOW)}
    items.sort(key=lambda item: ranks.get(item.path, len(SLOW)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data, which only its keepers have."""
    if not SHARED.is_dir():
        pytest.skip(f"real data not at hand: {SHARED} is absent")
    return SHARED


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backbone that averages each sixteenth of the picture: 48 features, 32 x 32 pixels in."""
    path = tmp_path_factory.mktemp("backbone") / "pool.onnx"
    return write_backbone(path)


def write_backbone(path: Path, size: int = 32) -> Path:
    """Write the pooling backbone and its description."""
    nodes = [
        helper.make_node(
            "AveragePool", ["input"], ["pooled"], kernel_shape=[size // 4] * 2, strides=[size // 4] * 2
        ),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pool",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, size, size])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 48])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    spec = {"name": "pool", "size": size, "mean": [127.5] * 3, "std": [127.5] * 3, "output": "features"}
    path.with_suffix(".json").write_text(json.dumps(spec))
    return path


def draw_photo(path: Path, colour: str, seed: int) -> Path:
    """Write a photo of one colour, with noise of its own."""
    noise = np.random.default_rng(seed).normal(0, 25, (40, 50, 3))
    pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_crawl(folder: Path, posts: int = 96) -> Path:
    """Write a crawl of colours: each post a photo, its colour, and some of the colour's company."""
    draw = np.random.default_rng(7)
    lines = []
    for number in range(posts):
        colour = list(COLOURS)[number % 4]
        draw_photo(folder / "photos" / f"{number:03}.png", colour, number)
        company = [word for word in [*COMPANY[colour], f"day{number}"] if draw.random() < 0.8]
        company += ["daily"] * (draw.random() < 0.3)
        lines.append(
            {"key": f"post-{number}", "hashtags": [colour, *company], "photos": [f"photos/{number:03}.png"]}
        )
    path = folder / "posts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """A new archive of zero posts."""
    with open_archive(tmp_path / "archive", create=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def colour_folder(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """A folder with a crawl of colours in `posts.jsonl` and an archive of it, with a model, in `archive`."""
    return make_colours(tmp_path_factory.mktemp("colours"), backbone)


def make_colours(folder: Path, backbone: Path) -> Path:
    """Make what `colour_folder` has in a folder, and return it."""
    crawl = write_crawl(folder)
    with open_archive(folder / "archive", create=True) as opened:
        import_crawls(opened, [crawl])
        rebuild_model(opened, backbone, QUICK)
    return folder


@pytest.fixture
def colours(colour_folder: Path, tmp_path: Path) -> Iterator[Archive]:
    """A copy of the archive of colours, to be changed at will."""
    with open_archive(copy_archive(colour_folder / "archive", tmp_path / "archive")) as opened:
        yield opened


def float32_backbones(folder: Path) -> list[Path]:
    """The backbones in a folder, without their int8 forms."""
    return [path for path in folder.glob("*.onnx") if not path.stem.endswith(".int8")]


def copy_archive(source: Path, target: Path) -> Path:
    """Copy an archive that nobody has open."""
    import shutil

    shutil.copytree(source, target)
    return target


@pytest.fixture(autouse=True)
def no_archive_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see no archive but their own."""
    monkeypatch.delenv("HASHTAG_ARCHIVE", raising=False)
    assert "HASHTAG_ARCHIVE" not in os.environ
