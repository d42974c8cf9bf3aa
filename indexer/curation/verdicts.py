"""The user's verdicts on photos: hashtags accepted or rejected. They outlive every model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hashtag_archive.db.photo import SeenFile
from hashtag_archive.db.stores.verdicts import How, NewVerdict
from hashtag_archive.encoder import Framing, PhotoError, decode_photo
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.crawls.formats.entry import Refusal
from hashtag_archive.indexer.curation.verdict_file import PhotoVerdicts, read_words
from hashtag_archive.indexer.curation.verdict_log import new_session
from hashtag_archive.indexer.curation.vocabulary import require_hashtag
from hashtag_archive.indexer.disk import now
from hashtag_archive.indexer.errors import MAX_REPORTED
from hashtag_archive.indexer.photos.files import read_file, unchanged
from hashtag_archive.indexer.photos.spelling import SpellingOnDisk
from hashtag_archive.indexer.progress import Progress, silent

BATCH = 500  # lines per transaction


@dataclass
class VerdictTotals:
    """Counts of hashtags accepted and rejected, and of lines refused, of which `MAX_REPORTED` are listed.

    `unchanged` counts the verdicts that stood already. `session` is the name of all others in the log.
    """

    session: str
    accepted: int = 0
    rejected: int = 0
    unchanged: int = 0
    refused: int = 0
    reported: list[Refusal] = field(default_factory=list)

    def refuse(self, refusal: Refusal) -> None:
        """Count a refused line, and list it unless the list is full."""
        self.refused += 1
        if len(self.reported) < MAX_REPORTED:
            self.reported.append(refusal)


def record_verdict(
    archive: Archive,
    photo: str,
    *,
    accept: Sequence[str] = (),
    reject: Sequence[str] = (),
    how: How = "looked",
    session: str | None = None,
) -> VerdictTotals:
    """Record that hashtags are true or not true of a photo; a later verdict on a hashtag replaces an earlier one.

    A verdict belongs to the photo's content, under whatever path. `how` says whether somebody `looked` at it; a
    verdict in `bulk` applies to what is shown, but teaches nothing, and does not replace an equal one of somebody
    who looked. Entries in the log get the name `session`, by default a new one. Raises `PhotoError` if the photo
    cannot be read, `ArchiveError` if a hashtag is not valid.
    """
    accepted, rejected = (tuple(require_hashtag(text) for text in texts) for texts in (accept, reject))
    totals = VerdictTotals(session or new_session())
    _record(archive, [PhotoVerdicts(SpellingOnDisk().full(photo), accepted, rejected, photo, how)], totals)
    if totals.reported:
        raise PhotoError(totals.reported[0].reason)
    return totals


def record_verdicts(
    archive: Archive, file: Path, *, accept: bool, how: How = "looked", progress: Progress = silent
) -> VerdictTotals:
    """Record the verdicts of a file in one of the formats of `read_words`, one transaction per batch of lines.

    `accept` says whether the lines of a CSV file are accepted or rejected, `how` how lines came about that do not
    say it themselves. Malformed lines are refused with a reason and the others recorded; a second run changes
    nothing. Raises `CrawlError` if the file is in neither format.
    """
    totals, done = VerdictTotals(new_session()), 0
    lines = read_words(file, accept, how)
    while batch := list(islice(lines, BATCH)):
        for refusal in (line for line in batch if isinstance(line, Refusal)):
            totals.refuse(refusal)
        _record(archive, [line for line in batch if isinstance(line, PhotoVerdicts)], totals)
        done += len(batch)
        progress("recording", done, None)
    return totals


def undo_verdict(archive: Archive, photo: str, hashtags: Sequence[str]) -> int:
    """Remove the verdicts on hashtags of a photo; return how many there were.

    Raises `PhotoError` if the photo cannot be read, `ArchiveError` if a hashtag is not valid.
    """
    named = {require_hashtag(text) for text in hashtags}
    store, path = archive.store, SpellingOnDisk().full(photo)
    known, seen, refused = _look_up(archive, [path])
    if refused:
        raise PhotoError(f"{photo}: {refused[path]}")
    with store.write() as connection:
        known |= _by_path(seen, store.photos.photo_ids(connection, _digests(seen)))
        with_id = {text: id for id, text in store.posts.hashtag_texts(connection).items() if text in named}
        rows = [NewVerdict(known[path], id, None) for id in with_id.values()] if path in known else []
        return store.verdicts.put(connection, rows, now(), new_session())


def _record(archive: Archive, lines: Sequence[PhotoVerdicts], totals: VerdictTotals) -> None:
    """Commit the verdicts of lines; refuse lines whose photos cannot be read."""
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
        rows = [
            NewVerdict(known[line.photo], ids[text], accepted, line.how)
            for line in good
            for accepted, texts in ((True, line.accepted), (False, line.rejected))
            for text in texts
        ]
        changed = store.verdicts.put(connection, rows, now(), totals.session)
    totals.accepted += sum(len(line.accepted) for line in good)
    totals.rejected += sum(len(line.rejected) for line in good)
    totals.unchanged += len(rows) - changed


def _look_up(archive: Archive, paths: Iterable[str]) -> tuple[dict[str, int], list[SeenFile], dict[str, str]]:
    """Return photo ids of unchanged files, the present state of the others, and why some are not photos."""
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
        decode_photo(content, Framing(32))  # small: only to see whether it can be decoded
    except PhotoError as error:
        return str(error)
    return None


def _digests(seen: Sequence[SeenFile]) -> list[str]:
    return sorted({file.sha256 for file in seen if file.sha256})


def _by_path(seen: Sequence[SeenFile], ids: dict[str, int]) -> dict[str, int]:
    return {file.path: ids[file.sha256] for file in seen if file.sha256 in ids}
