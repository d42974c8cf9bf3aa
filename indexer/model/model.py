"""An opened model: embeddings, guesses, and the nearest hashtags."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.model.stored import StoredModel
from hashtag_archive.indexer.wording import counted

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Sessions
    from hashtag_archive.indexer.model.guesses import Guesses

Rule = Literal["logit", "cosine"]
ALWAYS_STORED, MOST_STORED, STORED_ABOVE = 20, 100, float(np.log(0.05 / 0.95))
# Hashtags searched at first. Only photos with so many above STORED_ABOVE, one in a thousand, are searched again for
# MOST_STORED.
FIRST_SEARCH = 40


@dataclass(frozen=True)
class ScoredHashtag:
    """A hashtag with its probability, or for `related` its cosine."""

    hashtag: str
    score: float


class Model(StoredModel):
    """An opened model. `vocabulary` returns the user's vocabulary, and is called for every answer."""

    def __init__(
        self, folder: Path, manifest: dict[str, Any], backbones: Path, sessions: "Sessions | None" = None
    ) -> None:
        super().__init__(folder, manifest, backbones, sessions)
        self.vocabulary: Callable[[], Vocabulary] = Vocabulary

    @property
    def hashtags(self) -> list[str]:
        """The texts of all hashtags with a vector, in the order of their ids."""
        return self.table.texts

    @property
    def text_of(self) -> dict[int, str]:
        """Hashtag id -> text."""
        return self.table.text_of

    @property
    def photos_of(self) -> dict[int, int]:
        """Hashtag id -> number of photos with it that the model learnt from."""
        return self.table.photos_of

    def embed(self, features: NDArray[np.float16], texts: Sequence[dict[str, str]] | None = None) -> Floats:
        """Return unit embeddings (n, d) of features (n, f), and of `texts` (n) if the model uses them."""
        embeddings = self.head.embed(features)
        if texts and self.text:
            from hashtag_archive.indexer.model.text_space import join

            return join(embeddings, self.text.embed(texts))
        return embeddings

    def guesses(
        self, features: NDArray[np.float16], texts: Sequence[dict[str, str]] | None = None
    ) -> "Guesses":
        """Return the guesses that are stored for each photo: the best 20 hashtags, and more above probability 0.05.

        `features` are float16 (n, f), `texts` those of each photo's posts. At most 100 hashtags per photo, best
        first.
        """
        from hashtag_archive.indexer.model.guesses import keep_best

        embeddings = self.embed(features, texts)
        logits, ids = self.index.search(embeddings, FIRST_SEARCH)
        more = np.flatnonzero(logits.min(1, initial=np.inf) > STORED_ABOVE)
        if len(more) and len(self.index) > FIRST_SEARCH:
            rest = min(MOST_STORED, len(self.index)) - FIRST_SEARCH
            logits = np.pad(logits, ((0, 0), (0, rest)), constant_values=-np.inf)
            ids = np.pad(ids, ((0, 0), (0, rest)))
            logits[more], ids[more] = self.index.search(embeddings[more], MOST_STORED)
        return keep_best(ids, logits, ALWAYS_STORED, STORED_ABOVE)

    def nearest(
        self,
        features: NDArray[np.float16],
        best: int,
        rule: Rule = "logit",
        texts: Sequence[dict[str, str]] | None = None,
    ) -> list[list[ScoredHashtag]]:
        """Return each photo's `best` hashtags with their probabilities, best first.

        `logit` searches the index; `cosine` is the report's rule, sigmoid(cosine), over the same hashtags. Blocked
        hashtags are left out, and aliases are returned as their target, with the best of their probabilities.
        """
        embeddings, vocabulary = self.embed(features, texts), self.vocabulary()
        asked = best + vocabulary.most_dropped
        if rule == "logit":
            logits, ids = self.index.search(embeddings, asked)
            named = [[self.text_of[id] for id in row] for row in ids.tolist()]
        else:
            cosines, places = self.index.cosines(embeddings)
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :asked]
            logits = np.take_along_axis(cosines, order, axis=1)
            named = [[self.text_of[places[place]] for place in row] for row in order.tolist()]
        rows = [
            zip(texts, row, strict=True) for texts, row in zip(named, sigmoid(logits).tolist(), strict=True)
        ]
        return [
            [ScoredHashtag(*found) for found in list(vocabulary.merged(row).items())[:best]] for row in rows
        ]

    def related(self, hashtag: str, best: int) -> list[ScoredHashtag]:
        """Return the `best` other hashtags by cosine to `hashtag` (normalised), best first.

        Raises `ModelError` if it has no vector.
        """
        try:
            row = self.hashtags.index(hashtag)
        except ValueError:
            raise ModelError(
                f"#{hashtag}: model {self.number} has no vector for it, which takes"
                f" {counted(self.manifest['parameters']['vectors']['min_count'], 'post')}"
            ) from None
        cosines = self.vectors @ self.vectors[row]
        order = [place for place in np.argsort(-cosines, kind="stable")[: best + 1].tolist() if place != row]
        return [ScoredHashtag(self.hashtags[place], float(cosines[place])) for place in order[:best]]
