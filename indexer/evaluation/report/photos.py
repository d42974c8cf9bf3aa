"""The report's qualitative table: held-out photos with their guesses and their true hashtags."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hashtag_archive.db.photo import PathRow
from hashtag_archive.encoder import PhotoError, thumbnail
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.arrays import Ids
from hashtag_archive.indexer.evaluation.split import Split
from hashtag_archive.indexer.evaluation.systems import SystemScores
from hashtag_archive.indexer.learning.folds import TEST
from hashtag_archive.indexer.model.logits import sigmoid
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.photos.pixels import paths_of_photos

SIDE = 160  # of a thumbnail, in pixels
SHOWN = 5  # guesses per photo, as in the report
FAILURES = 4  # at most one of this many photos shown is a failure
LONGEST = 140  # most characters of a caption


@dataclass(frozen=True)
class ShownGuess:
    """A guess, its probability, and whether it is true of the photo."""

    hashtag: str
    probability: float
    hit: bool

    @property
    def percent(self) -> str:
        """The probability as text."""
        return "< 1%" if self.probability < 0.005 else f"{self.probability:.0%}"


@dataclass(frozen=True)
class TrueHashtag:
    """A true hashtag of the photo, whether it is among the guesses shown, and whether it is assignable."""

    hashtag: str
    found: bool
    known: bool


@dataclass(frozen=True)
class ReportPhoto:
    """A row of the table. `picture` is a JPEG in base64, or empty, with the reason in `lost`."""

    name: str
    caption: str
    picture: str
    lost: str
    guesses: list[ShownGuess]
    truth: list[TrueHashtag]

    @property
    def alt(self) -> str:
        """The alternative text of the picture: the caption of its post, or its hashtags."""
        if self.caption:
            return f"Photo {self.name}, posted as “{self.caption}”"
        return f"Photo {self.name}, posted with {', '.join(f'#{true.hashtag}' for true in self.truth)}"


@dataclass(frozen=True)
class PhotoTable:
    """Photos drawn at random, and the worst failures; `failed` of `of` test photos have a wrong best guess."""

    drawn: list[ReportPhoto]
    worst: list[ReportPhoto]
    of: int
    failed: int


def show_photos(archive: Archive, split: Split, product: SystemScores, photos: int, seed: int) -> PhotoTable:
    """Return up to `photos` test photos: at most a quarter are the worst failures, the others are drawn by seed.

    The worst failures are wrong best guesses with the highest probability. A photo whose file is missing, changed
    or unreadable is shown without its picture.
    """
    part = split.parts[TEST]
    probabilities = sigmoid(product.logits[TEST])
    best = probabilities.argmax(1)
    wrong = np.flatnonzero(~part.truth[np.arange(len(best)), best])
    confident = np.argsort(-probabilities[wrong].max(1), kind="stable") if len(wrong) else wrong
    shown = min(photos, len(best))
    worst = wrong[confident][: max(1, shown // FAILURES)]
    others = np.setdiff1d(np.arange(len(best)), worst)
    drawn = np.random.default_rng(seed).permutation(others)[: shown - len(worst)]
    rows = _Rows(archive, split, probabilities, np.concatenate([worst, drawn]))
    return PhotoTable(
        [rows.show(row) for row in drawn], [rows.show(row) for row in worst], len(best), len(wrong)
    )


class _Rows:
    """Makes the table's rows; reads what all of them need once."""

    def __init__(self, archive: Archive, split: Split, probabilities: np.ndarray, rows: Ids) -> None:
        self._split, self._probabilities = split, probabilities
        self._part = split.parts[TEST]
        self._known = set(split.ids.tolist())
        ids = [int(self._part.photo_ids[self._part.rows[row]]) for row in rows]
        self._paths = paths_of_photos(archive, ids)
        self._captions = archive.store.posts.captions(ids)

    def show(self, row: int) -> ReportPhoto:
        """Return the table's row of a judged test photo."""
        split, part = self._split, self._part
        photo, id = part.rows[row], int(part.photo_ids[part.rows[row]])
        columns = np.argsort(-self._probabilities[row], kind="stable")[:SHOWN]
        texts = [split.corpus.texts[hashtag] for hashtag in split.ids[columns].tolist()]
        guesses = [
            ShownGuess(text, float(self._probabilities[row, column]), bool(part.truth[row, column]))
            for text, column in zip(texts, columns.tolist(), strict=True)
        ]
        found = {guess.hashtag for guess in guesses}
        truth = [
            TrueHashtag(
                split.corpus.texts[hashtag], split.corpus.texts[hashtag] in found, hashtag in self._known
            )
            for hashtag in part.photos.hashtags[photo].tolist()
        ]
        paths = self._paths.get(id, [])
        picture, lost = _picture(paths)
        name = Path(paths[0].path).name if paths else f"photo {id}"
        return ReportPhoto(name, _short(self._captions.get(id, "")), picture, lost, guesses, truth)


def _picture(paths: Sequence[PathRow]) -> tuple[str, str]:
    """Return a thumbnail in base64 of the first unchanged file, or the reason why there is none."""
    lost = "no file is known"
    for row in paths:
        read = read_file(row.path)
        if read.content is None:
            lost = read.seen.error or "cannot be read"
        elif not unchanged(row.path, row):
            lost = "changed since it was crawled"
        else:
            try:
                return base64.b64encode(thumbnail(read.content, SIDE)).decode("ascii"), ""
            except PhotoError as error:
                lost = str(error)
    return "", lost


def _short(caption: str) -> str:
    line = " ".join(caption.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
