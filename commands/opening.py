"""Opening the archive that a command works on, and turning errors into one line."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from hashtag_archive.commands.output import Bars, harmless, info, printable, warn

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.archive import Archive


_TRAIN = (
    *(
        "efficientnet_lite_pytorch",
        "gensim",
        "jinja2",
        "matplotlib",
        "onnx",
        "onnxscript",
        "scipy",
        "sklearn",
    ),
    *("threadpoolctl", "torch", "torchvision"),
)
# a module that may be absent -> the extra that installs it
EXTRA_OF = dict.fromkeys(_TRAIN, "train") | {"pyarrow": "parquet", "timm": "timm", "watchfiles": "watch"}
# Commands that only read; every other one warns of a network file system.
READERS = {
    "backbones",
    "backup",
    "compare",
    "evaluate",
    "export-encoder",
    "find",
    "log",
    "models",
    "query",
    "related",
    "report",
    "show",
    "stats",
    "sweep",
}


def open_from(
    context: click.Context, *, create: 'bool | Literal["late"]' = False, device: "Device" = "cpu"
) -> "Archive":
    """Open the archive that `--archive` names, for work on `device`; it is closed when the command ends."""
    from hashtag_archive.db.network_disk import network_disk
    from hashtag_archive.indexer.archive import open_archive

    archive = open_archive(Path(context.obj["archive"]), create=create, device=device)
    context.call_on_close(lambda: _end(archive))
    if archive.upgraded:
        info(
            f"upgraded the archive from schema {archive.upgraded.schema} to this version's; the previous database"
            f" is kept in {archive.upgraded.backup}"
        )
        _settle(archive)
    if context.info_name not in READERS and (kind := network_disk(archive.folder)):
        info(
            f"warning: {archive.folder} is on a network file system ({kind}), where two concurrent writers can"
            " damage the database; run one at a time, or keep the archive on a local disk"
        )
    if device != "cpu" and archive.sessions.on_cuda:
        info("the backbone runs on the GPU (CUDA)")
    return archive


def _settle(archive: "Archive") -> None:
    """Move the features of an upgraded archive into files, and give the space back that they took."""
    from hashtag_archive.db.errors import DbError
    from hashtag_archive.indexer.features.packing import pack_features

    with Bars("features") as bars:
        moved = pack_features(archive.store, progress=bars)
    if moved:
        with suppress(DbError):  # somebody else is reading: the space is used again instead
            archive.store.compact()
        info(f"{moved:,} photos' features moved from the database into files")


def _end(archive: "Archive") -> None:
    """Close an archive, and print what was noted for the end."""
    for line in archive.notes.lines():
        warn(printable(line))
    archive.close()


def as_click_exception(error: Exception) -> click.ClickException:
    """Return an error as the one line that a user sees."""
    from hashtag_archive.db.errors import DbError
    from hashtag_archive.encoder.errors import EncoderError, PhotoError, UnknownNetworkError
    from hashtag_archive.indexer.errors import ArchiveError, ExpressionError

    if isinstance(error, ExpressionError):  # it marks the place on a second line
        return click.ClickException(harmless(str(error)))
    if isinstance(error, UnknownNetworkError):
        return click.UsageError(printable(str(error)))
    if isinstance(error, ArchiveError | DbError | EncoderError | PhotoError):
        return click.ClickException(printable(str(error)))
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRA_OF.get((error.name or "").split(".")[0])):
        return click.ClickException(
            f"this needs the extra `{extra}` ({error.name} is absent): pip install 'hashtag-archive[{extra}]'"
        )
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return click.ClickException(printable(f"{where}{error.strerror or error}"))
    return click.ClickException(
        printable(f"unexpected {type(error).__name__}: {error} (--debug shows where)")
    )
