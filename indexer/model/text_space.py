"""Captions and locations of posts as vectors."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.model.array_files import damaged, load_arrays, require_equal_lengths

# the texts of a photo's posts: field -> text
PostText = dict[str, str]
FIELDS = ("caption", "location")
BALANCE = 0.1  # a text's length relative to its photo's: small, so that a text hardly lowers the cosine
_NOT_WORDS = re.compile(r"https?://\S+|[@＠#＃]\S+")
_WORD = re.compile(r"[^\W\d_]+")


def words_of(text: str) -> list[str]:
    """Return the distinct words of a text, case-folded.

    Hashtags, mentions and addresses are left out: a caption's hashtags are what a model must guess.
    """
    plain = _NOT_WORDS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    return list(dict.fromkeys(_WORD.findall(plain)))


def joined(texts: Iterable[PostText], fields: Sequence[str]) -> PostText:
    """Return the texts of several posts of one photo, joined field by field."""
    found: PostText = {}
    for post in texts:
        for name in fields:
            if text := post.get(name):
                found[name] = f"{found[name]} {text}" if name in found else text
    return found


@dataclass(frozen=True)
class TextSpace:
    """Words of `fields` with unit vectors (w, k) and weights (w,), larger for rarer words.

    `rows` maps `field:word` to its row. `join` adds texts to embeddings.
    """

    fields: tuple[str, ...]
    rows: dict[str, int]
    vectors: Floats
    weights: Floats

    @property
    def size(self) -> int:
        """The texts' dimension: a part per field."""
        return len(self.fields) * int(self.vectors.shape[1])

    def embed(self, posts: Sequence[PostText]) -> Floats:
        """Return texts float32 (n, size): for each field the weighted mean of its words, normalised.

        A field that is absent or has no known word is zero.
        """
        part = self.vectors.shape[1]
        texts = np.zeros((len(posts), self.size), np.float32)
        for row, text in enumerate(posts):
            for place, name in enumerate(self.fields):
                known = [self.rows.get(f"{name}:{word}") for word in words_of(text.get(name, ""))]
                found = [number for number in known if number is not None]
                if found:
                    mean = self.weights[found] @ self.vectors[found]
                    texts[row, place * part : (place + 1) * part] = mean / max(
                        float(np.linalg.norm(mean)), 1e-12
                    )
        return texts

    def save(self, path: Path) -> None:
        """Write it as one npz file."""
        np.savez_compressed(
            path,
            fields=np.array(self.fields),
            words=np.array(list(self.rows)),
            vectors=self.vectors,
            weights=self.weights,
        )

    @classmethod
    def load(cls, path: Path) -> "TextSpace":
        """Read it; raises `ModelError` if that fails."""
        forms = {"fields": ("U", 1), "words": ("U", 1), "vectors": ("f", 2), "weights": ("f", 1)}
        found = load_arrays(path, forms)
        require_equal_lengths(path, found["words"], found["vectors"], found["weights"])
        fields = tuple(found["fields"].tolist())
        if not set(fields) <= set(FIELDS):
            raise damaged(path, f"unknown texts: {', '.join(fields)}")
        rows = {word: row for row, word in enumerate(found["words"].tolist())}
        return cls(fields, rows, found["vectors"], found["weights"])


def join(embeddings: Floats, texts: Floats) -> Floats:
    """Add texts (n, t) to unit embeddings (n, d) whose last t coordinates are zero, and normalise the sums.

    An embedding without a text is unchanged.
    """
    sums = embeddings.copy()
    sums[:, -texts.shape[1] :] = BALANCE * texts
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)
