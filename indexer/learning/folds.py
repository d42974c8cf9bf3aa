"""Training, validation and test posts.

Folds belong to the archive: a post's fold is chosen once, by a hash, and stored with it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from hashtag_archive.db.stores.posts import FoldRow

TRAINING, VALIDATION, TEST = "training", "validation", "test"
MOST_JOINED, ALWAYS_JOINED = 0.1, 10  # share of the posts, and posts
SHARES = ((TRAINING, 0.70), (VALIDATION, 0.85), (TEST, 1.0))  # upper end of each fold's share of the hash


def assign_folds(posts: Sequence[FoldRow], photo_links: Iterable[tuple[int, int]]) -> dict[int, str]:
    """Return the folds to store, post id -> fold, of posts that have none or must change it.

    Posts joined by a photo's content or by the same set of hashtags, directly or through others, share a fold;
    otherwise what was learnt from one would be measured on the other. A component that comes to join two folds
    goes to training. What is on more than `MOST_JOINED` of the posts, such as a placeholder for removed photos,
    joins none: it would put everything into one fold, and nothing could be measured. `photo_links` are (post id,
    photo id).
    """
    root = _components(posts, photo_links)
    folds: dict[int, set[str]] = {}
    first: dict[int, int] = {}
    for post in posts:
        component = root[post.post_id]
        first.setdefault(
            component, post.post_id
        )  # posts are sorted oldest first, so that the hash stays when more join
        if post.fold:
            folds.setdefault(component, set()).add(post.fold)
    chosen = {
        component: _join(folds[component]) if component in folds else _by_hash(first[component])
        for component in first
    }
    return {
        post.post_id: chosen[root[post.post_id]] for post in posts if chosen[root[post.post_id]] != post.fold
    }


def folds_by_owner(posts: Sequence[FoldRow], seed: int) -> dict[int, str]:
    """Return a map from post id to fold in which all posts of an owner share one; a post without an owner is alone.

    Owners are sorted by a hash of seed and name and cut at the folds' shares of posts, so that a few owners still
    fill three folds if possible. It is not stored: stored folds are those of `assign_folds`.
    """
    owners: dict[str, list[int]] = {}
    for post in posts:
        owners.setdefault(f"owner {post.owner}" if post.owner else f"key {post.key}", []).append(post.post_id)
    order = sorted(owners, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    folds: dict[int, str] = {}
    for name in order:
        middle = (len(folds) + len(owners[name]) / 2) / len(posts)
        fold = next(fold for fold, end in SHARES if middle < end)
        folds.update(dict.fromkeys(owners[name], fold))
    return folds


def _components(posts: Sequence[FoldRow], photo_links: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return a map from post id to its component's representative, by union-find."""
    parent = {post.post_id: post.post_id for post in posts}

    def find(post: int) -> int:
        while parent[post] != post:
            parent[post] = parent[parent[post]]
            post = parent[post]
        return post

    most = max(MOST_JOINED * len(posts), ALWAYS_JOINED)
    sets = [
        (post.post_id, post.hashtag_set) for post in posts if post.hashtag_set
    ]  # without hashtags: not joined
    for links in (sets, list(photo_links)):
        counts = Counter(link for _, link in links)
        first: dict[str | int, int] = {}
        for post_id, link in links:
            if counts[link] <= most:
                parent[find(post_id)] = find(first.setdefault(link, post_id))
    return {post.post_id: find(post.post_id) for post in posts}


def _join(folds: set[str]) -> str:
    return next(iter(folds)) if len(folds) == 1 else TRAINING


def _by_hash(post_id: int) -> str:
    digest = hashlib.sha256(f"fold of post {post_id}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return next(fold for fold, end in SHARES if share < end)
