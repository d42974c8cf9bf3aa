"""Opening an archive's models, and switching between them."""

from hashtag_archive.indexer.archive import BACKBONE, CURRENT_MODEL, Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.model import Model


def open_model(archive: Archive, number: int | None = None) -> Model:
    """Open a model, the current one unless a number is given. Its backbone runs in float32.

    Raises `ModelError` if there is no such model or it is damaged.
    """
    number = number if number is not None else archive.current()
    if number is None:
        posts = archive.store.posts.counts()["posts"]
        todo = "`hashtag rebuild`" if posts else "`hashtag import SOURCE`, then `hashtag rebuild`"
        raise ModelError(f"{archive.folder}: no model yet; run {todo}")
    model = Model.open(archive.model_folder(number), archive.backbones_folder, archive.sessions)
    model.vocabulary = archive.vocabulary
    return model


def use_model(archive: Archive, number: int) -> None:
    """Make another model current, in one transaction, after checking the digests of all its files.

    The next rebuild then uses its backbone.

    Raises `ModelError` if it does not exist or is damaged; the current model then stays.
    """
    if number not in {row.number for row in archive.store.models.all()}:
        raise ModelError(f"no model {number}; `hashtag models` lists them")
    model = open_model(archive, number)
    for network in model.networks:
        archive.sessions.forget(network)  # the optimised copy is made again from the checked file
    model.check()
    with archive.store.write() as connection:
        archive.store.put_setting(connection, CURRENT_MODEL, str(number))
        if model.manifest["backbone"]:
            archive.store.put_setting(connection, BACKBONE, model.manifest["backbone"])
