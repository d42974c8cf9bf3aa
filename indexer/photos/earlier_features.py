"""Features of earlier versions: those that hold for this version too are kept, without decoding a photo.

Version 1 took every photo for sRGB. A photo that is in sRGB gives the same pixels now, which its header shows; one
that is not is encoded again. What is done is known by the rows themselves: a killed run goes on where it was.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.db.sqlite_file import is_writable
from hashtag_archive.encoder.errors import PhotoError
from hashtag_archive.encoder.image_file import MAX_BYTES
from hashtag_archive.encoder.preprocess import changes_colours
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.photos.files import unchanged
from hashtag_archive.indexer.progress import Progress, silent
from hashtag_archive.indexer.regular_file import open_regular

Verdict = Literal["same", "other", "gone"]
_AT_ONCE = 500  # photos per transaction
_CHECKED = (
    "preprocessing-of-backbone-{}"  # setting: the version for which all features of a backbone were checked
)


def renewed_key(
    archive: Archive, key: FeatureKey, progress: Progress = silent, *, may_write: bool = True
) -> FeatureKey:
    """Return the key under which a backbone's features are now, after those of earlier versions were checked.

    Each photo's header is looked at, once ever. Where it says that the pixels are as before, the features stay;
    they also stay where the file is gone or was changed. The others keep their earlier features only until
    `store_batch` stores new ones. If the archive cannot be written to, or may not be, and was not checked before,
    the key is that of the earlier features.
    """
    store = archive.store
    setting, version = _CHECKED.format(key.backbone_id), str(key.preprocessing)
    if store.setting(setting) == version:
        return key
    total = store.earlier.count(key)
    if not may_write or not is_writable(store.path):
        return key._replace(preprocessing=key.preprocessing - 1) if total else key
    verdicts: Counter[Verdict] = Counter()
    last = 0
    with ThreadPoolExecutor(cores(), thread_name_prefix="header") as pool:
        while ids := store.earlier.photo_ids(key, last, _AT_ONCE):
            last = ids[-1]
            paths = store.earlier.paths(ids)
            found = list(pool.map(lambda id, paths=paths: _verdict(paths.get(id, ())), ids))
            kept = [id for id, verdict in zip(ids, found, strict=True) if verdict != "other"]
            with store.write() as connection:
                store.earlier.keep(connection, kept, key)
            verdicts.update(found)
            progress("checking the colours of known photos", verdicts.total(), total)
    with store.write() as connection:
        store.put_setting(connection, setting, version)
    _report(archive, verdicts)
    return key


def _verdict(rows: Sequence[PathRow]) -> Verdict:
    for row in rows:
        if not unchanged(row.path, row):
            continue
        try:
            with open_regular(row.path, MAX_BYTES) as file:
                return "other" if changes_colours(file) else "same"
        except (OSError, ValueError, PhotoError):  # of a kind that is not read here: its features stay
            continue
    return "gone"


def _report(archive: Archive, verdicts: Counter[Verdict]) -> None:
    if verdicts["gone"]:
        archive.notes.add(
            f"photos that are gone or changed: {verdicts['gone']:,}; their features stay, as if they were in sRGB"
        )
    if verdicts["other"]:
        archive.notes.add(
            f"photos that are not in sRGB, which earlier versions ignored: {verdicts['other']:,}; they are left out"
            " until `hashtag tag` or `hashtag rebuild` has encoded them again"
        )
