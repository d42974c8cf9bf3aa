import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.indexer.archive import Archive, open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.curation.verdicts import record_verdict
from hashtag_archive.indexer.errors import ArchiveError, ModelError
from hashtag_archive.indexer.learning import photo_set
from hashtag_archive.indexer.learning.corpus import Corpus, load_corpus
from hashtag_archive.indexer.learning.folds import TEST, TRAINING, VALIDATION
from hashtag_archive.indexer.learning.held_out import fit_held_out
from hashtag_archive.indexer.learning.photo_set import FoldedPhotos, PhotoSet, drawn_photos
from hashtag_archive.indexer.learning.rebuild import rebuild_model
from hashtag_archive.indexer.learning.tagger import TaggerConfig
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.retag import retag_photos
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import list_models
from tests.conftest import QUICK, draw_photo, write_backbone, write_crawl


def test_a_rebuild_beats_popularity_and_its_manifest_says_what_it_is_made_of(colours: Archive) -> None:
    (model,) = list_models(colours)
    figures = model.manifest["figures"]
    assert model.current
    assert figures["test"]["p_at_1"] > figures["popularity"]["p_at_1"]
    assert figures["test"]["map"] > figures["popularity"]["map"]
    assert model.manifest["counts"]["posts"] == model.manifest["counts"]["photos"] == 96
    assert model.manifest["counts"]["assignable"] < model.manifest["counts"]["hashtags"] + 1
    assert set(model.manifest["files"]) == {
        "evidence.npz",
        "head.onnx",
        "hashtags.tsv",
        "index.faiss",
        "index.json",
        "judged.npz",
        "vectors.npy",
    }
    assert not [path for path in colours.models_folder.iterdir() if path.name.startswith(".")]


def test_the_same_seed_and_input_give_the_same_model(colours: Archive) -> None:
    first = list_models(colours)[0].manifest
    second = rebuild_model(colours, config=QUICK).manifest
    assert second["number"] == 2
    assert {name: file["sha256"] for name, file in second["files"].items()} == {
        name: file["sha256"] for name, file in first["files"].items()
    }
    assert second["figures"] == first["figures"]
    third = rebuild_model(colours, config=replace(QUICK, seed=1)).manifest
    assert third["vectors"] != first["vectors"]


def test_a_backbone_is_remembered_and_a_second_one_gets_features_of_its_own(
    colours: Archive, tmp_path: Path
) -> None:
    other = write_backbone(tmp_path / "other.onnx", size=64)
    assert rebuild_model(colours, other, QUICK).manifest["backbone_name"] == "pool"
    with colours.store.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT backbone_id, count(*) FROM features GROUP BY 1").all()
    assert [tuple(row) for row in rows] == [(1, 96), (2, 96)]
    assert (
        rebuild_model(colours, config=QUICK).manifest["backbone"]
        == list_models(colours)[1].manifest["backbone"]
    )


def test_posts_without_photos_make_a_model_of_vectors_alone(archive: Archive, tmp_path: Path) -> None:
    from hashtag_archive.indexer.tagging.query import query_photo
    from hashtag_archive.indexer.tagging.tag import tag_photos

    (tmp_path / "tags.txt").write_text("sea sun\nsea sun sand\nsun sand\nsea sand\n" * 10)
    import_crawls(archive, [tmp_path / "tags.txt"])
    manifest = rebuild_model(archive, config=QUICK).manifest
    assert (manifest["backbone"], manifest["figures"]["test"], manifest["counts"]["hashtags"]) == (
        None,
        None,
        3,
    )
    model = open_model(archive)
    assert {found.hashtag for found in model.related("sea", 5)} == {"sun", "sand"}
    with pytest.raises(ModelError, match="has only hashtag vectors"):
        list(tag_photos(archive, ["x.jpg"]))
    with pytest.raises(ModelError, match="has only hashtag vectors"):
        query_photo(model, "x.jpg")


def test_too_little_data_is_told_in_one_line(archive: Archive, tmp_path: Path, backbone: Path) -> None:
    with pytest.raises(ArchiveError, match="no posts to learn from"):
        rebuild_model(archive, backbone, QUICK)
    (tmp_path / "one.txt").write_text("#lonely\n" * 3)
    import_crawls(archive, [tmp_path / "one.txt"])
    with pytest.raises(ArchiveError, match="only 1 of 1 hashtag on"):
        rebuild_model(archive, backbone, QUICK)
    import_crawls(archive, [write_crawl(tmp_path, posts=8)])
    with pytest.raises(ArchiveError, match=r"too few photos with hashtags: \d in training"):
        rebuild_model(archive, backbone, QUICK)
    assert list_models(archive) == []


def test_broken_photos_are_named_and_the_rest_is_learnt_from(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    crawl = write_crawl(tmp_path)
    (tmp_path / "photos/003.png").write_bytes(b"no image")
    (tmp_path / "photos/004.png").unlink()
    import_crawls(archive, [crawl])
    result = rebuild_model(archive, backbone, QUICK)
    assert {Path(path).name: reason for path, reason in result.failures.reported} == {
        "003.png": "not an image that can be read",
        "004.png": "not found",
    }
    assert result.manifest["counts"]["photos"] == 94


def held_out_pattern() -> tuple[Corpus, PhotoSet, np.ndarray]:
    """Photos whose features give away hashtag 9, which only test posts have, beside hashtag 1."""
    draw = np.random.default_rng(0)
    folds = np.array([TRAINING] * 140 + [VALIDATION] * 30 + [TEST] * 30)
    posts = [[1 + post % 4, 5 + post % 4] for post in range(200)]
    features = np.eye(12, dtype=np.float32)[[post[0] for post in posts]] + draw.normal(0, 0.1, (200, 12))
    for post in range(170, 200):
        posts[post] = [1, 9]
        features[post, 11] = 5
    offsets = np.cumsum([0, *(len(post) for post in posts)])
    hashtags = [np.array(post) for post in posts]
    corpus = Corpus(
        offsets,
        np.concatenate(hashtags),
        folds,
        np.arange(200),
        folds,
        hashtags,
        {id: str(id) for id in range(1, 10)},
    )
    return corpus, PhotoSet(features.astype(np.float32), hashtags), folds


def test_a_pattern_that_only_test_posts_have_is_learnt_by_nothing() -> None:
    corpus, photos, folds = held_out_pattern()
    held_out = fit_held_out(corpus, FoldedPhotos(photos, folds), QUICK.vectors, QUICK.tagger)
    assert held_out.tagger is not None
    assert 9 not in held_out.vectors.ids
    assert 9 not in held_out.tagger.ids
    # Everything but the figures is the same when the test posts are another's.
    changed, other = held_out_pattern()[:2]
    changed.hashtags = np.where(changed.hashtags == 9, 8, changed.hashtags)
    other.features[folds == TEST] = -3
    other.hashtags = [np.where(ids == 9, 8, ids) for ids in other.hashtags]
    again = fit_held_out(changed, FoldedPhotos(other, folds), QUICK.vectors, QUICK.tagger)
    assert again.tagger is not None
    assert again.vectors.digest() == held_out.vectors.digest()
    assert again.thresholds == held_out.thresholds
    assert again.tagger.calibration == held_out.tagger.calibration
    np.testing.assert_array_equal(again.tagger.biases, held_out.tagger.biases)
    probe = np.random.default_rng(1).random((5, 12)).astype(np.float32)
    np.testing.assert_array_equal(again.tagger.logits(probe), held_out.tagger.logits(probe))
    assert again.figures != held_out.figures


def test_the_model_that_ships_has_learnt_from_all_posts(
    archive: Archive, tmp_path: Path, backbone: Path
) -> None:
    crawl = write_crawl(tmp_path)
    import_crawls(archive, [crawl])
    manifest = rebuild_model(archive, backbone, QUICK).manifest
    by_fold = manifest["counts"]["posts_by_fold"]
    assert manifest["counts"]["photos"] == sum(by_fold.values()) == 96
    table = (archive.model_folder(1) / "hashtags.tsv").read_text().splitlines()
    posts = {line.split("\t")[3]: int(line.split("\t")[1]) for line in table}
    written = [set(json.loads(line)["hashtags"]) for line in crawl.read_text().splitlines()]
    assert posts["red"] == sum("red" in hashtags for hashtags in written)


def test_only_one_process_rebuilds_at_a_time(colours: Archive) -> None:
    with (
        colours.building(),
        open_archive(colours.folder) as other,
        pytest.raises(ArchiveError, match=f"process {os.getpid()} is rebuilding it"),
    ):
        rebuild_model(other, config=QUICK)


def test_a_hashtag_that_a_new_crawl_put_on_five_photos_is_assigned_without_a_photo_being_opened(
    colours: Archive, colour_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawled = [json.loads(line) for line in (colour_folder / "posts.jsonl").read_text().splitlines()]
    blue = [post for post in crawled if "blue" in post["hashtags"]][:5]
    for post in blue:
        post["hashtags"].append("blaubeere")
        post["photos"] = [str(colour_folder / photo) for photo in post["photos"]]
    (tmp_path / "posts.jsonl").write_text("".join(json.dumps(post) + "\n" for post in blue))
    assert "blaubeere" not in open_model(colours).hashtags
    import_crawls(colours, [tmp_path / "posts.jsonl"])
    monkeypatch.setattr(OnnxBackbone, "encode", None)  # to look at a photo would fail
    manifest = rebuild_model(colours, config=replace(QUICK, tagger=TaggerConfig(min_photos=5))).manifest
    model = open_model(colours)
    assert manifest["number"] == 2 and "blaubeere" in model.hashtags
    retag_photos(colours)
    with colours.store.snapshot() as connection:
        links = colours.store.posts.photo_links(connection)
        keys = {post.post_id: post.key for post in colours.store.posts.fold_rows(connection)}
    of_key = {keys[post]: photo for post, photo in links}
    guessed = colours.store.models.assignments(list(of_key.values()))
    assert {guess.model for guess in guessed[of_key["post-0"]]} == {2}

    def logit(key: str) -> float:
        return next((g.logit for g in guessed[of_key[key]] if g.hashtag == "blaubeere"), -10.0)

    others = [post["key"] for post in crawled if "red" in post["hashtags"]]
    assert min(logit(post["key"]) for post in blue) > max(logit(key) for key in others)


def test_of_many_photos_some_are_drawn_by_digest_and_judged_ones_are_always_among_them(
    colours: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = str(colours.folder.parent / "judged.png")
    draw_photo(Path(judged), "red", 900)
    list(tag_photos(colours, [judged]))
    record_verdict(colours, judged, accept=["warm"])
    corpus = load_corpus(colours.store)
    whole = drawn_photos(colours.store, corpus)
    monkeypatch.setattr(photo_set, "MOST_READ", {TRAINING: 20, VALIDATION: 5, TEST: 5, "": 10})
    drawn = drawn_photos(colours.store, corpus)
    ids = corpus.photo_ids[drawn]
    assert [(corpus.photo_folds[drawn] == fold).sum() for fold in (VALIDATION, TEST)] == [5, 5]
    assert (corpus.photo_folds[drawn] == TRAINING).sum() == 21
    assert not corpus.photo_posts[int(drawn[-1])] and ids[-1] == corpus.photo_ids[-1]
    assert set(drawn) < set(whole)
    digests = dict(colours.store.photos.digests(set(corpus.photo_ids.tolist())))
    training = [place for place in whole[:-1] if corpus.photo_folds[place] == TRAINING]
    smallest = sorted(training, key=lambda place: digests[int(corpus.photo_ids[place])])[:20]
    assert sorted(smallest) == [place for place in drawn[:-1] if corpus.photo_folds[place] == TRAINING]
    result = rebuild_model(colours, config=QUICK)
    counts = result.manifest["counts"]
    assert (counts["photos"], counts["photos_with_hashtags"]) == (len(drawn), len(whole))
