"""The main job on real photos and real posts, where they are at hand."""

from pathlib import Path

import numpy as np
import pytest

from hashtag_archive.indexer.archive import open_archive
from hashtag_archive.indexer.crawls.import_posts import import_crawls
from hashtag_archive.indexer.learning.corpus import load_corpus
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.left_out import left_out_hits, popularity_hits
from hashtag_archive.indexer.learning.rebuild import RebuildConfig, rebuild_model
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.tagging.query import query_photo
from hashtag_archive.indexer.tagging.tag import tag_photos
from hashtag_archive.indexer.upkeep.stats import archive_stats


def test_recipes_are_imported_rebuilt_tagged_and_queried(shared: Path, tmp_path: Path) -> None:
    with open_archive(tmp_path / "archive", create=True) as archive:
        totals = import_crawls(archive, [shared / "data/recipes/posts.jsonl"])
        assert (totals.new, totals.without_photo, totals.refused) == (138, 0, {})
        config = RebuildConfig(VectorConfig(epochs=300))
        result = rebuild_model(archive, shared / "backbones/mobilenet_v2_imagenet.onnx", config)
        assert not result.failures.reported
        images = shared / "data/recipes/images"
        tagged = {photo.photo: photo for photo in tag_photos(archive, [str(images)])}
        assert len(tagged) == archive_stats(archive).photo_paths == 159
        assert all(photo.guesses and not photo.error for photo in tagged.values())
        path = str(images / "pizza.jpg") if (images / "pizza.jpg").exists() else str(images / "paella.jpg")
        asked = query_photo(open_model(archive), path, best=5)
        np.testing.assert_allclose(
            [found.score for found in asked], [guess.score for guess in tagged[path].guesses[:5]], atol=1e-3
        )


def test_vectors_of_real_posts_find_left_out_hashtags_better_than_popularity(
    shared: Path, tmp_path: Path
) -> None:
    with open_archive(tmp_path / "archive", create=True) as archive:
        totals = import_crawls(archive, [shared / "data/harrison/tag_list.txt"])
        assert totals.posts == totals.new == totals.without_photo == 57_383
        corpus = load_corpus(archive.store)
    training, test = corpus.lists("training"), corpus.lists("test")
    learnt = learn_vectors(training, VectorConfig(epochs=10))
    counts = np.bincount(training.flat(), minlength=2000)[learnt.ids]
    hits, popular = left_out_hits(learnt, test.ids()), popularity_hits(learnt, test.ids(), counts)
    assert hits is not None
    assert popular is not None
    assert hits > 1.5 * popular
    texts = [corpus.texts[id] for id in learnt.ids.tolist()]
    cosines = learnt.vectors @ learnt.vectors[texts.index("beach")]
    nearest = {texts[place] for place in np.argsort(-cosines)[1:11]}
    assert nearest & {"ocean", "sea", "sand", "surf", "waves"}
    assert pytest.approx(1, abs=1e-5) == float(cosines.max())
