"""Tagging photos with the current model."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from hashtag_archive.db.photo import PathRow
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.features.stored import load_features
from hashtag_archive.indexer.model.cut import Cut
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.choose_dtype import set_dtype
from hashtag_archive.indexer.photos.earlier_features import renewed_key
from hashtag_archive.indexer.photos.encode import EncodedPhoto, PhotoEncoder, grouped
from hashtag_archive.indexer.photos.features import model_key, store_batch
from hashtag_archive.indexer.photos.files import PhotoFile, unchanged, walk_photos
from hashtag_archive.indexer.progress import Progress, Stages, silent
from hashtag_archive.indexer.tagging.assigned import AssignedHashtag, assigned_hashtags
from hashtag_archive.indexer.tagging.outcome import Outcome, TaggedPhoto, outcome_of
from hashtag_archive.indexer.tagging.scoring import guess, store_guesses

if TYPE_CHECKING:
    from hashtag_archive.indexer.photos.dtype_choice import DtypeMode

LOOKED_UP = 200  # paths per query of the database


def tag_photos(
    archive: Archive,
    paths: Iterable[str],
    *,
    exclude: Sequence[str] = (),
    dtype: "DtypeMode" = "auto",
    workers: int | None = None,
    batch_size: int | None = None,
    dry_run: bool = False,
    with_done: bool = False,
    times: Stages | None = None,
) -> Iterator[TaggedPhoto]:
    """Tag files and folders with the current model, and yield each photo once it is committed.

    Nothing happens until it is iterated, and folders are walked no faster than results are taken. `exclude` has
    patterns as in `.gitignore` of what is skipped below folders, in addition to `.hashtagignore` files; the other
    options are those of `TagRun` and `TagRun.tag`. Raises `ModelError` if there is no model with a head,
    `ArchiveError` if a pattern of `exclude` is invalid.
    """
    run = TagRun(archive, dtype=dtype, times=times, may_write=not dry_run)
    yield from run.tag(
        walk_photos(paths, exclude),
        workers=workers,
        batch_size=batch_size,
        dry_run=dry_run,
        with_done=with_done,
    )


class TagRun:
    """One run of tagging: it opens the current model once, and sorts photos by what they need.

    `model` is the opened model, `choice` the dtype that its backbone runs in. `times` adds up the seconds spent on
    opening, reading, decoding, encoding, scoring and writing.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        dtype: "DtypeMode" = "auto",
        photos: int = 0,
        times: Stages | None = None,
        progress: Progress = silent,
        may_write: bool = True,
    ) -> None:
        """Open the model, choose the dtype, and check features of earlier versions if it `may_write`.

        `dtype` is the mode of `choose_dtype`, which also chooses the batch size; with enough `photos` to tag,
        `auto` measures now what this machine has not measured yet. Raises `ModelError` if there is no model with
        a head.
        """
        self.times = times or Stages()
        with self.times("open"):
            self.model = open_model(archive)
            self.model.require_head()
            renewed_key(archive, model_key(archive, self.model), progress, may_write=may_write)
            self.choice = set_dtype(archive, self.model, dtype, photos=photos, progress=progress)
        self._archive, self._store = archive, archive.store
        self._key = renewed_key(archive, model_key(archive, self.model), may_write=may_write)
        self._has_earlier = bool(self._store.earlier.count(self._key))
        self._spellings = archive.spellings()
        self._with_done = self._dry_run = False
        self._known: list[TaggedPhoto] = []  # needed no encoding; yielded with the next batch

    def tag(
        self,
        files: Iterable[PhotoFile],
        *,
        workers: int | None = None,
        batch_size: int | None = None,
        dry_run: bool = False,
        with_done: bool = False,
    ) -> Iterator[TaggedPhoto]:
        """Encode, store and score what needs it, and yield every photo once it is committed.

        A photo that the current model tagged before, in whichever dtype, and that has not changed since, is yielded
        as `done`, with its guesses only if `with_done`. One with stored features is scored again without being
        opened. A photo that fails is recorded with its reason and yielded as `failed`; it is not retried until its
        content changes. `dry_run` writes nothing. Work is committed about once per second.

        `workers` defaults to one per core, `batch_size` to what was measured to be fastest.
        """
        self._with_done, self._dry_run = with_done, dry_run
        if dry_run:
            yield from self._preview(iter(files))
            return
        with self.times("open"):
            backbone = self.model.backbone
        encoder = PhotoEncoder(
            self._store.photos,
            backbone,
            self._key,
            workers=workers,
            batch_size=batch_size or self.choice.batch_size,
            times=self.times,
        )
        duplicates: list[EncodedPhoto] = []  # same content as a photo that is still being encoded
        for batch in grouped(encoder.encode(self._to_encode(iter(files)))):
            yield from self._take_known()
            tagged, unresolved = self._store_batch([*duplicates, *batch])
            encoder.stored(batch)
            duplicates = unresolved
            yield from tagged
        yield from self._take_known()
        tagged, unresolved = self._store_batch(duplicates)
        yield from tagged
        reason = "its content could not be encoded"
        yield from (TaggedPhoto(photo.file.shown, "failed", error=reason) for photo in unresolved)

    def _preview(self, waiting: Iterator[PhotoFile]) -> Iterator[TaggedPhoto]:
        while files := list(islice(waiting, LOOKED_UP)):
            to_encode, known = self._look_up(files)
            yield from known
            yield from (TaggedPhoto(file.shown, "would encode") for file in to_encode)

    def _to_encode(self, files: Iterator[PhotoFile]) -> Iterator[PhotoFile | None]:
        while chunk := list(islice(files, LOOKED_UP)):
            to_encode, known = self._look_up(chunk)
            self._known.extend(known)
            yield from to_encode
            if not to_encode:
                yield None  # known photos are yielded now, not after the next one to encode

    def _take_known(self) -> list[TaggedPhoto]:
        known, self._known = self._known, []
        return known

    def _look_up(self, files: list[PhotoFile]) -> tuple[list[PhotoFile], list[TaggedPhoto]]:
        """Return the files that must be read, and what is known of the others, scored again if stale."""
        rows = self._store.photos.known_paths([file.path for file in files], self._key)
        outdated = self._outdated(rows.values())
        to_encode, same = [], []
        for file in files:
            row = rows.get(file.path)
            if row is None or not unchanged(file.path, row) or not self._is_known(row, outdated):
                to_encode.append(file)
            else:
                same.append((file, row))
        return to_encode, self._tagged_rows(same)

    def _outdated(self, rows: Iterable[PathRow]) -> set[int]:
        """Return the photos whose guesses are of pixels that an earlier version took for others."""
        ids = [row.photo_id for row in rows if row.photo_id and not row.has_features]
        return self._store.earlier.among(ids, self._key) if self._has_earlier else set()

    def _is_known(self, row: PathRow, outdated: set[int]) -> bool:
        is_tagged = row.model == self.model.number and row.photo_id not in outdated
        return bool(row.photo_error or row.has_features or is_tagged)

    def _tagged_rows(self, known: list[tuple[PhotoFile, PathRow]]) -> list[TaggedPhoto]:
        stale = {
            row.photo_id
            for _, row in known
            if row.photo_id and not row.photo_error and row.model != self.model.number
        }
        scored = set() if self._dry_run else stale
        if scored:
            self._score(list(scored))
        wanted = [
            row.photo_id for _, row in known if row.photo_id and (self._with_done or row.photo_id in scored)
        ]
        hashtags = self._hashtags(wanted)
        tagged = []
        for file, row in known:
            if row.photo_error:
                tagged.append(TaggedPhoto(file.shown, "failed before", error=row.photo_error))
                continue
            outcome = outcome_of(row.model, self.model.number, dry_run=self._dry_run)
            found = hashtags.get(row.photo_id or 0, ())
            tagged.append(TaggedPhoto(file.shown, outcome, found, self.model.number))
        return tagged

    def _store_batch(self, batch: list[EncodedPhoto]) -> tuple[list[TaggedPhoto], list[EncodedPhoto]]:
        """Commit a batch and score it; return the results, and duplicates of photos still being encoded."""
        if not batch:
            return [], []
        with self.times("write"):
            store_batch(self._archive, batch, self._key, drop_guesses=True)
        digests = sorted({photo.seen.sha256 for photo in batch if photo.seen.sha256})
        states = self._store.photos.state_of(digests, self._key)
        self._score(
            [
                state.photo_id
                for state in states.values()
                if state.has_features and state.model != self.model.number
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
                tagged.append(TaggedPhoto(photo.file.shown, outcome, found, self.model.number))
        return tagged, unresolved

    def _score(self, photo_ids: Sequence[int]) -> None:
        """Guess hashtags from stored features, replacing earlier guesses."""
        ids = np.array(sorted(set(photo_ids)), np.int64)
        # read back from the database even if just encoded: tagging and retagging score the same stored values
        places, features = load_features(self._store, ids, self._key)
        if not len(places):
            return
        with self.times("score"):
            guesses = guess(self._store, self.model, ids[places], features)
        with self.times("write"):
            store_guesses(self._store, self.model.number, ids[places], guesses)

    def _hashtags(self, photo_ids: Sequence[int]) -> dict[int, tuple[AssignedHashtag, ...]]:
        ids = sorted(set(photo_ids))
        found = assigned_hashtags(self._store, ids, Cut(0.0), spellings=self._spellings)
        return {photo: tuple(tags) for photo, tags in found.items()}
