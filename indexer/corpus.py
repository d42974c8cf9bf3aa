"""What a rebuild learns from, as arrays: posts' hashtags, and photos with their hashtags and folds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from db import Store
from db.post_store import FoldRow
from db.vocabulary import Vocabulary
from indexer.folds import assign_folds, fold_of_photo, folds_by_owner

Ids = NDArray[np.int64]


@dataclass
class Corpus:
    """Crawled truth in rows.

    Post i has the hashtags `hashtags[offsets[i]:offsets[i + 1]]` (ids, in the crawl's order) and the fold
    `post_folds[i]`. A hashtag that counts as another has that one's id, everywhere. Photo j is `photo_ids[j]`, of
    fold `photo_folds[j]` ("" where its posts are of several), and has the hashtags of all its posts but blocked
    ones, `photo_hashtags[j]` (sorted ids), and stands in the posts `photo_posts[j]`. `texts` gives every id's
    text; `post_words` is each post's caption and location, where they were asked for.

    A person's word stands above the crawl's: what was accepted is among a photo's hashtags, what was rejected is
    not, and is in `photo_rejected[j]` (sorted ids; empty lists everywhere where nothing was said). Photos in no
    post are here if something was said of them, in a fold by their content. `verdicts` counts both.
    """

    offsets: Ids
    hashtags: Ids
    post_folds: NDArray[np.str_]
    photo_ids: Ids
    photo_folds: NDArray[np.str_]
    photo_hashtags: list[Ids]
    texts: dict[int, str]
    photo_posts: Sequence[Sequence[int]] = ()
    post_words: list[dict[str, str]] | None = None
    photo_rejected: list[Ids] = field(default_factory=list)
    verdicts: tuple[int, int] = (0, 0)

    @property
    def posts(self) -> int:
        """How many posts there are."""
        return len(self.post_folds)

    def lists(self, *folds: str) -> "HashtagLists":
        """The hashtag lists of the posts in `folds`, of all posts where none is named."""
        rows = np.flatnonzero(np.isin(self.post_folds, folds)) if folds else np.arange(self.posts)
        return HashtagLists(self, rows, " ".join([*folds, "posts"]))


class HashtagLists:
    """Posts' hashtag ids as text, a list a post: the corpus that gensim passes over again and again."""

    def __init__(self, corpus: Corpus, rows: Ids, name: str = "posts") -> None:
        self.name = name
        self._corpus = corpus
        self._rows = rows

    def __iter__(self) -> Iterator[list[str]]:
        for ids in self.ids():
            yield [str(id) for id in ids.tolist()]

    def __len__(self) -> int:
        return len(self._rows)

    def ids(self) -> Iterator[Ids]:
        """Yield each post's hashtag ids."""
        offsets, hashtags = self._corpus.offsets, self._corpus.hashtags
        for row in self._rows:
            yield hashtags[offsets[row] : offsets[row + 1]]

    def flat(self) -> Ids:
        """All hashtag ids of all posts, one after the other."""
        parts = list(self.ids())
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def hashtag_lists(rows: list[Ids], name: str = "rows") -> HashtagLists:
    """The corpus of rows of hashtag ids that come from no archive."""
    offsets = np.cumsum([0, *(len(row) for row in rows)])
    flat = np.concatenate([np.zeros(0, np.int64), *rows])
    folds = np.zeros(len(rows), "<U10")
    return HashtagLists(Corpus(offsets, flat, folds, flat[:0], folds[:0], [], {}), np.arange(len(rows)), name)


def load_corpus(store: Store, *, with_words: bool = False) -> Corpus:
    """Give a fold to every post that has none, then read posts, hashtags and photos of one moment."""
    with store.write() as connection:
        posts = store.posts.fold_rows(connection)
        links = store.posts.photo_links(connection)
        changes = assign_folds(posts, links)
        store.posts.put_folds(connection, changes)
        corpus = _corpus(connection, store, posts, links, changes)
        if with_words:
            corpus.post_words = [said for _, said in store.posts.said(connection)]
        return corpus


def read_corpus(store: Store, owners_seed: int | None = None) -> Corpus:
    """The same without writing: posts that have no fold yet get theirs in memory alone.

    With `owners_seed` posts are parted by owner instead of the archive's folds.
    """
    with store.snapshot() as connection:
        posts = store.posts.fold_rows(connection)
        links = store.posts.photo_links(connection)
        folds = assign_folds(posts, links) if owners_seed is None else folds_by_owner(posts, owners_seed)
        return _corpus(connection, store, posts, links, folds)


def _corpus(
    connection: Connection,
    store: Store,
    posts: list[FoldRow],
    links: list[tuple[int, int]],
    changes: dict[int, str],
) -> Corpus:
    """Read the rest; `changes` (post id → fold) go before the stored folds."""
    rows = {post.post_id: row for row, post in enumerate(posts)}
    folds = np.array([changes.get(post.post_id, post.fold) for post in posts], dtype="<U10")
    names = Names.read(connection, store)
    offsets, hashtags = _hashtags_by_post(connection, store, rows, names)
    said = _Said.read(connection, store, names)
    photos: dict[int, list[int]] = {photo: [] for photo in said.contents}
    for post_id, photo_id in links:
        photos.setdefault(photo_id, []).append(rows[post_id])
    ordered = sorted(photos)
    crawled = [_union(photos[photo], offsets, hashtags) for photo in ordered]
    return Corpus(
        offsets,
        hashtags,
        folds,
        np.array(ordered, np.int64),
        np.array([_fold(folds, photos[photo], said.contents.get(photo)) for photo in ordered], "<U10"),
        [said.truth(photo, found, names.blocked) for photo, found in zip(ordered, crawled, strict=True)],
        names.texts,
        [photos[photo] for photo in ordered],
        photo_rejected=[said.rejections(photo) for photo in ordered],
        verdicts=said.counts,
    )


def _fold(post_folds: NDArray[np.str_], posts: list[int], sha256: str | None) -> str:
    found = set(post_folds[posts].tolist()) if posts else {fold_of_photo(sha256 or "")}
    return str(found.pop()) if len(found) == 1 else ""


@dataclass(frozen=True)
class _Said:
    """What people said of photos: hashtag ids accepted and rejected by photo id, and the photos' sha256."""

    accepted: dict[int, set[int]]
    rejected: dict[int, set[int]]
    contents: dict[int, str]
    counts: tuple[int, int]

    @classmethod
    def read(cls, connection: Connection, store: Store, names: "Names") -> "_Said":
        """Read it as a transaction sees it, hashtags as what they count as."""
        rows = store.verdicts.all(connection)
        said: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})
        for photo, hashtag, accepted in rows:
            said[not accepted].setdefault(photo, set()).add(names.targets.get(hashtag, hashtag))
        total = sum(accepted for _, _, accepted in rows)
        return cls(*said, store.verdicts.contents(connection), (total, len(rows) - total))

    def truth(self, photo: int, crawled: Ids, blocked: Ids) -> Ids:
        """A photo's hashtags: crawled or accepted, and neither rejected nor blocked."""
        found = np.union1d(crawled, _sorted(self.accepted.get(photo, set())))
        without = np.union1d(self.rejections(photo), blocked)
        return found[~np.isin(found, without)] if len(without) else found

    def rejections(self, photo: int) -> Ids:
        """What is not on a photo; of two that count as one, one rejected and one accepted, the accepted stands."""
        return _sorted(self.rejected.get(photo, set()) - self.accepted.get(photo, set()))


def _sorted(ids: set[int]) -> Ids:
    return np.array(sorted(ids), np.int64)


@dataclass(frozen=True)
class Names:
    """Every hashtag's text by id, what ids count as others, and which are never assigned."""

    texts: dict[int, str]
    targets: dict[int, int]
    blocked: Ids

    @classmethod
    def read(cls, connection: Connection, store: Store) -> "Names":
        """Read them as a transaction sees them."""
        texts, vocabulary = store.posts.hashtag_texts(connection), store.vocabulary.read(connection)
        ids = {text: id for id, text in texts.items()} if vocabulary != Vocabulary() else {}
        targets = {
            ids[source]: ids[target]
            for source, target in vocabulary.aliases.items()
            if source in ids and target in ids
        }
        blocked = [ids[text] for text in vocabulary.blocked if text in ids]
        return cls(texts, targets, np.array(sorted(blocked), np.int64))


def _hashtags_by_post(
    connection: Connection, store: Store, rows: dict[int, int], names: Names
) -> tuple[Ids, Ids]:
    """Return offsets and hashtags of posts. Blocked hashtags are among them: they are company like any other,
    and what they share posts with says what that means."""
    counts = np.zeros(len(rows) + 1, np.int64)
    chunks: list[Ids] = []
    chunk: list[int] = []
    for post_id, hashtag_id in _each_once(store.posts.hashtag_rows(connection), names.targets):
        counts[rows[post_id] + 1] += 1  # post ids and rows ascend together
        chunk.append(hashtag_id)
        if len(chunk) == 1_000_000:
            chunks.append(np.array(chunk, np.int64))
            chunk = []
    chunks.append(np.array(chunk, np.int64))
    return np.cumsum(counts), np.concatenate(chunks)


def _each_once(rows: Iterator[tuple[int, int]], targets: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield (post id, hashtag id) with every id as what it counts as, once a post."""
    if not targets:
        yield from rows
        return
    for post_id, group in groupby(rows, key=lambda row: row[0]):
        for hashtag_id in dict.fromkeys(targets.get(hashtag_id, hashtag_id) for _, hashtag_id in group):
            yield post_id, hashtag_id


def _union(posts: list[int], offsets: Ids, hashtags: Ids) -> Ids:
    parts = [hashtags[offsets[post] : offsets[post + 1]] for post in posts]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
