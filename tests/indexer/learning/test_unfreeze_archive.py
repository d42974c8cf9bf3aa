"""Unfreezing in an archive: its figures, what it may learn from, and a rebuild that is killed and goes on."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from torch import Tensor

from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.backbone_spec import NO_MEAN, NO_STD, BackboneSpec
from hashtag_archive.encoder.export.to_onnx import EMBEDDING_TOLERANCE, FEATURE_TOLERANCE, verify_backbone
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.pretrained.resnet50 import resnet50_from_onnx
from hashtag_archive.encoder.training.unfreeze import UnfreezeConfig
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning import tune_backbone as tuning
from hashtag_archive.indexer.learning.corpus import load_corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.learning.unfreeze import unfreeze_model
from hashtag_archive.indexer.photos.backbones import open_adopted
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK_NETWORK, copy_archive, draw_photo, float32_backbones
from tests.encoder.test_unfreeze_layer4 import assert_same
from tests.indexer.learning.test_unfreeze_refused import run
from tests.support.layer4 import (
    OPTIONS,
    UNTRAINED,
    Untrained,
    kill_after_first_checkpoint,
    make_untrained,
    tuned_weights,
)
from tests.support.near import require_near


@pytest.fixture(scope="module")
def untrained_rebuild(tmp_path_factory: pytest.TempPathFactory) -> Untrained:
    """The export takes so long that all tests of a ResNet50 in an archive are in this file, and use this one."""
    return make_untrained(tmp_path_factory.mktemp("untrained"))


@pytest.fixture
def untrained_colours(untrained_rebuild: Untrained, tmp_path: Path) -> Iterator[Archive]:
    """A copy of that archive, to be changed at will."""
    with open_archive(copy_archive(untrained_rebuild.folder / "archive", tmp_path / "archive")) as opened:
        yield opened


def test_an_untrained_backbone_is_created_once_and_named_untrained(
    untrained_rebuild: Untrained, untrained_colours: Archive, tmp_path: Path
) -> None:
    first = untrained_rebuild.result
    assert first.backbone is not None
    assert first.backbone.untrained
    assert first.backbone.proof is not None
    assert first.manifest["backbone_name"] == "resnet50-untrained"
    draw_photo(
        tmp_path / "0.png", "blue", 99
    )  # other photos would give an untrained network other statistics
    post = {"key": "post-0", "hashtags": ["red"], "photos": ["0.png"]}
    (tmp_path / "again.jsonl").write_text(json.dumps(post))
    import_crawls(untrained_colours, [tmp_path / "again.jsonl"])
    second = rebuild_model(untrained_colours, UNTRAINED, QUICK_NETWORK)
    assert second.manifest["backbone"] == first.manifest["backbone"]
    assert second.backbone is not None
    assert second.backbone.proof is None
    assert len(float32_backbones(untrained_colours.backbones_folder)) == 1


def test_onnx_computes_what_torch_does_for_any_batch_and_size(untrained_rebuild: Untrained) -> None:
    made, network = untrained_rebuild.result.backbone, untrained_rebuild.network
    assert made is not None
    assert made.proof is not None
    assert made.proof.features < FEATURE_TOLERANCE
    assert made.proof.embeddings < EMBEDDING_TOLERANCE
    folder = untrained_rebuild.folder / "archive/backbones"
    (file,) = float32_backbones(folder)
    assert {path.suffix for path in folder.iterdir()} == {".onnx", ".json"}
    encoder = OnnxBackbone(file, BackboneSpec("r", 96, NO_MEAN, NO_STD, "features"))
    pixels = np.random.default_rng(2).integers(0, 256, (5, 96, 96, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(encoder.encode(pixels), expected, rtol=2e-3, atol=5e-3)  # float16
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.network.conv1.weight *= 1.01  # type: ignore[operator, union-attr]
    with pytest.raises(EncoderError, match="features differ from torch"):
        verify_backbone(other, file)


@pytest.fixture(scope="module")
def unfrozen(untrained_rebuild: Untrained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """An archive whose unfreezing was killed and started again, and what the second run printed."""
    archive = copy_archive(
        untrained_rebuild.folder / "archive", tmp_path_factory.mktemp("unfrozen") / "archive"
    )
    kill_after_first_checkpoint(archive)
    assert len(float32_backbones(archive / "backbones")) == 1
    return archive, run(archive, "unfreeze", *OPTIONS.split())


@pytest.fixture(scope="module")
def uninterrupted_rebuild(
    untrained_rebuild: Untrained, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Tensor]:
    """All weights of a training like that of `unfrozen` that nobody killed."""
    folder = copy_archive(untrained_rebuild.folder / "archive", tmp_path_factory.mktemp("whole") / "archive")
    with open_archive(folder) as archive, pytest.MonkeyPatch.context() as patch:
        return tuned_weights(archive, patch)


def test_an_unfreezing_killed_after_an_epoch_goes_on_and_ends_where_an_uninterrupted_one_does(
    unfrozen: tuple[Path, Result], uninterrupted_rebuild: dict[str, Tensor]
) -> None:
    folder, done = unfrozen
    assert done.exit_code == 0, done.output
    assert re.search(r"training layer4 resumed after epoch [12]", done.stderr)
    backbones = folder / "backbones"
    assert {path.suffix for path in backbones.iterdir()} == {".onnx", ".json"}
    with open_archive(folder) as archive:
        about = list_models(archive)[-1].manifest["unfrozen"]
        digest = list_models(archive)[-1].manifest["backbone"]
        tuned = resnet50_from_onnx(archive.backbone_file(digest)).state_dict()
        frozen = resnet50_from_onnx(archive.backbone_file(about["from"])).state_dict()
    weights = uninterrupted_rebuild
    for name, value in tuned.items():
        learnt = ".layer4." in name and name.endswith((".weight", ".bias"))
        assert torch.equal(value, frozen[name]) or learnt, name
        if learnt and value.ndim == 4:  # the export has folded the norms into these
            norm = weights[unfrozen_norm(name)].view(-1, 1, 1, 1)
            torch.testing.assert_close(value, weights[name] * norm, atol=1e-6, rtol=1e-5)
            assert not torch.equal(value, frozen[name])


def unfrozen_norm(convolution: str) -> str:
    return convolution.replace("conv", "bn").replace("downsample.0", "downsample.1")


def test_the_tuned_backbone_is_another_one_that_computes_what_torch_does(
    unfrozen: tuple[Path, Result],
) -> None:
    with open_archive(unfrozen[0]) as archive:
        first, second = (model.manifest for model in list_models(archive))
        with archive.store.snapshot() as connection:
            rows = connection.exec_driver_sql("SELECT backbone_id, count(*) FROM features GROUP BY 1").all()
        session = open_adopted(archive, second["backbone"]).session
        network = resnet50_from_onnx(archive.backbone_file(second["backbone"]))
    assert second["backbone_name"] == "resnet50-untrained-layer4"
    assert (second["unfrozen"]["from"], first["unfrozen"]) == (first["backbone"], None)
    assert [tuple(row) for row in rows] == [(1, 64), (2, 64)]
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(session.encode(pixels), expected, rtol=2e-3, atol=2e-3)  # float16


def test_figures_of_both_networks_are_printed_and_in_the_manifest(unfrozen: tuple[Path, Result]) -> None:
    with open_archive(unfrozen[0]) as archive:
        first, second = (model.manifest for model in list_models(archive))
    figures = second["figures"]
    frozen = figures["beside"]["frozen"]
    require_near(frozen, first["figures"]["test"])
    assert frozen != figures["test"]
    lines = unfrozen[1].stdout.splitlines()
    rows = {"this model": figures["test"], "frozen": frozen, "popularity": figures["popularity"]}
    for name, row in rows.items():
        (line,) = (line for line in lines if line.startswith(f"  {name} "))
        assert f"{row['map']:.3f}" in line
    assert any(line.startswith("layer4 learnt from") and "better than frozen in" in line for line in lines)
    assert "training posts" in second["unfrozen"]["learnt_from"]


def test_what_test_posts_say_changes_nothing_in_the_network(
    untrained_colours: Archive, monkeypatch: pytest.MonkeyPatch, uninterrupted_rebuild: dict[str, Tensor]
) -> None:
    corpus = load_corpus(untrained_colours.store)
    for post in np.flatnonzero(corpus.post_folds == TEST):
        corpus.hashtags[corpus.offsets[post] : corpus.offsets[post + 1]] = corpus.hashtags[0]
    for place in np.flatnonzero(corpus.photo_folds == TEST):
        corpus.photo_hashtags[place] = corpus.photo_hashtags[0]
    assert_same(tuned_weights(untrained_colours, monkeypatch, corpus), uninterrupted_rebuild)


def test_a_tuned_backbone_is_remembered_and_not_trained_twice(
    unfrozen: tuple[Path, Result], tmp_path: Path
) -> None:
    stages = set()
    with open_archive(copy_archive(unfrozen[0], tmp_path / "archive")) as archive:
        before = list_models(archive)[-1].manifest
        (archive.backbones_folder / "unfreeze-0123456789abcdef.pt").write_bytes(b"of a training given up")
        plain = rebuild_model(archive, config=QUICK_NETWORK).manifest
        assert not list(archive.backbones_folder.glob("*.pt"))
        again = unfreeze_model(
            archive,
            config=QUICK_NETWORK,
            unfreeze=UnfreezeConfig(epochs=2),
            progress=lambda stage, *_: stages.add(stage),
        )
        assert len(float32_backbones(archive.backbones_folder)) == 2
    assert plain["backbone"] == again.manifest["backbone"] == before["backbone"]
    assert plain["unfrozen"] == again.manifest["unfrozen"] == before["unfrozen"]
    assert "frozen" not in plain["figures"]["beside"]
    require_near(plain["figures"]["test"], before["figures"]["test"])
    require_near(again.manifest["figures"], before["figures"])
    assert stages == {"learning hashtag vectors"}  # nothing is encoded or trained again


def test_compare_by_owner_warns_of_a_network_that_knows_other_folds(unfrozen: tuple[Path, Result]) -> None:
    for split, warned in (("owner", True), ("fold", False)):
        done = run(
            unfrozen[0], "compare", "--systems", "popularity", "--min-photos", "3", "--split-by", split
        )
        assert done.exit_code == 0, done.output
        assert ("layer4 has learnt from some of these test photos" in done.stderr) == warned


def test_photos_whose_files_are_gone_are_not_learnt_from_and_told(
    untrained_colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = load_corpus(untrained_colours.store)
    vectors = learn_vectors(corpus.lists(TRAINING), VectorConfig(size=8, epochs=400))
    whole = tuning._Photos(untrained_colours, corpus, vectors, 3)
    monkeypatch.setattr(tuning, "has_unchanged_file", lambda _, ids: np.arange(len(ids)) >= 2)
    lesson = tuning._Photos(untrained_colours, corpus, vectors, 3)
    assert set(whole.photo_ids) - set(lesson.photo_ids) == set(whole.photo_ids[:2])
    assert (whole.notes, lesson.notes) == ([], ["layer4 did not learn from 2 photos gone or changed"])
    monkeypatch.setattr(tuning, "has_unchanged_file", lambda _, ids: np.zeros(len(ids), np.bool_))
    with pytest.raises(ArchiveError, match="0 of training and 0 of validation posts can still be read"):
        tuning._Photos(untrained_colours, corpus, vectors, 3)
