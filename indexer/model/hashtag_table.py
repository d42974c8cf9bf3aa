"""A model's own table of hashtags: `hashtags.tsv`."""

from functools import cached_property
from pathlib import Path

import numpy as np

from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.model.array_files import damaged
from hashtag_archive.indexer.regular_file import read_small

_MOST_BYTES = 1 << 30


class HashtagTable:
    """The hashtags with a vector: `ids` (V,), ascending, and their texts in the same order."""

    def __init__(self, ids: Ids, texts: list[str], photos: list[int]) -> None:
        self.ids = ids
        self.texts = texts
        self._photos = photos

    @classmethod
    def load(cls, path: Path) -> "HashtagTable":
        """Read it from a file with one hashtag per line: id, posts, photos and text, separated by tabs.

        Raises `ModelError` if the file cannot be read or its ids do not ascend.
        """
        ids, texts, photos = [], [], []
        try:
            lines = read_small(path, _MOST_BYTES).decode("utf-8").split("\n")
            for line in lines[:-1]:
                id, _, count, text = line.split("\t")
                ids.append(int(id))
                photos.append(int(count))
                texts.append(text)
            table = cls(np.array(ids, np.int64), texts, photos)
        except (OSError, ValueError, OverflowError) as error:
            raise damaged(path, error) from error
        if lines[-1] or min(ids[:1], default=0) < 0 or not np.all(np.diff(table.ids) > 0):
            raise damaged(path, "its last line is cut short, or its ids do not ascend")
        return table

    @cached_property
    def text_of(self) -> dict[int, str]:
        """Hashtag id -> text."""
        return dict(zip(self.ids.tolist(), self.texts, strict=True))

    @property
    def photos_of(self) -> dict[int, int]:
        """Hashtag id -> number of photos with it that the model learnt from."""
        return dict(zip(self.ids.tolist(), self._photos, strict=True))
