"""What a corpus is told beside posts: hashtags' names, what they count as, and what people said of photos."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from hashtag_archive.db.stores.store import Store
from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.arrays import Ids


@dataclass(frozen=True)
class Verdicts:
    """What people said of photos: hashtag ids accepted and rejected by photo id, and the photos' sha256."""

    accepted: dict[int, set[int]]
    rejected: dict[int, set[int]]
    contents: dict[int, str]
    counts: tuple[int, int]

    @classmethod
    def read(cls, connection: Connection, store: Store, names: "Names") -> "Verdicts":
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
