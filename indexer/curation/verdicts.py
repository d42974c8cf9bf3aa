"""A person's word on photos: hashtags accepted, rejected, and taken back. Models come and go, it stays."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.encoder import PhotoError, decode_photo
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.curation.verdict_file import PhotoWords, read_words
from hashtag_archive.indexer.curation.vocabulary import need_hashtag
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.progress import Progress, silent

BATCH = 500  # lines a transaction
TOLD = 1000  # refused lines kept to be named; all are counted


@dataclass
class SaidTotals:
    """What was recorded: hashtags accepted and rejected, lines refused, the first `TOLD` of them named."""

    accepted: int = 0
    rejected: int = 0
    refused: int = 0
    told: list[Refusal] = field(default_factory=list)

    def refuse(self, refusal: Refusal) -> None:
        """Count a line that was not taken in, and name it while there is room."""
        self.refused += 1
        if len(self.told) < TOLD:
            self.told.append(refusal)


def say_of_photo(
    archive: Archive, photo: str, *, accept: Sequence[str] = (), reject: Sequence[str] = ()
) -> SaidTotals:
    """Record that hashtags are on a photo, or are not; a later word on the same takes an earlier one's place.

    A photo is its content: it is known by whatever path it has. Raises `PhotoError` where it cannot be read,
    `ArchiveError` where a hashtag is none.
    """
    accepted, rejected = (tuple(need_hashtag(text) for text in texts) for texts in (accept, reject))
    totals = SaidTotals()
    _record(archive, [PhotoWords(os.path.abspath(photo), accepted, rejected, photo)], totals)
    if totals.told:
        raise PhotoError(totals.told[0].reason)
    return totals


def say_in_bulk(archive: Archive, file: Path, *, accept: bool, progress: Progress = silent) -> SaidTotals:
    """Record what a file says of photos (`read_words` has its formats), a transaction a batch of lines.

    `accept` says which way the lines of a CSV file are meant. What cannot be is refused with its reason, the rest
    goes in; a second run changes nothing. Raises `CrawlError` where the file is no such file.
    """
    totals, done = SaidTotals(), 0
    lines = read_words(file, accept)
    while batch := list(islice(lines, BATCH)):
        for refusal in (line for line in batch if isinstance(line, Refusal)):
            totals.refuse(refusal)
        _record(archive, [line for line in batch if isinstance(line, PhotoWords)], totals)
        done += len(batch)
        progress("recording", done, None)
    return totals


def take_back(archive: Archive, photo: str, hashtags: Sequence[str]) -> int:
    """Forget what a person said of hashtags on a photo; return how many words that were.

    Raises `PhotoError` where the photo cannot be read, `ArchiveError` where a hashtag is none.
    """
    named = {need_hashtag(text) for text in hashtags}
    store, path = archive.store, os.path.abspath(photo)
    known, seen, refused = _look_up(archive, [path])
    if refused:
        raise PhotoError(f"{photo}: {refused[path]}")
    with store.write() as connection:
        known |= _by_path(seen, store.photos.photo_ids(connection, _digests(seen)))
        with_id = {text: id for id, text in store.posts.hashtag_texts(connection).items() if text in named}
        said = [(known[path], id) for id in with_id.values()] if path in known else []
        return store.verdicts.take_back(connection, said)


def _record(archive: Archive, lines: Sequence[PhotoWords], totals: SaidTotals) -> None:
    """Commit what lines say; refuse those whose photos cannot be read."""
    store = archive.store
    known, seen, refused = _look_up(archive, {line.photo for line in lines})
    for line in lines:
        if line.photo in refused:
            totals.refuse(Refusal(line.where, f"{line.photo}: {refused[line.photo]}"))
    good = [line for line in lines if line.photo not in refused]
    texts = {text for line in good for text in (*line.accepted, *line.rejected)}
    with store.write() as connection:
        store.photos.put_files(connection, seen)
        known |= _by_path(seen, store.photos.photo_ids(connection, _digests(seen)))
        ids = store.posts.ensure_hashtags(connection, texts)
        for line in good:  # one by one: of two words on the same, the later counts
            said = [(known[line.photo], ids[text], True) for text in line.accepted]
            said += [(known[line.photo], ids[text], False) for text in line.rejected]
            store.verdicts.put(connection, said, now())
    totals.accepted += sum(len(line.accepted) for line in good)
    totals.rejected += sum(len(line.rejected) for line in good)


def _look_up(archive: Archive, paths: Iterable[str]) -> tuple[dict[str, int], list[SeenFile], dict[str, str]]:
    """Return photo ids of files that are as they were, other files as they are now, and why some are no photos."""
    paths = sorted(paths)
    rows = archive.store.photos.known_paths(paths, None)
    known, seen, refused = {}, [], {}
    for path in paths:
        row = rows.get(path)
        if row and row.photo_id and unchanged(path, row):
            known[path] = row.photo_id
            continue
        read = read_file(path)
        reason = read.seen.error or _why_no_photo(read.content or b"")
        if reason:
            refused[path] = reason
        else:
            seen.append(read.seen)
    return known, seen, refused


def _why_no_photo(content: bytes) -> str | None:
    try:
        decode_photo(content, 32)  # as small as it goes: only whether it can be
    except PhotoError as error:
        return str(error)
    return None


def _digests(seen: Sequence[SeenFile]) -> list[str]:
    return sorted({file.sha256 for file in seen if file.sha256})


def _by_path(seen: Sequence[SeenFile], ids: dict[str, int]) -> dict[str, int]:
    return {file.path: ids[file.sha256] for file in seen if file.sha256 in ids}
