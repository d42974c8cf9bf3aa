"""A model: one numbered folder that never changes once it is made.

manifest.json   what it is made of, from what, and how good it was on held-out posts
hashtags.tsv    id, posts, photos, text: the model's own table, a hashtag a line
vectors.npy     their unit vectors, float32 (V, d), in the same order
head.onnx       features -> embedding           } only where photos were learnt from
index.faiss     logits of assignable hashtags   }
evidence.npz    what validation photos gave     }
judged.npz      how each held-out photo fared
text.npz        words of captions and locations, where they are read beside the photo
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hashtag_archive.db.vocabulary import Vocabulary
from hashtag_archive.indexer.arrays import Floats
from hashtag_archive.indexer.disk import file_digest
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.logits import Thresholds, sigmoid

if TYPE_CHECKING:
    from hashtag_archive.encoder.onnx_encoder import BackboneSpec, OnnxBackbone, OnnxHead
    from hashtag_archive.encoder.session import Sessions
    from hashtag_archive.indexer.model.guesses import Guesses
    from hashtag_archive.indexer.model.hashtag_index import HashtagIndex
    from hashtag_archive.indexer.model.int8_backbone import Int8Backbone
    from hashtag_archive.indexer.model.promises import ValidationScores
    from hashtag_archive.indexer.model.text_space import TextSpace

Rule = Literal["logit", "cosine"]
ALWAYS_STORED, MOST_STORED, STORED_ABOVE = 20, 100, float(np.log(0.05 / 0.95))
# hashtags; only photos with so many above STORED_ABOVE, one in a thousand, are searched for MOST_STORED
FIRST_SEARCH = 40
MANIFEST, TEXT, JUDGED = "manifest.json", "text.npz", "judged.npz"


@dataclass(frozen=True)
class ScoredHashtag:
    """A hashtag with its probability, or for `related` its cosine."""

    hashtag: str
    score: float


class Model:
    """An opened model. Parts are read when they are first needed; `int8`, set before that, runs as its backbone."""

    def __init__(
        self, folder: Path, manifest: dict[str, Any], backbones: Path, sessions: "Sessions | None" = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.number: int = manifest["number"]
        self.int8: Int8Backbone | None = None
        self._backbones = backbones
        self._sessions = sessions
        self.vocabulary: Callable[[], Vocabulary] = Vocabulary  # asked each time as what to name hashtags

    @classmethod
    def open(cls, folder: Path, backbones: Path, sessions: "Sessions | None" = None) -> "Model":
        """Open the model in `folder`, checking that every file is there in its size.

        Its networks are opened by `sessions`, without which they run on the CPU and nothing of them is kept.
        Raises `ModelError` where something is missing or of another size.
        """
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{folder / MANIFEST}: cannot be read: {error}; `hashtag use N` goes to another model"
            ) from error
        for name, file in manifest["files"].items():
            try:
                size = os.stat(folder / name).st_size
            except OSError:
                size = None
            if size != file["size"]:
                raise ModelError(
                    f"{folder / name}: missing or damaged; `hashtag use N` goes to another model"
                )
        return cls(folder, manifest, backbones, sessions)

    def check(self) -> None:
        """Compare every file with its digest in the manifest, and the parts with each other.

        Raises `ModelError` that names the file.
        """
        for name, file in self.manifest["files"].items():
            if file_digest(self.folder / name) != file["sha256"]:
                raise ModelError(f"{self.folder / name}: damaged: its digest is not the manifest's")
        if self.manifest["backbone"]:
            from hashtag_archive.encoder.onnx_encoder import backbone_digest

            path = self.backbone_file
            if backbone_digest(path, self.backbone_spec) != self.manifest["backbone"]:
                raise ModelError(f"{path}: damaged: its digest is not the one of model {self.number}")
            _ = self.head, self.index

    @property
    def has_head(self) -> bool:
        """Whether it can look at photos, or holds hashtag vectors alone."""
        return self.manifest["backbone"] is not None

    def require_head(self) -> None:
        """Raise `ModelError` where the model holds hashtag vectors alone."""
        if not self.has_head:
            raise ModelError(
                f"model {self.number} holds hashtag vectors alone, learnt from posts without photos; import posts"
                " with photos, then `hashtag rebuild --backbone FILE.onnx`"
            )

    @property
    def thresholds(self) -> Thresholds:
        """The probabilities chosen on validation posts."""
        return Thresholds(**self.manifest["thresholds"])

    @cached_property
    def evidence(self) -> "ValidationScores":
        """What validation photos gave: the ground for promised precisions."""
        from hashtag_archive.indexer.model.promises import ValidationScores

        return ValidationScores.load(self.folder / "evidence.npz")

    @property
    def backbone_file(self) -> Path:
        """The ONNX file of its backbone."""
        return self._backbones / f"{self.manifest['backbone'][:16]}.onnx"

    @property
    def networks(self) -> list[Path]:
        """Its ONNX files, none where it holds hashtag vectors alone."""
        return [self.backbone_file, self.folder / "head.onnx"] if self.has_head else []

    @property
    def backbone_spec(self) -> "BackboneSpec":
        """How pixels are fed to its backbone."""
        from hashtag_archive.encoder.onnx_encoder import BackboneSpec

        return BackboneSpec.read(self.backbone_file)

    @cached_property
    def backbone(self) -> "OnnxBackbone":
        """Its backbone, opened, in int8 where that was chosen."""
        from hashtag_archive.encoder.onnx_encoder import OnnxBackbone

        file = self.int8.path if self.int8 else self.backbone_file
        return OnnxBackbone(file, self.backbone_spec, self._sessions)

    @property
    def dtype(self) -> str:
        """How its backbone's features are marked: features of one dtype never mix with those of another."""
        return self.int8.dtype if self.int8 else self.manifest["precision"]

    @cached_property
    def head(self) -> "OnnxHead":
        """Its head; raises `ModelError` where it was made for other vectors or another backbone."""
        from hashtag_archive.encoder.onnx_encoder import OnnxHead

        head = OnnxHead(self.folder / "head.onnx", self._sessions)
        self._check_same_model(head.metadata, "head.onnx")
        return head

    @cached_property
    def index(self) -> "HashtagIndex":
        """Its index; raises `ModelError` where it was made for other vectors or another backbone."""
        from hashtag_archive.indexer.model.hashtag_index import HashtagIndex

        index = HashtagIndex.load(self.folder / "index.faiss")
        self._check_same_model(index.metadata, "index.faiss")
        return index

    @cached_property
    def text(self) -> "TextSpace | None":
        """What it reads beside the photo, None where that is nothing."""
        if TEXT not in self.manifest["files"]:
            return None
        from hashtag_archive.indexer.model.text_space import TextSpace

        return TextSpace.load(self.folder / TEXT)

    def embed(self, features: NDArray[np.float16], texts: Sequence[dict[str, str]] | None = None) -> Floats:
        """Return unit embeddings (n, d) of features (n, f), and of the `texts` (n) of posts where it reads them."""
        embeddings = self.head.embed(features)
        if texts and self.text:
            from hashtag_archive.indexer.model.text_space import join

            return join(embeddings, self.text.embed(texts))
        return embeddings

    def _check_same_model(self, metadata: dict[str, str], name: str) -> None:
        for part in ("vectors", "backbone"):
            if metadata.get(part) != self.manifest[part]:
                raise ModelError(f"{self.folder / name}: made for another model's {part}")

    @cached_property
    def _table(self) -> tuple[NDArray[np.int64], list[str], list[int]]:
        ids, texts, photos = [], [], []
        with (self.folder / "hashtags.tsv").open(encoding="utf-8", newline="\n") as file:
            for line in file:
                id, _, count, text = line.rstrip("\n").split("\t")
                ids.append(int(id))
                photos.append(int(count))
                texts.append(text)
        return np.array(ids, np.int64), texts, photos

    @property
    def hashtags(self) -> list[str]:
        """The texts of all hashtags with a vector, in the order of their ids."""
        return self._table[1]

    @cached_property
    def text_of(self) -> dict[int, str]:
        """Hashtag id → text."""
        ids, texts, _ = self._table
        return dict(zip(ids.tolist(), texts, strict=True))

    @property
    def photos_of(self) -> dict[int, int]:
        """Hashtag id → how many photos with it were learnt from."""
        ids, _, photos = self._table
        return dict(zip(ids.tolist(), photos, strict=True))

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors float32 (V, d), in the order of `hashtags`."""
        return np.asarray(np.load(self.folder / "vectors.npy"), np.float32)

    def guesses(
        self, features: NDArray[np.float16], texts: Sequence[dict[str, str]] | None = None
    ) -> "Guesses":
        """Return what is stored of each photo: the best 20 hashtags, and more above probability 0.05.

        `features` are float16 (n, f), `texts` what the posts of each photo say; at most 100 hashtags a photo, best
        first.
        """
        from hashtag_archive.indexer.model.guesses import keep_best

        embeddings = self.embed(features, texts)
        logits, ids = self.index.search(embeddings, FIRST_SEARCH)
        more = np.flatnonzero(logits.min(1, initial=np.inf) > STORED_ABOVE)
        if len(more) and len(self.index) > FIRST_SEARCH:
            rest = min(MOST_STORED, len(self.index)) - FIRST_SEARCH
            logits = np.pad(logits, ((0, 0), (0, rest)), constant_values=-np.inf)
            ids = np.pad(ids, ((0, 0), (0, rest)))
            logits[more], ids[more] = self.index.search(embeddings[more], MOST_STORED)
        return keep_best(ids, logits, ALWAYS_STORED, STORED_ABOVE)

    def nearest(
        self,
        features: NDArray[np.float16],
        best: int,
        rule: Rule = "logit",
        texts: Sequence[dict[str, str]] | None = None,
    ) -> list[list[ScoredHashtag]]:
        """Return each photo's `best` hashtags with their probabilities, best first.

        `logit` asks the index; `cosine` is the report's rule, sigmoid(cosine), over the same hashtags. Blocked
        hashtags are left out, and those that count as one are named once, by the best of them.
        """
        embeddings, vocabulary = self.embed(features, texts), self.vocabulary()
        asked = best + vocabulary.most_dropped
        if rule == "logit":
            logits, ids = self.index.search(embeddings, asked)
            named = [[self.text_of[id] for id in row] for row in ids.tolist()]
        else:
            cosines, places = self.index.cosines(embeddings)
            order = np.argsort(-cosines, axis=1, kind="stable")[:, :asked]
            logits = np.take_along_axis(cosines, order, axis=1)
            named = [[self.text_of[places[place]] for place in row] for row in order.tolist()]
        rows = [
            zip(texts, row, strict=True) for texts, row in zip(named, sigmoid(logits).tolist(), strict=True)
        ]
        return [
            [ScoredHashtag(*found) for found in list(vocabulary.merged(row).items())[:best]] for row in rows
        ]

    def related(self, hashtag: str, best: int) -> list[ScoredHashtag]:
        """Return the `best` other hashtags by cosine to `hashtag` (normalised), best first.

        Raises `ModelError` where it has no vector.
        """
        try:
            row = self.hashtags.index(hashtag)
        except ValueError:
            raise ModelError(
                f"#{hashtag}: model {self.number} has no vector for it; it needs"
                f" {self.manifest['parameters']['vectors']['min_count']} posts with it"
            ) from None
        cosines = self.vectors @ self.vectors[row]
        order = [place for place in np.argsort(-cosines, kind="stable")[: best + 1].tolist() if place != row]
        return [ScoredHashtag(self.hashtags[place], float(cosines[place])) for place in order[:best]]
