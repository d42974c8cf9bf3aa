"""Photos that failed, and how they are tried again."""

from hashtag_archive.indexer.archive import Archive


def failed_paths(archive: Archive) -> list[str]:
    """Return the paths of photos that could not be read or encoded."""
    return [path for path, _ in archive.store.photos.failures()]


def retry_failures(archive: Archive) -> list[str]:
    """Clear every recorded failure and return the paths concerned, so that `tag_photos` retries them."""
    paths = failed_paths(archive)
    with archive.store.write() as connection:
        archive.store.photos.forget_failures(connection)
    return paths
