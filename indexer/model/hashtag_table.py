"""A model's own table of hashtags: `hashtags.tsv`."""

from functools import cached_property
from pathlib import Path

import numpy as np

from hashtag_archive.indexer.arrays import Ids


class HashtagTable:
    """The hashtags with a vector: `ids` (V,), ascending, and their texts in the same order."""

    def __init__(self, ids: Ids, texts: list[str], photos: list[int]) -> None:
        self.ids = ids
        self.texts = texts
        self._photos = photos

    @classmethod
    def load(cls, path: Path) -> "HashtagTable":
        """Read it from a file with one hashtag per line: id, posts, photos and text, separated by tabs."""
        ids, texts, photos = [], [], []
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                id, _, count, text = line.rstrip("\n").split("\t")
                ids.append(int(id))
                photos.append(int(count))
                texts.append(text)
        return cls(np.array(ids, np.int64), texts, photos)

    @cached_property
    def text_of(self) -> dict[int, str]:
        """Hashtag id -> text."""
        return dict(zip(self.ids.tolist(), self.texts, strict=True))

    @property
    def photos_of(self) -> dict[int, int]:
        """Hashtag id -> number of photos with it that the model learnt from."""
        return dict(zip(self.ids.tolist(), self._photos, strict=True))
