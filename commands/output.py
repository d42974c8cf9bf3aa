"""What every command shares: the archive it works on, JSON on stdout, bars on stderr, errors as one line."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hashtag_archive.encoder.session import Device
    from hashtag_archive.indexer.archive import Archive

EXTRA_MODULES = {
    "torch",
    "torchvision",
    "gensim",
    "jinja2",
    "matplotlib",
    "onnx",
    "onnxscript",
    "sklearn",
    "scipy",
}
EXTRA_OF = dict.fromkeys(EXTRA_MODULES, "train") | {"pyarrow": "parquet"}


# Commands that only read; every other is told of a network file system.
READERS = {
    "backup",
    "compare",
    "evaluate",
    "export-encoder",
    "find",
    "models",
    "query",
    "related",
    "report",
    "show",
    "stats",
    "sweep",
}


def open_from(context: click.Context, *, create: bool = False, device: "Device" = "cpu") -> "Archive":
    """Open the archive that `--archive` names, for work on `device`; it is closed when the command ends."""
    from hashtag_archive.db.network_disk import network_disk
    from hashtag_archive.indexer.archive import open_archive

    archive = open_archive(Path(context.obj["archive"]), create=create, device=device)
    context.call_on_close(archive.close)
    if archive.upgraded:
        talk(
            f"brought the archive up from schema {archive.upgraded.schema} to this version's; the database as it"
            f" was is {archive.upgraded.backup}"
        )
    if context.info_name not in READERS and (kind := network_disk(archive.folder)):
        talk(
            f"warning: {archive.folder} lies on a network file system ({kind}), where two processes that write at"
            " once can damage the database: let one at a time write, or keep the archive on a disk of this machine"
        )
    if device != "cpu" and archive.sessions.on_cuda:
        talk("the backbone runs on the GPU (CUDA)")
    return archive


def device_option(default: str = "auto") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command `--device`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default=default,
        show_default=True,
        help="Where the backbone runs; auto takes an NVIDIA GPU where onnxruntime can use it.",
    )


def _need_patterns(
    context: click.Context, parameter: click.Parameter, patterns: tuple[str, ...]
) -> tuple[str, ...]:
    if patterns:
        from hashtag_archive.indexer.errors import ArchiveError
        from hashtag_archive.indexer.photos.exclusions import read_patterns

        try:
            read_patterns(patterns, ", ".join(patterns))
        except ArchiveError as error:
            raise click.BadParameter(str(error)) from error
    return patterns


def exclude_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--exclude`, which may be given several times."""
    return click.option(
        "--exclude",
        metavar="GLOB",
        multiple=True,
        callback=_need_patterns,
        help="Pass over what is called so below the folders named, written as in .gitignore: thumbs/, *.png, /2019;"
        " may be given several times. A .hashtagignore in a folder does the same for good.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json`, under the name `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")(command)


def precision_mode_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--precision-mode`."""
    return click.option(
        "--precision-mode",
        type=click.Choice(["auto", "float32", "int8"]),
        default="auto",
        show_default=True,
        help="How exactly the network computes; auto takes int8 where that was measured to be faster and as good.",
    )(command)


def echo_json(value: object) -> None:
    """Print a value as one line of JSON; a file name that is no Unicode comes out escaped."""
    click.echo(json_bytes(value), nl=False)


def json_bytes(value: object) -> bytes:
    """A value as one line of JSON, with its end."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def echo_bytes(lines: Iterable[bytes]) -> None:
    """Print lines as they are, many to a write: a file's name may be any bytes, and there may be a million."""
    sys.stdout.flush()
    for line in lines:
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """A path as it can be printed, whatever bytes it holds."""
    return text.encode("utf-8", "replace").decode("utf-8")


def talk(message: str) -> None:
    """Say something to the person, on stderr, unless `--quiet`."""
    if not _is_quiet():
        click.echo(message, err=True)


def warn(message: str) -> None:
    """Say on stderr what went wrong, `--quiet` or not."""
    click.echo(message, err=True)


def _is_quiet() -> bool:
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


class Bars:
    """A progress bar on stderr for each stage that knows its length, with rate and time left.

    Call it with (stage, done, total). It draws only on a terminal; elsewhere it names each stage once, and with
    `--quiet` nothing.
    """

    def __init__(self, unit: str = "") -> None:
        self._unit = unit
        self._stage: str | None = None
        self._bar: Any = None
        self._began = 0.0

    def __enter__(self) -> "Bars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish()

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if _is_quiet():
            return
        if stage != self._stage:
            self._finish()
            self._stage, self._began = stage, monotonic()
            self._bar = click.progressbar(
                length=total or 1, label=stage, file=sys.stderr, show_pos=True, item_show_func=self._rate
            )
            self._bar.__enter__()
        self._bar.length = total or max(1, done)
        self._bar.update(done - self._bar.pos, done)

    def clear(self) -> None:
        """Take the bar off its line, so that a line of stdout on the same terminal stands alone."""
        if self._bar and sys.stderr.isatty() and sys.stdout.isatty():
            click.echo("\r\033[2K", err=True, nl=False)

    def _rate(self, done: int | None) -> str | None:
        elapsed = monotonic() - self._began
        if not done or elapsed < 0.5:
            return None
        return f"{done / elapsed:,.0f} {self._unit}/s" if self._unit else None

    def _finish(self) -> None:
        if self._bar:
            self._bar.__exit__(None, None, None)
            self._bar = None


def told(error: Exception) -> click.ClickException:
    """Turn an error into the one line that a user sees."""
    from sqlalchemy.exc import DatabaseError

    from hashtag_archive.db.errors import DbError
    from hashtag_archive.encoder.errors import EncoderError
    from hashtag_archive.indexer.errors import ArchiveError

    if isinstance(error, ArchiveError | DbError | EncoderError):
        return click.ClickException(printable(str(error)))
    if isinstance(error, DatabaseError):
        return click.ClickException(f"the database: {error.orig}; what was committed before stays")
    if isinstance(error, ModuleNotFoundError) and (extra := EXTRA_OF.get((error.name or "").split(".")[0])):
        return click.ClickException(f"this needs {error.name}: pip install 'hashtag-archive[{extra}]'")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return click.ClickException(printable(f"{where}{error.strerror or error}"))
    return click.ClickException(f"unexpected {type(error).__name__}: {error} (--debug shows where)")
