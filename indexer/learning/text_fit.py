"""Learns from captions and locations, and adds them to a tagger.

Words get vectors as hashtags do, by skip-gram over the words and hashtags that share a post, so that a word lies
near the hashtags that it occurs with. A ridge regression of standardised hashtags on those texts is then added to
the photo's score, with a weight chosen on validation photos: zero if texts do not help.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.indexer.arrays import Floats, Ids
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.calibration import Calibration, fit_calibration
from hashtag_archive.indexer.learning.corpus import hashtag_lists
from hashtag_archive.indexer.learning.hashtag_vectors import VectorConfig, learn_vectors
from hashtag_archive.indexer.learning.photo_set import PhotoSet, columns, judged_photos, truth_of
from hashtag_archive.indexer.learning.tagger import TaggerFit
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.text_space import BALANCE, PostText, TextSpace, words_of
from hashtag_archive.indexer.progress import Progress, silent

_RIDGE = 5.0
_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 1.5)  # of the text, relative to the photo
_LEAST_POSTS = 2  # posts that a word needs for a vector


@dataclass(frozen=True)
class TextPost:
    """A post's hashtag ids and text."""

    hashtags: Ids
    text: PostText


def learn_text_space(
    posts: Sequence[TextPost], fields: Sequence[str], config: VectorConfig, progress: Progress = silent
) -> TextSpace:
    """Learn vectors of the words in `fields`; raises `ArchiveError` unless two words are on two posts each."""
    offset = 1 + max((int(post.hashtags.max()) for post in posts if len(post.hashtags)), default=0)
    numbers: dict[str, int] = {}
    rows, seen = [], Counter[str]()
    for post in posts:
        tokens = [f"{name}:{word}" for name in fields for word in words_of(post.text.get(name, ""))]
        seen.update(tokens)
        ids = [numbers.setdefault(token, offset + len(numbers)) for token in tokens]
        rows.append(np.concatenate([post.hashtags, np.array(ids, np.int64)]))
    if sum(count >= _LEAST_POSTS for count in seen.values()) < 2:
        raise ArchiveError(f"no two words of {' or '.join(fields)} are on two posts each: leave out --with")
    learnt = learn_vectors(
        hashtag_lists(rows, "posts"),
        replace(config, min_count=_LEAST_POSTS, epochs=None, window=None),
        progress,
    )
    known = learnt.ids >= offset
    tokens = list(numbers)  # in the order of their ids
    words = [tokens[id - offset] for id in learnt.ids[known].tolist()]
    weights = np.array([np.log(len(posts) / seen[word]) + 0.1 for word in words], np.float32)
    space = {word: row for row, word in enumerate(words)}
    return TextSpace(tuple(fields), space, learnt.vectors[known], weights)


def choose_text(fit: TaggerFit, space: TextSpace, training: PhotoSet, validation: PhotoSet) -> TaggerFit:
    """Return the fit with the text weight that is best on validation photos, calibrated with it.

    The weight is in `text_weight`; at zero the fit uses only photos.
    """
    judged = judged_photos(validation, fit.ids)
    truth = truth_of(judged, fit.ids)
    best, least = fit, float("inf")
    for weight in _WEIGHTS:
        tried = add_text(fit, space, training, weight)
        texts = tried.texts(judged)
        scores = tried.raw_scale * tried.cosines(judged.features, texts) + tried.own
        tried.calibration = fit_calibration(scores, fit.priors, truth, fit.calibration_start)
        loss = _entropy(tried.logits(judged.features, texts), truth)
        if loss < least:
            best, least = tried, loss
    return best


def add_text(fit: TaggerFit, space: TextSpace, training: PhotoSet, weight: float) -> TaggerFit:
    """Return the fit with the texts' regression on `training` photos added to its scores; zero adds none.

    The photo's score s · cos plus the text's is one inner product: vectors (V, d) become (V, d + 1 + t). The
    first added coordinate, at which embeddings are zero, makes their length 1.
    """
    if not weight:
        return replace(fit, text=None, text_weight=0.0, calibration=Calibration())
    slopes = (weight / BALANCE) * _regression(space.embed(training.texts or []), training, fit.ids)
    scaled = np.concatenate([fit.raw_scale * fit.vectors, slopes], axis=1)
    longest = max(float(np.linalg.norm(scaled, axis=1).max()), 1e-12)
    inside = scaled / longest
    rest = np.sqrt(np.maximum(1 - (inside * inside).sum(1, keepdims=True), 0))
    size = fit.vectors.shape[1]
    vectors = np.concatenate([inside[:, :size], rest, inside[:, size:]], axis=1).astype(np.float32)
    return replace(
        fit, vectors=vectors, raw_scale=longest, text=space, text_weight=weight, calibration=Calibration()
    )


def _regression(texts: Floats, photos: PhotoSet, ids: Ids) -> NDArray[np.float64]:
    """Return ridge coefficients (V, t) of standardised hashtags on the texts of photos that have one."""
    with_text = np.asarray(texts.any(axis=1), np.bool_)
    texts = texts[with_text].astype(np.float64)
    rows = columns([row for row, kept in zip(photos.hashtags, with_text.tolist(), strict=True) if kept], ids)
    shares = np.bincount(np.concatenate([np.zeros(0, np.int64), *rows]), minlength=len(ids)) / max(
        1, len(rows)
    )
    cross = np.zeros((texts.shape[1], len(ids)))
    for text, found in zip(texts, rows, strict=True):
        cross[:, found] += text[:, None]
    cross -= np.outer(texts.sum(0), shares)
    spread = np.sqrt(np.maximum(shares * (1 - shares), 1e-4))
    gram = texts.T @ texts + _RIDGE * np.eye(texts.shape[1])
    slopes: NDArray[np.float64] = (np.linalg.solve(gram, cross) / spread).T
    return slopes


def _entropy(logits: Floats, truth: NDArray[np.bool_]) -> float:
    """Return the mean cross-entropy per pair."""
    likelihood = np.where(truth, sigmoid(logits), 1 - sigmoid(logits))
    return float(-np.log(np.maximum(likelihood, 1e-12)).mean())
