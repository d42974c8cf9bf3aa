"""An archive learnt with an untrained ResNet50, and trainings of its layer4, one of which is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from torch import Tensor

from hashtag_archive.encoder.export.to_onnx import ExportProof, export_backbone
from hashtag_archive.encoder.pretrained.pixel_backbone import PixelBackbone
from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning import tune_backbone as tuning
from hashtag_archive.indexer.learning.corpus import Corpus, load_corpus
from hashtag_archive.indexer.learning.folds import TRAINING
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.rebuild import RebuildResult, rebuild_model
from hashtag_archive.indexer.photos.backbones import AdoptedBackbone, BackboneChoice, open_adopted
from hashtag_archive.indexer.progress import silent
from tests.conftest import QUICK_NETWORK, write_crawl
from tests.encoder.test_unfreeze_layer4 import Killed
from tests.support.paths import ROOT

UNTRAINED = BackboneChoice("resnet50", "none", 64)

# those of `QUICK_NETWORK`, with layer4 unfrozen for two epochs
OPTIONS = "--layer-epochs 2 --min-photos 3 --size 8 --epochs 400"
OPTIONS += " --head network --head-epochs 5 --dtype float32"
_AT_MOST = 1800  # seconds, which only a process that hangs takes


class Untrained(NamedTuple):
    """A folder like `colour_folder`, what its rebuild returned, and the network that it exported."""

    folder: Path
    result: RebuildResult
    network: PixelBackbone


def make_untrained(folder: Path) -> Untrained:
    """Make an archive of 64 posts in `folder / "archive"`, with a model on an untrained ResNet50."""
    crawl = write_crawl(folder, posts=64)
    exported: list[PixelBackbone] = []

    def keep(network: PixelBackbone, *arguments: Any) -> ExportProof:
        exported.append(network)
        return export_backbone(network, *arguments)

    with open_archive(folder / "archive", create=True) as opened, pytest.MonkeyPatch.context() as patch:
        import_crawls(opened, [crawl])
        patch.setattr("hashtag_archive.encoder.export.to_onnx.export_backbone", keep)
        result = rebuild_model(opened, UNTRAINED, QUICK_NETWORK)
    return Untrained(folder, result, exported[0])


def kill_after_first_checkpoint(archive: Path) -> None:
    """Start a rebuild of its own process, and kill -9 it once an epoch is done."""
    module = [sys.executable, "-m", "hashtag_archive"]
    command = [*module, "--archive", str(archive), "unfreeze", *OPTIONS.split()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + _AT_MOST
    while not list((archive / "backbones").glob("unfreeze-*.pt")):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until, "it never got that far"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def tuned_weights(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, corpus: Corpus | None = None
) -> dict[str, Tensor]:
    """Train layer4 of an archive's ResNet50 as the rebuild above does; return all weights."""
    kept: dict[str, Tensor] = {}

    def keep(_: Archive, network: PixelBackbone, *__: object, **___: object) -> AdoptedBackbone:
        kept.update(network.state_dict())
        raise Killed

    monkeypatch.setattr(tuning, "export_adopted", keep)
    digest = archive.store.setting("resnet50:none:64")
    assert digest
    corpus = corpus or load_corpus(archive.store)
    vectors = learn_vectors(corpus.lists(TRAINING), VectorConfig(size=8, epochs=400))
    frozen, config = open_adopted(archive, digest), UnfreezeConfig(epochs=2)
    with pytest.raises(Killed):
        tuning.tune_backbone(archive, frozen, corpus, vectors, 3, config, silent)
    return kept
