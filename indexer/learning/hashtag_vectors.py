"""Hashtag vectors: skip-gram with negative sampling over the hashtags that share a post.

The report's method and its Table 3 (size 40, 5 negatives). Its window of 5 assumes an order that posts do not have,
and its learning rate of 0.25 is ten times gensim's; `docs/quality.md` compares them.
"""

import hashlib
import logging
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from hashtag_archive.indexer.arrays import Floats, Ids, mean_pairwise_cosine
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.learning.corpus import HashtagLists
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.wording import counted

MANY_POSTS, MANY_HASHTAGS = 20_000, 5_000_000  # from which a second thread is worth it, and fewer epochs do
MAX_CONTEXT = 16  # hashtags of a post that are learnt from together
COLLAPSED = 0.5  # mean pairwise cosine above which vectors are useless
UNMOVED = 0.95  # mean cosine to the random start above which nothing was learnt


@dataclass(frozen=True)
class VectorConfig:
    """How hashtag vectors are learnt. The report's Table 3 has window 5, 10 epochs and alpha 0.25."""

    size: int = 40
    window: int | None = None  # None: the whole post, since posts are sets
    epochs: int | None = None  # None: more for a smaller corpus
    alpha: float = 0.1
    negative: int = 5
    min_count: int = 2  # a hashtag on only one post has too little context
    seed: int = 0

    def epochs_for(self, distinct: int, in_all: int) -> int:
        """Return the epochs: in a small corpus each epoch moves the vectors only a little.

        8,000 times distinct hashtags over all hashtags, as measured on 57,383 posts (31 epochs), at most ten
        million hashtags processed, and at least the report's 10; from `MANY_HASHTAGS` on 5, which are as good
        (docs/quality.md).
        """
        wanted = min(8000 * distinct / max(1, in_all), 10_000_000 / max(1, in_all))
        return self.epochs or max(5 if in_all >= MANY_HASHTAGS else 10, math.ceil(wanted))


@dataclass
class HashtagVectors:
    """Unit vectors float32 (V, d) of the hashtags `ids` (V,), ascending; `warnings` says what is wrong."""

    ids: Ids
    vectors: Floats
    epochs: int = 0
    warnings: tuple[str, ...] = ()

    def digest(self) -> str:
        """Return the sha256, in hex, of ids and vectors, which identifies this space."""
        digest = hashlib.sha256(self.ids.astype("<i8").tobytes())
        digest.update(self.vectors.astype("<f4").tobytes())
        return digest.hexdigest()

    def rows(self, ids: Sequence[int] | Ids) -> Ids:
        """Return the rows of `ids`, -1 for those without a vector."""
        asked = np.asarray(ids, np.int64)
        if not len(self.ids):
            return np.full(len(asked), -1, np.int64)
        places = np.searchsorted(self.ids, asked).clip(max=len(self.ids) - 1)
        return np.where(self.ids[places] == asked, places, -1)


# called with the epochs done, all epochs, and a function that returns the present vectors
Watch = Callable[[int, int, Callable[[], HashtagVectors]], None]
LearntAhead = Callable[[Progress], HashtagVectors]


def learn_vectors(posts: HashtagLists, config: VectorConfig, progress: Progress = silent) -> HashtagVectors:
    """Learn a unit vector for every hashtag on at least `config.min_count` of `posts`.

    It uses one worker, so that the same seed gives the same vectors on the same machine. Raises `ArchiveError` if
    there are fewer than two hashtags.
    """
    seen: dict[str, HashtagVectors] = {}

    def watch(epoch: int, epochs: int, vectors: Callable[[], HashtagVectors]) -> None:
        if epoch == 0:
            seen["start"] = vectors()
        else:
            progress("learning hashtag vectors", epoch, epochs)
        if epoch == epochs:
            seen["learnt"] = vectors()

    train_vectors(posts, config, watch)
    learnt = seen["learnt"]
    return replace(learnt, warnings=_warnings(learnt.vectors, seen["start"].vectors))


def learn_ahead(posts: HashtagLists, config: VectorConfig) -> LearntAhead:
    """Begin `learn_vectors` in a thread; return what waits for it, and returns or raises its outcome.

    gensim trains without Python's lock: two corpora take little longer than one where two cores are free, and
    give the same vectors. With one core, or few posts, it begins when it is waited for.
    """
    if cores() < 2 or len(posts) < MANY_POSTS:
        return partial(learn_vectors, posts, config)
    done: list[tuple[str, int, int | None]] = []
    outcome: Future[HashtagVectors] = Future()

    def learn() -> None:
        try:
            outcome.set_result(learn_vectors(posts, config, lambda *state: done.append(state)))
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            outcome.set_exception(error)

    # An executor's threads would be waited for after Ctrl-C.
    threading.Thread(target=learn, daemon=True).start()

    def wait(progress: Progress = silent) -> HashtagVectors:
        while not outcome.done():
            futures_wait([outcome], timeout=0.5)
            if done:
                progress(*done[-1])
        return outcome.result()

    return wait


def train_vectors(posts: HashtagLists, config: VectorConfig, watch: Watch) -> None:
    """Train skip-gram on `posts`, and call `watch` at the random start and after every epoch.

    The vectors may have diverged: the caller checks whether they are finite.
    """
    kept, in_all = require_hashtags(posts, config.min_count)
    from gensim.models import Word2Vec

    logging.getLogger("gensim").setLevel(logging.ERROR)
    epochs = config.epochs_for(kept, in_all)
    network = Word2Vec(
        vector_size=config.size,
        window=config.window or MAX_CONTEXT,  # each part is within the window of each of its hashtags
        shrink_windows=config.window is not None,
        min_count=config.min_count,
        sg=1,
        hs=0,
        negative=config.negative,
        alpha=config.alpha,
        workers=1,
        seed=config.seed,
        epochs=epochs,
    )
    network.build_vocab(posts)
    ids = np.array([int(word) for word in network.wv.index_to_key], np.int64)
    order = np.argsort(ids)

    def present(epoch: int) -> HashtagVectors:
        return HashtagVectors(ids[order], unit(np.array(network.wv.vectors, np.float32)[order]), epoch)

    def advance(epoch: int) -> None:
        watch(epoch, epochs, lambda: present(epoch))

    advance(0)
    read = posts if config.window else RandomParts(posts, MAX_CONTEXT, config.seed)
    network.train(read, total_examples=len(read), epochs=epochs, callbacks=[_epoch_callback(advance)])


class RandomParts:
    """Posts' hashtags as gensim reads them, with posts of more than `most` in random parts, others at every pass.

    Skip-gram learns from every pair of a post, in a time that would grow with the square of a post's hashtags. In
    parts it grows linearly, and over the epochs each hashtag meets all others of its post.
    """

    def __init__(self, posts: HashtagLists, most: int, seed: int) -> None:
        self._posts, self._most, self._seed = posts, most, seed
        self._passes = 0

    def __len__(self) -> int:
        return sum(max(1, -(-len(hashtags) // self._most)) for hashtags in self._posts)

    def __iter__(self) -> Iterator[list[str]]:
        draw = np.random.default_rng([self._seed, self._passes])
        self._passes += 1
        for hashtags in self._posts:
            if len(hashtags) <= self._most:
                yield hashtags
                continue
            parts = -(-len(hashtags) // self._most)
            for part in np.array_split(draw.permutation(len(hashtags)), parts):
                yield [hashtags[place] for place in part.tolist()]


def require_hashtags(posts: HashtagLists, min_count: int) -> tuple[int, int]:
    """Return the number of hashtags on at least `min_count` posts, and of all their occurrences.

    Raises `ArchiveError` if there are fewer than two.
    """
    counts = np.bincount(posts.flat())
    kept = int((counts >= max(1, min_count)).sum())
    if kept < 2:
        raise ArchiveError(
            f"only {kept} of {counted(int(np.count_nonzero(counts)), 'hashtag')} on at least {min_count} of"
            f" {len(posts)} {posts.name}; at least two are needed: import more posts, or lower --min-count"
        )
    return kept, int(counts.sum())


def _epoch_callback(advance: Callable[[int], None]) -> object:
    """Return a gensim callback that reports the epochs done."""
    from gensim.models.callbacks import CallbackAny2Vec

    class Reporter(CallbackAny2Vec):  # type: ignore[misc]
        done = 0

        def on_epoch_end(self, model: object) -> None:
            self.done += 1
            advance(self.done)

    return Reporter()


def unit(vectors: Floats) -> Floats:
    """Return rows normalised to length 1; a row of zeros is unchanged."""
    with np.errstate(all="ignore"):  # diverged vectors become nan, which callers report
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


def _warnings(vectors: Floats, start: Floats) -> tuple[str, ...]:
    warnings = []
    if not np.isfinite(vectors).all():
        raise ArchiveError("hashtag vectors diverged: values that are not finite; lower --alpha")
    cosine = mean_pairwise_cosine(vectors)
    if cosine > COLLAPSED:
        warnings.append(
            f"hashtag vectors have collapsed: mean pairwise cosine {cosine:.2f}; more epochs or posts would help"
        )
    moved = float((vectors * start).sum(1).mean())
    if moved > UNMOVED:
        warnings.append(
            f"hashtag vectors hardly moved from their start: mean cosine {moved:.2f} to it; more epochs would help"
        )
    return tuple(warnings)
