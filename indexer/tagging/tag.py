"""Tagging photos with the current model."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.model import Model, ScoredHashtag
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.choose_dtype import set_dtype
from hashtag_archive.indexer.photos.encode import EncodedPhoto, PhotoEncoder, grouped
from hashtag_archive.indexer.photos.features import load_features, model_key, store_batch
from hashtag_archive.indexer.photos.files import PhotoFile, unchanged, walk_photos
from hashtag_archive.indexer.progress import Stages
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags, cut_hashtags
from hashtag_archive.indexer.tagging.scoring import guess, store_guesses

if TYPE_CHECKING:
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode

LOOKED_UP = 200  # paths asked of the database at once

Outcome = Literal[
    "encoded", "rescored", "same content", "done", "failed", "failed before", "would encode", "would rescore"
]


@dataclass(frozen=True)
class TaggedPhoto:
    """A photo that was asked for, what was done with it, and its hashtags, or why there are none.

    `hashtags` are a person's, and then everything that is stored of the machine's, best first, as the vocabulary
    has it now; `cut` takes what a threshold leaves.
    """

    photo: str
    outcome: Outcome
    hashtags: tuple[AssignedHashtag, ...] = ()
    model: int | None = None
    error: str | None = None

    @property
    def guesses(self) -> tuple[ScoredHashtag, ...]:
        """The machine's hashtags alone, best first."""
        return tuple(
            ScoredHashtag(tag.hashtag, tag.probability) for tag in self.hashtags if tag.by == "machine"
        )

    def cut(self, threshold: "float | Cut", top: int | None = None) -> list[AssignedHashtag]:
        """A person's hashtags, and at most `top` of the machine's that a threshold leaves."""
        return cut_hashtags(self.hashtags, threshold if isinstance(threshold, Cut) else Cut(threshold), top)


def count_photos(paths: Iterable[str], exclude: Sequence[str] = ()) -> int:
    """How many photos `tag_photos` would be asked for."""
    return sum(1 for _ in walk_photos(paths, exclude))


def tag_photos(
    archive: Archive,
    paths: Sequence[str],
    *,
    workers: int | None = None,
    batch_size: int | None = None,
    dry_run: bool = False,
    with_done: bool = False,
    dtype: "DtypeMode" = "auto",
    times: Stages | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[TaggedPhoto]:
    """Tag files and folders with the current model, and yield each photo once it is committed.

    Nothing happens until it is iterated. A photo that the current model tagged before, and that did not
    change since, is yielded as `done` (with its guesses only if `with_done`); one whose features are
    stored is scored again without being opened. A photo that fails is recorded with its reason and yielded as
    `failed`; its content is not tried again before it changes. `dry_run` writes nothing. Work is committed about
    once a second. `exclude` are patterns of what is passed over below folders, as in `.gitignore`, beside those in
    `.hashtagignore` files.

    `dtype` is the mode of `choose_dtype`, which chooses the batch size as well; `times` gathers the seconds
    that went into reading, decoding, encoding, scoring and writing. A photo that the current model tagged is done,
    whichever dtype it was tagged in.

    Raises `ModelError` where there is no model that can look at photos, `ArchiveError` where a pattern is none.
    """
    times = times or Stages()
    model = open_model(archive)
    model.require_head()
    choice = set_dtype(archive, model, dtype)
    run = _TagRun(archive, model, model_key(archive, model), with_done, dry_run, times)
    waiting = walk_photos(paths, exclude)
    if dry_run:
        while files := list(islice(waiting, LOOKED_UP)):
            to_encode, known = run.look_up(files)
            yield from known
            yield from (TaggedPhoto(file.shown, "would encode") for file in to_encode)
        return
    yield from run.tag(waiting, workers, batch_size or choice.batch_size)


class _TagRun:
    """One call of `tag_photos`: sorts photos by what they need, and stores what came of them."""

    def __init__(
        self, archive: Archive, model: Model, key: FeatureKey, with_done: bool, dry_run: bool, times: Stages
    ) -> None:
        self._store = archive.store
        self._model = model
        self._key = key
        self._with_done = with_done
        self._dry_run = dry_run
        self._times = times
        self._known: list[TaggedPhoto] = []  # needed no encoding; yielded with the next batch

    def tag(
        self, files: Iterator[PhotoFile], workers: int | None, batch_size: int | None
    ) -> Iterator[TaggedPhoto]:
        """Encode, store and score what needs it, and yield every photo as it is committed."""
        with self._times("open"):
            backbone = self._model.backbone
        encoder = PhotoEncoder(
            self._store.photos, backbone, self._key, workers=workers, batch_size=batch_size, times=self._times
        )
        duplicates: list[EncodedPhoto] = []  # same content as a photo that is still being encoded
        for batch in grouped(encoder.encode(self._to_encode(files))):
            yield from self._take_known()
            tagged, unresolved = self._store_batch([*duplicates, *batch])
            encoder.stored(batch)
            duplicates = unresolved
            yield from tagged
        yield from self._take_known()
        tagged, unresolved = self._store_batch(duplicates)
        yield from tagged
        for photo in unresolved:
            yield TaggedPhoto(photo.file.shown, "failed", error="its content could not be encoded")

    def _to_encode(self, files: Iterator[PhotoFile]) -> Iterator[PhotoFile | None]:
        while chunk := list(islice(files, LOOKED_UP)):
            to_encode, known = self.look_up(chunk)
            self._known.extend(known)
            yield from to_encode
            if not to_encode:
                yield None  # what is known does not wait until something is to be encoded

    def _take_known(self) -> list[TaggedPhoto]:
        known, self._known = self._known, []
        return known

    def look_up(self, files: list[PhotoFile]) -> tuple[list[PhotoFile], list[TaggedPhoto]]:
        """Return the files that must be read, and what is known of the others, scored again where stale."""
        rows = self._store.photos.known_paths([file.path for file in files], self._key)
        to_encode, same = [], []
        for file in files:
            row = rows.get(file.path)
            if row is None or not unchanged(file.path, row) or not self._is_known(row):
                to_encode.append(file)
            else:
                same.append((file, row))
        return to_encode, self._tagged_rows(same)

    def _is_known(self, row: PathRow) -> bool:
        return bool(row.photo_error or row.has_features or row.model == self._model.number)

    def _tagged_rows(self, known: list[tuple[PhotoFile, PathRow]]) -> list[TaggedPhoto]:
        stale = [
            row.photo_id
            for _, row in known
            if row.photo_id and not row.photo_error and row.model != self._model.number
        ]
        if stale and not self._dry_run:
            self._score(stale)
        wanted = [
            row.photo_id
            for _, row in known
            if row.photo_id and (self._with_done or row.photo_id in set(stale))
        ]
        hashtags = self._hashtags(wanted)
        tagged = []
        for file, row in known:
            if row.photo_error:
                tagged.append(TaggedPhoto(file.shown, "failed before", error=row.photo_error))
                continue
            again: Outcome = "would rescore" if self._dry_run else "rescored"
            outcome: Outcome = "done" if row.model == self._model.number else again
            found = hashtags.get(row.photo_id or 0, ())
            tagged.append(TaggedPhoto(file.shown, outcome, found, self._model.number))
        return tagged

    def _store_batch(self, batch: list[EncodedPhoto]) -> tuple[list[TaggedPhoto], list[EncodedPhoto]]:
        """Commit a batch and score it; return what came of it, and duplicates whose original is still under way."""
        if not batch:
            return [], []
        with self._times("write"):
            store_batch(self._store, batch, self._key)
        digests = sorted({photo.seen.sha256 for photo in batch if photo.seen.sha256})
        states = self._store.photos.state_of(digests, self._key)
        self._score(
            [
                state.photo_id
                for state in states.values()
                if state.has_features and state.model != self._model.number
            ]
        )
        hashtags = self._hashtags([state.photo_id for state in states.values()])
        tagged, unresolved = [], []
        for photo in batch:
            state = states.get(photo.seen.sha256 or "")
            error = photo.seen.error or photo.error or (state.error if state else None)
            if error:
                tagged.append(TaggedPhoto(photo.file.shown, "failed", error=error))
            elif state is None or not state.has_features:
                unresolved.append(photo)
            else:
                outcome: Outcome = "encoded" if photo.features is not None else "same content"
                found = hashtags.get(state.photo_id, ())
                tagged.append(TaggedPhoto(photo.file.shown, outcome, found, self._model.number))
        return tagged, unresolved

    def _score(self, photo_ids: Sequence[int]) -> None:
        """Guess hashtags from stored features, and replace what was guessed before."""
        ids = np.array(sorted(set(photo_ids)), np.int64)
        places, features = load_features(self._store, ids, self._key)
        if not len(places):
            return
        with self._times("score"):
            guesses = guess(self._store, self._model, ids[places], features)
        with self._times("write"):
            store_guesses(self._store, self._model.number, ids[places], guesses)

    def _hashtags(self, photo_ids: Sequence[int]) -> dict[int, tuple[AssignedHashtag, ...]]:
        found = assigned_hashtags(self._store, sorted(set(photo_ids)), Cut(0.0))
        return {photo: tuple(tags) for photo, tags in found.items()}


def retry_failures(archive: Archive) -> list[str]:
    """Forget every recorded failure and return the paths concerned, for `tag_photos` to try again."""
    paths = [path for path, _ in archive.store.photos.failures()]
    with archive.store.write() as connection:
        archive.store.photos.forget_failures(connection)
    return paths
