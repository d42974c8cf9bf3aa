"""Views of crawled photos: altered once, encoded once, and stored beside the photos' own features."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.photo import FeatureKey, PathRow
from hashtag_archive.encoder.onnx_encoder import OnnxBackbone
from hashtag_archive.encoder.training.jitter import VIEW_KIND, jittered
from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.learning.corpus import Ids
from hashtag_archive.indexer.machine import cores
from hashtag_archive.indexer.photos.pixels import decode_first, paths_of_photos
from hashtag_archive.indexer.progress import Progress, silent

Floats = NDArray[np.float32]
_AT_ONCE = 64  # photos a transaction


def encode_views(
    archive: Archive,
    backbone: OnnxBackbone,
    key: FeatureKey,
    photo_ids: Ids,
    views: int,
    workers: int | None = None,
    progress: Progress = silent,
) -> int:
    """Give every photo its `views` views, a transaction a batch; return how many photos could not be read."""
    known = archive.store.views.load(photo_ids.tolist(), key, VIEW_KIND, views)
    missing = [photo for photo in photo_ids.tolist() if photo not in known]
    paths = paths_of_photos(archive, missing)
    lost = 0

    def encode(photo: int) -> list[bytes]:
        return _views(paths.get(photo, []), backbone, views)

    with ThreadPoolExecutor(workers or cores(), thread_name_prefix="views") as pool:
        for start in range(0, len(missing), _AT_ONCE):
            batch = missing[start : start + _AT_ONCE]
            encoded = {
                photo: rows for photo, rows in zip(batch, pool.map(encode, batch), strict=True) if rows
            }
            with archive.store.write() as connection:
                archive.store.views.put(connection, key, VIEW_KIND, encoded)
            lost += len(batch) - len(encoded)
            progress("encoding views", start + len(batch), len(missing))
    return lost


def load_views(
    archive: Archive, key: FeatureKey, photo_ids: Sequence[int], features: Floats, views: int
) -> Floats:
    """Return views float32 (n, k, f) of photos whose own features are (n, f), and stand in for lost views."""
    found = archive.store.views.load(photo_ids, key, VIEW_KIND, views)
    stacked = np.repeat(features[:, None], views, axis=1)
    for place, photo in enumerate(photo_ids):
        if rows := found.get(photo):
            stacked[place] = np.stack([np.frombuffer(row, "<f2") for row in rows])
    return stacked


def _views(rows: Sequence[PathRow], backbone: OnnxBackbone, views: int) -> list[bytes]:
    """Return the features of a photo's views, none where no file of it can be read or they are not finite."""
    decoded = decode_first(rows, backbone.spec.size)
    if decoded is None:
        return []
    pixels, sha256 = decoded
    features = backbone.encode(np.stack([jittered(pixels, sha256, view) for view in range(1, views + 1)]))
    return [row.astype("<f2").tobytes() for row in features] if np.isfinite(features).all() else []
