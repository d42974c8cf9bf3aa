"""What a corpus needs besides posts: texts of hashtags, aliases, blocks, and verdicts on photos."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from hashtag_archive.db.stores.store import Store
from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.arrays import Ids


@dataclass(frozen=True)
class Verdicts:
    """Verdicts of somebody who looked: hashtag ids accepted and rejected by photo id, and the photos' sha256.

    Those given in bulk teach nothing.
    """

    accepted: dict[int, set[int]]
    rejected: dict[int, set[int]]
    contents: dict[int, str]
    counts: tuple[int, int]

    @classmethod
    def read(cls, connection: Connection, store: Store, names: "Names") -> "Verdicts":
        """Read them in a transaction, with aliases replaced by their targets."""
        rows = store.verdicts.looked(connection)
        by_photo: tuple[dict[int, set[int]], dict[int, set[int]]] = ({}, {})
        for photo, hashtag, accepted in rows:
            by_photo[not accepted].setdefault(photo, set()).add(names.targets.get(hashtag, hashtag))
        total = sum(accepted for _, _, accepted in rows)
        return cls(*by_photo, store.verdicts.contents(connection), (total, len(rows) - total))

    def truth(self, photo: int, crawled: Ids, blocked: Ids) -> Ids:
        """Return a photo's hashtags: crawled or accepted, and neither rejected nor blocked."""
        found = np.union1d(crawled, _sorted(self.accepted.get(photo, set())))
        without = np.union1d(self.rejections(photo), blocked)
        return found[~np.isin(found, without)] if len(without) else found

    def rejections(self, photo: int) -> Ids:
        """Return a photo's rejected hashtags; accepting an alias or its target overrides a rejection."""
        return _sorted(self.rejected.get(photo, set()) - self.accepted.get(photo, set()))


def _sorted(ids: set[int]) -> Ids:
    return np.array(sorted(ids), np.int64)


@dataclass(frozen=True)
class Names:
    """The text of every hashtag by id, the aliases, and the blocked hashtags."""

    texts: dict[int, str]
    targets: dict[int, int]
    blocked: Ids

    @classmethod
    def read(cls, connection: Connection, store: Store) -> "Names":
        """Read them in a transaction."""
        texts, vocabulary = store.posts.hashtag_texts(connection), store.vocabulary.read(connection)
        ids = {text: id for id, text in texts.items()} if vocabulary != Vocabulary() else {}
        targets = {
            ids[source]: ids[target]
            for source, target in vocabulary.aliases.items()
            if source in ids and target in ids
        }
        blocked = [ids[text] for text in vocabulary.blocked if text in ids]
        return cls(texts, targets, np.array(sorted(blocked), np.int64))
