"""The data that a rebuild learns from, as arrays: hashtags of posts, and photos with hashtags and folds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hashtag_archive.db.stores.posts import FoldRow
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.learning.corpus_words import Names, Verdicts
from hashtag_archive.indexer.learning.folds import TRAINING, assign_folds, folds_by_owner
from hashtag_archive.indexer.learning.habits import HabitLimit, Habits, bound_habits


@dataclass
class Corpus:
    """Posts and photos as arrays.

    Post i has the hashtags `hashtags[offsets[i]:offsets[i + 1]]` (ids, in the crawl's order) and the fold
    `post_folds[i]`. An alias has its target's id everywhere. Photo j is `photo_ids[j]`, of fold `photo_folds[j]`
    ("" if its posts are of several), has the hashtags of all its posts but blocked ones, `photo_hashtags[j]`
    (sorted ids), and is in the posts `photo_posts[j]`. `texts` maps ids to texts; `post_texts` has each post's
    caption and location if requested.

    Verdicts override the crawl: accepted hashtags are among a photo's hashtags, rejected ones are not, and are in
    `photo_rejected[j]` (sorted ids; all empty if there are no verdicts). Photos without a post are included if
    they have verdicts, in the training fold. `verdicts` counts both kinds.

    If owners' habits are limited, `habits` marks the uses of `hashtags` that are learnt from, and
    `photo_taught[j]` has the hashtags of photo j that are.
    """

    offsets: Ids
    hashtags: Ids
    post_folds: NDArray[np.str_]
    photo_ids: Ids
    photo_folds: NDArray[np.str_]
    photo_hashtags: list[Ids]
    texts: dict[int, str]
    photo_posts: Sequence[Sequence[int]] = ()
    post_texts: list[dict[str, str]] | None = None
    photo_rejected: list[Ids] = field(default_factory=list)
    verdicts: tuple[int, int] = (0, 0)
    habits: Habits | None = None
    photo_taught: list[Ids] | None = None

    @property
    def posts(self) -> int:
        """The number of posts."""
        return len(self.post_folds)

    def lists(self, *folds: str) -> "HashtagLists":
        """Return the hashtag lists of the posts in `folds`, or of all posts if none is given."""
        rows = np.flatnonzero(np.isin(self.post_folds, folds)) if folds else np.arange(self.posts)
        return HashtagLists(self, rows, " ".join([*folds, "posts"]))

    def without_habits(self) -> "Corpus":
        """Return the corpus without the uses of hashtags that are not learnt from."""
        if self.habits is None or not self.habits.bounded:
            return self
        kept = self.habits.taught
        offsets = np.append(0, np.cumsum(kept))[self.offsets]
        photos = self.photo_hashtags if self.photo_taught is None else self.photo_taught
        return replace(
            self, offsets=offsets, hashtags=self.hashtags[kept], photo_hashtags=photos, habits=None
        )


class HashtagLists:
    """Hashtag ids as text, one list per post: the corpus that gensim iterates over several times."""

    def __init__(self, corpus: Corpus, rows: Ids, name: str = "posts") -> None:
        self.name = name
        self._corpus = corpus
        self._rows = rows

    def __iter__(self) -> Iterator[list[str]]:
        ends = np.cumsum(self._lengths).tolist()
        for start, end in zip([0, *ends], ends, strict=False):
            yield self._words[start:end]

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def _words(self) -> list[str]:
        """All hashtags of all posts, each text once in memory."""
        flat = self.flat()
        texts = {id: str(id) for id in np.flatnonzero(np.bincount(flat)).tolist()}
        return [texts[id] for id in flat.tolist()]

    @property
    def _lengths(self) -> Ids:
        offsets = self._corpus.offsets
        lengths: Ids = offsets[self._rows + 1] - offsets[self._rows]
        return lengths

    def ids(self) -> Iterator[Ids]:
        """Yield each post's hashtag ids."""
        offsets, hashtags = self._corpus.offsets, self._corpus.hashtags
        for row in self._rows:
            yield hashtags[offsets[row] : offsets[row + 1]]

    def flat(self) -> Ids:
        """All hashtag ids of all posts, one after the other."""
        lengths = self._lengths
        before = np.cumsum(lengths) - lengths  # the number of hashtags of earlier posts
        places = np.repeat(self._corpus.offsets[self._rows] - before, lengths) + np.arange(lengths.sum())
        found: Ids = self._corpus.hashtags[places]
        return found


def hashtag_lists(rows: list[Ids], name: str = "rows") -> HashtagLists:
    """Return the corpus of lists of hashtag ids that are not from an archive."""
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    flat = np.concatenate([np.zeros(0, np.int64), *rows])
    folds = np.zeros(len(rows), "<U10")
    return HashtagLists(Corpus(offsets, flat, folds, flat[:0], folds[:0], [], {}), np.arange(len(rows)), name)


def load_corpus(store: Store, *, with_texts: bool = False, bound: HabitLimit | None = None) -> Corpus:
    """Assign a fold to every post that has none, then read posts, hashtags and photos in one snapshot.

    With a `bound`, owners' habits beyond it are marked as not to be learnt from.
    """
    with store.write() as connection:
        posts = store.posts.fold_rows(connection)
        links = store.posts.photo_links(connection)
        changes = assign_folds(posts, links)
        store.posts.put_folds(connection, changes)
        corpus = _corpus(connection, store, posts, links, changes, bound)
        if with_texts:
            corpus.post_texts = [text for _, text in store.posts.texts(connection)]
        return corpus


def read_corpus(store: Store, owners_seed: int | None = None, *, bound: HabitLimit | None = None) -> Corpus:
    """Do the same without writing: posts without a fold get theirs only in memory.

    With `owners_seed`, posts are split by owner instead of by the archive's folds.
    """
    with store.snapshot() as connection:
        posts = store.posts.fold_rows(connection)
        links = store.posts.photo_links(connection)
        folds = assign_folds(posts, links) if owners_seed is None else folds_by_owner(posts, owners_seed)
        return _corpus(connection, store, posts, links, folds, bound)


def _corpus(
    connection: Connection,
    store: Store,
    posts: list[FoldRow],
    links: list[tuple[int, int]],
    changes: dict[int, str],
    bound: HabitLimit | None = None,
) -> Corpus:
    """Read the rest; `changes` (post id -> fold) override the stored folds."""
    rows = {post.post_id: row for row, post in enumerate(posts)}
    folds = np.array([changes.get(post.post_id, post.fold) for post in posts], dtype="<U10")
    names = Names.read(connection, store)
    offsets, hashtags = _hashtags_by_post(connection, store, posts, names)
    verdicts = Verdicts.read(connection, store, names)
    photos: dict[int, list[int]] = {photo: [] for photo in verdicts.contents}
    for post_id, photo_id in links:
        photos.setdefault(photo_id, []).append(rows[post_id])
    ordered = sorted(photos)
    crawled = [_union(photos[photo], offsets, hashtags) for photo in ordered]
    corpus = Corpus(
        offsets,
        hashtags,
        folds,
        np.array(ordered, np.int64),
        np.array([_fold(folds, photos[photo]) for photo in ordered], "<U10"),
        [verdicts.truth(photo, found, names.blocked) for photo, found in zip(ordered, crawled, strict=True)],
        names.texts,
        [photos[photo] for photo in ordered],
        photo_rejected=[verdicts.rejections(photo) for photo in ordered],
        verdicts=verdicts.counts,
    )
    if bound:
        corpus.habits = bound_habits([post.owner for post in posts], offsets, hashtags, bound)
    if corpus.habits and corpus.habits.bounded:
        taught = corpus.without_habits()
        learnt = [_union(photos[photo], taught.offsets, taught.hashtags) for photo in ordered]
        corpus.photo_taught = [
            verdicts.truth(photo, found, names.blocked) for photo, found in zip(ordered, learnt, strict=True)
        ]
    return corpus


def _fold(post_folds: NDArray[np.str_], posts: list[int]) -> str:
    """Return a photo's fold, "" if its posts are of several; one without a post has only verdicts, and trains."""
    found = set(post_folds[posts].tolist()) if posts else {TRAINING}
    return str(found.pop()) if len(found) == 1 else ""


def _hashtags_by_post(
    connection: Connection, store: Store, posts: list[FoldRow], names: Names
) -> tuple[Ids, Ids]:
    """Return offsets and hashtag ids of the posts, sorted by post id, with aliases replaced by their targets.

    Blocked hashtags are included: the hashtags that occur with them are learnt from that, too.
    """
    post_ids = np.fromiter((post.post_id for post in posts), np.int64, len(posts))
    counts = np.zeros(len(posts) + 1, np.int64)
    parts = [np.zeros(0, np.int64)]
    for chunk in store.posts.hashtag_rows(connection):
        pairs = np.fromiter(chain.from_iterable(chunk), np.int64, 2 * len(chunk)).reshape(-1, 2)
        rows = np.searchsorted(post_ids, pairs[:, 0])
        counts[rows[0] + 1 : rows[-1] + 2] += np.bincount(rows - rows[0])
        parts.append(pairs[:, 1].copy())
    return _each_once(np.cumsum(counts), np.concatenate(parts), names.targets)


def _each_once(offsets: Ids, hashtags: Ids, targets: dict[int, int]) -> tuple[Ids, Ids]:
    """Return the same posts with aliases replaced by their targets, each once per post, at its first place."""
    if not targets:
        return offsets, hashtags
    most = int(hashtags.max(initial=0)) + 1
    counts_as = np.arange(max(most, *(id + 1 for id in (*targets, *targets.values()))))
    counts_as[list(targets)] = list(targets.values())
    posts, named = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), counts_as[hashtags]
    kept = np.sort(np.unique(posts * len(counts_as) + named, return_index=True)[1])
    return np.cumsum(np.append(0, np.bincount(posts[kept], minlength=len(offsets) - 1))), named[kept]


def _union(posts: list[int], offsets: Ids, hashtags: Ids) -> Ids:
    if len(posts) == 1:  # its hashtags are distinct
        return np.sort(hashtags[offsets[posts[0]] : offsets[posts[0] + 1]])
    parts = [hashtags[offsets[post] : offsets[post + 1]] for post in posts]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
