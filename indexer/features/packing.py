"""Moves staged features into files, and removes from the files what belongs to no photo any more.

A file is written aside, flushed and renamed inside the transaction that names it. If the process is killed before
the commit, the file is a leftover that the next one with this number replaces; after the commit, an old file is.
"""

import re
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np

from hashtag_archive.db.photo import FeatureKey
from hashtag_archive.db.stores.features import FoundFeatures
from hashtag_archive.db.stores.store import Store
from hashtag_archive.indexer.disk import fsync_folder, kind_of
from hashtag_archive.indexer.features.row_file import FeatureFile, write_feature_file
from hashtag_archive.indexer.features.stored import FOLDER, FeatureReader, feature_path
from hashtag_archive.indexer.progress import Progress, silent

FILE_ROWS = 4096  # 7 MB of 1,280 features
_NAME = re.compile(r"(\d{8,})\.features")


def pack_features(store: Store, most: int | None = None, progress: Progress = silent) -> int:
    """Move staged features into files, as long as there are enough for one; return the number of rows moved.

    At most `most` files are made of each key. One transaction per file: if it is stopped, the next call goes on.
    Rows that are damaged stay staged.
    """
    moved, total = 0, store.features.count_staged()
    for key in store.features.staged_keys(FILE_ROWS):
        for _ in count() if most is None else range(most):
            done = _pack_one(store, key)
            if not done:
                break
            moved += done
            progress("moving features into files", moved, total)
    return moved


def _pack_one(store: Store, key: FeatureKey) -> int:
    """Move `FILE_ROWS` staged rows of a key into a file, or none if there are fewer."""
    with store.write() as connection:
        staged = store.features.staged(connection, key, FILE_ROWS)
        lengths = {len(data) for _, data in staged}
        if len(staged) < FILE_ROWS or len(lengths) != 1:
            return 0  # `hashtag check` finds features of a wrong length
        found = [FoundFeatures(photo, None, data) for photo, data in staged]
        ids = np.array([one.photo_id for one in found], np.int64)
        with FeatureReader(store) as reader:
            rows = reader.read(found)
        file_id = store.features.new_file(connection, *rows.shape)
        size = write_feature_file(_made(store, file_id), ids, rows)
        store.features.move_to_file(connection, key, file_id, size, ids.tolist())
    return len(staged)


def _made(store: Store, file_id: int) -> Path:
    """Return the path of a new file, in the folder that may have to be made first."""
    path = feature_path(store, file_id)
    path.parent.mkdir(exist_ok=True)
    fsync_folder(path.parent.parent)
    return path


def drop_dead_rows(store: Store, progress: Progress = silent) -> int:
    """Rewrite the files that have rows of no photo, without these rows; return the number of rows dropped.

    Raises `ArchiveError` if such a file is damaged.
    """
    dropped, files = 0, store.features.files()
    with store.snapshot() as connection:
        used = store.features.rows_in_use(connection)
    partly = [id for id, (rows, _) in files.items() if used.get(id, 0) < rows]
    for done, file_id in enumerate(partly, start=1):
        dropped += _rewrite(store, file_id)
        progress("files of features", done, len(partly))
    return dropped


def _rewrite(store: Store, file_id: int) -> int:
    with store.write() as connection:
        kept = np.array(store.features.used_by(connection, file_id)[1], np.int64)
        new, size, rows = None, 0, 0
        if len(kept):
            with FeatureFile(feature_path(store, file_id)) as file:
                rows, features = len(file), file.rows(file.places(kept))
            new = store.features.new_file(connection, *features.shape)
            size = write_feature_file(_made(store, new), kept, features)
        store.features.replace_file(connection, file_id, new, size)
    feature_path(store, file_id).unlink(missing_ok=True)
    return rows - len(kept)


def leftover_files(store: Store) -> list[Path]:
    """Return the files in the folder of features that no row names: a job was killed before or after its commit."""
    folder = store.path.parent / FOLDER
    if kind_of(folder) != "folder":
        return []
    known = set(store.features.files())
    found = []
    for path in folder.iterdir():
        match = _NAME.fullmatch(path.name)
        if path.name.endswith(".part") or (match and int(match[1]) not in known):
            found.append(path)
    return sorted(found)


def clear_leftovers(store: Store) -> None:
    """Delete the leftovers. The write lock is held meanwhile, so that no other process is making one."""
    with store.write():
        for path in leftover_files(store):
            with suppress(FileNotFoundError):
                path.unlink()


def remove_files(store: Store, file_ids: list[int]) -> None:
    """Delete files whose rows are gone from the database."""
    for file_id in file_ids:
        feature_path(store, file_id).unlink(missing_ok=True)
