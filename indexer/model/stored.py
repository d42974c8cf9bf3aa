"""A model's folder, which never changes once it is written.

manifest.json   what the model is made of, from what, and how good it was on held-out posts
hashtags.tsv    the model's own table, one hashtag per line: id, posts, photos, text
vectors.npy     their unit vectors, float32 (V, d), in the same order
head.onnx       features -> embedding             } only if photos were learnt from
index.faiss     logits of assignable hashtags     }
evidence.npz    logits of validation photos       }
judged.npz      how each held-out photo fared
text.npz        words of captions and locations, if the model uses them
"""

import os
import stat
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.disk import file_digest, kind_of
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.array_files import damaged, load_array
from hashtag_archive.indexer.model.hashtag_table import HashtagTable
from hashtag_archive.indexer.model.logits import Thresholds
from hashtag_archive.indexer.model.manifest import read_manifest
from hashtag_archive.indexer.wording import counted

if TYPE_CHECKING:
    from hashtag_archive.encoder.backbone_spec import BackboneSpec
    from hashtag_archive.encoder.networks import OnnxBackbone, OnnxHead
    from hashtag_archive.encoder.session import Sessions
    from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
    from hashtag_archive.indexer.model.int8_backbone import Int8Backbone
    from hashtag_archive.indexer.model.precision import ValidationScores
    from hashtag_archive.indexer.model.text_space import TextSpace

MANIFEST, TEXT, JUDGED = "manifest.json", "text.npz", "judged.npz"
_ROUNDING = 1e-3  # of the length of a unit vector in float32


class StoredModel:
    """A model's files, each read when it is first needed.

    If `int8` is set before `backbone` is first read, the backbone runs in int8.
    """

    def __init__(
        self, folder: Path, manifest: dict[str, Any], backbones: Path, sessions: "Sessions | None" = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.number: int = manifest["number"]
        self.int8: Int8Backbone | None = None
        self._backbones = backbones
        self._sessions = sessions

    @classmethod
    def open(cls, folder: Path, backbones: Path, sessions: "Sessions | None" = None) -> Self:
        """Open the model in `folder`, and check that every file is there and has its size.

        Its networks are opened by `sessions`; without it they run on the CPU, and no optimised copy is kept. Raises
        `ModelError` if a file is missing or has another size, or the manifest is not valid.
        """
        manifest = read_manifest(folder / MANIFEST)
        for name, file in manifest["files"].items():
            try:
                found = os.lstat(folder / name)
                size = found.st_size if stat.S_ISREG(found.st_mode) else None
            except OSError:
                size = None
            if size != file["size"]:
                raise ModelError(
                    f"{folder / name}: missing or damaged; switch to another model with `hashtag use N`"
                )
        return cls(folder, manifest, backbones, sessions)

    def _verified(self, name: str) -> Path:
        """Return the path of a file whose digest is the manifest's; raises `ModelError` if it differs.

        A damaged head or index may give wrong answers without an error, so their digests are always compared. It
        costs 0.8 ms per MB: 4 ms for a head of 5 MB, of the 342 ms that `hashtag query` takes.
        """
        path, recorded = self.folder / name, self.manifest["files"].get(name)
        if recorded and file_digest(path) != recorded["sha256"]:
            raise ModelError(
                f"{path}: damaged: its digest differs from the manifest's; restore it from a backup, or switch to"
                " another model with `hashtag use N`"
            )
        return path

    def check(self) -> None:
        """Compare every file with its digest in the manifest, and the parts with each other.

        Raises `ModelError` that names the file.
        """
        for name, file in self.manifest["files"].items():
            if file_digest(self.folder / name) != file["sha256"]:
                raise ModelError(f"{self.folder / name}: damaged: its digest differs from the manifest's")
        if self.manifest["backbone"]:
            from hashtag_archive.encoder.backbone_spec import backbone_digest

            path = self.backbone_file
            if backbone_digest(path, self.backbone_spec) != self.manifest["backbone"]:
                raise ModelError(f"{path}: damaged: its digest differs from that of model {self.number}")
            _ = self.head, self.index

    @property
    def has_head(self) -> bool:
        """Whether it can tag photos; otherwise it has only hashtag vectors."""
        return self.manifest["backbone"] is not None

    def require_head(self) -> None:
        """Raise `ModelError` if the model has only hashtag vectors."""
        if not self.has_head:
            raise ModelError(
                f"model {self.number} has only hashtag vectors, as it was learnt from posts without photos; import"
                " posts with photos, then run `hashtag rebuild`"
            )

    @property
    def thresholds(self) -> Thresholds:
        """The probabilities chosen on validation posts."""
        chosen = self.manifest["thresholds"]
        return Thresholds(chosen["f1"], chosen["f2"])

    @cached_property
    def evidence(self) -> "ValidationScores":
        """Logits of validation photos, from which thresholds for a precision are chosen."""
        from hashtag_archive.indexer.model.precision import ValidationScores

        return ValidationScores.load(self._verified("evidence.npz"))

    @property
    def backbone_file(self) -> Path:
        """The ONNX file of its backbone; raises `ModelError` if a link or a pipe is there."""
        path = self._backbones / f"{self.manifest['backbone'][:16]}.onnx"
        if (kind := kind_of(path)) not in (None, "file"):
            raise ModelError(f"{path}: a {kind}, not a file; restore it from a backup")
        return path

    @property
    def networks(self) -> list[Path]:
        """Its ONNX files, none if it has only hashtag vectors."""
        return [self.backbone_file, self.folder / "head.onnx"] if self.has_head else []

    @property
    def backbone_spec(self) -> "BackboneSpec":
        """The description of its backbone's input and output."""
        from hashtag_archive.encoder.backbone_spec import BackboneSpec

        return BackboneSpec.read(self.backbone_file)

    @cached_property
    def backbone(self) -> "OnnxBackbone":
        """Its backbone, opened, in int8 if `int8` is set."""
        from hashtag_archive.encoder.networks import OnnxBackbone

        file = self.int8.path if self.int8 else self.backbone_file
        return OnnxBackbone(file, self.backbone_spec, self._sessions)

    @property
    def dtype(self) -> str:
        """How its backbone's features are marked: features of one dtype never mix with those of another."""
        return self.int8.dtype if self.int8 else self.manifest["precision"]

    @cached_property
    def head(self) -> "OnnxHead":
        """Its head; raises `ModelError` if it was made for other vectors or another backbone."""
        from hashtag_archive.encoder.networks import OnnxHead

        head = OnnxHead(self._verified("head.onnx"), self._sessions)
        self._check_same_model(head.metadata, "head.onnx")
        return head

    @cached_property
    def index(self) -> "HashtagIndex":
        """Its index; raises `ModelError` if it was made for other vectors or another backbone."""
        from hashtag_archive.indexer.model.hashtag_index import HashtagIndex

        self._verified("index.json")
        index = HashtagIndex.load(self._verified("index.faiss"))
        self._check_same_model(index.metadata, "index.faiss")
        if not set(index.ids()) <= self.table.text_of.keys():
            raise damaged(self.folder / "index.faiss", "it has hashtags that hashtags.tsv lacks")
        return index

    def _check_same_model(self, metadata: dict[str, str], name: str) -> None:
        for part in ("vectors", "backbone"):
            if metadata.get(part) != self.manifest[part]:
                raise ModelError(f"{self.folder / name}: made for another model's {part}")

    @cached_property
    def text(self) -> "TextSpace | None":
        """The text space that it uses in addition to the photo, or None."""
        if TEXT not in self.manifest["files"]:
            return None
        from hashtag_archive.indexer.model.text_space import TextSpace

        return TextSpace.load(self._verified(TEXT))

    @cached_property
    def table(self) -> HashtagTable:
        """All hashtags with a vector."""
        return HashtagTable.load(self._verified("hashtags.tsv"))

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors float32 (V, d), in the order of `table`; raises `ModelError` if they are damaged."""
        path = self._verified("vectors.npy")
        vectors = np.asarray(load_array(path, ("f", 2)), np.float32)
        if len(vectors) != len(self.table.texts):
            raise damaged(
                path,
                f"it has {counted(len(vectors), 'vector')} for {counted(len(self.table.texts), 'hashtag')}",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.abs(np.linalg.norm(vectors, axis=1) - 1)
        if not np.all(off < _ROUNDING):  # false for NaN too
            raise damaged(path, "its vectors are not of unit length")
        return vectors
