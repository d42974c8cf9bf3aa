"""The dtype in which this machine runs a model's backbone: as the user says, or as measured here."""

from typing import TYPE_CHECKING

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.int8_backbone import int8_backbone, require_int8
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.dtype_choice import DtypeChoice, DtypeMode, measured_choice
from hashtag_archive.indexer.progress import Progress, silent

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.model import Model


WORTH_MEASURING = 256  # photos to tag; fewer are tagged sooner than dtypes are measured


def choose_dtype(
    archive: Archive,
    mode: DtypeMode = "auto",
    *,
    model: "Model | None" = None,
    photos: int = 0,
    progress: Progress = silent,
) -> DtypeChoice:
    """Return the dtype in which this machine runs a model, by default the current one.

    `auto` uses what was measured here; if nothing was, it measures now if there are enough `photos` to tag. Raises
    `ModelError` if int8 is asked for and there is none.
    """
    model = model or open_model(archive)
    if not model.has_head:
        return DtypeChoice("float32", "the model has no head")
    if archive.sessions.on_cuda:
        if mode == "int8":
            raise ModelError("int8 runs only on the CPU: add --device cpu")
        return DtypeChoice("float32", "photos are encoded on a GPU")
    stored = measured_choice(archive, model)
    if mode != "auto":
        if mode == "int8":
            require_int8(model.backbone_file)
        batch = stored.batch_size if stored and stored.dtype == mode else None
        return DtypeChoice(mode, "asked for", batch)
    if stored:
        return stored
    if int8_backbone(model.backbone_file) is None:
        return DtypeChoice("float32", "the backbone has no int8 form")
    if photos >= WORTH_MEASURING:
        from hashtag_archive.indexer.photos.dtype_trial import measure_dtype

        return measure_dtype(archive, model, progress=progress)
    return DtypeChoice("float32", "int8 was not measured on this machine")


def set_dtype(
    archive: Archive, model: "Model", mode: DtypeMode, *, photos: int = 0, progress: Progress = silent
) -> DtypeChoice:
    """Set the dtype that `choose_dtype` returns on a model whose backbone is not open yet."""
    choice = choose_dtype(archive, mode, model=model, photos=photos, progress=progress)
    model.int8 = require_int8(model.backbone_file) if choice.dtype == "int8" else None
    return choice
