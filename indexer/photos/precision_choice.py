"""Which precision this machine runs a model in: what the user says, or what was measured here.

What was measured is stored in the archive's settings, outside the model, under its number and this machine's name:
for another machine, another onnxruntime or another int8 backbone it is measured anew.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.machine import machine_name
from hashtag_archive.indexer.model.int8_backbone import int8_backbone, need_int8
from hashtag_archive.indexer.progress import Progress, silent

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.model import Model

Precision = Literal["float32", "int8"]
PrecisionMode = Literal["float32", "int8", "auto"]
WORTH_MEASURING = 256  # photos to tag: fewer are tagged sooner than the measurement is done


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision, and why it is this machine's for a model.

    `rates` are photos a second on one core, decoding aside, by precision; `overlap` and `difference` say how near
    int8 comes to float32 on `photos` photos. They are absent where nothing was measured; `fresh` says that it was
    just now. Without a `batch_size` it is that of the device.
    """

    precision: Precision
    why: str
    batch_size: int | None = None
    rates: dict[str, float] | None = None
    photos: int = 0
    overlap: float | None = None
    difference: float | None = None
    int8: str | None = None
    machine: str = ""
    measured_at: str | None = None
    fresh: bool = False

    def __str__(self) -> str:
        """One line for the user."""
        said = [f"{self.precision}: {self.why}"]
        if self.rates:
            speeds = " and ".join(f"{name} {rate:,.1f}" for name, rate in self.rates.items())
            said.append(f"photos a second and core, decoding aside: {speeds}")
        if self.overlap is not None and self.difference is not None:
            said.append(
                f"on {self.photos} photos the five best hashtags overlap by {self.overlap:.3f} and probabilities"
                f" differ by {self.difference:.4f}"
            )
        return "; ".join(said)


def choose_precision(
    archive: Archive,
    mode: PrecisionMode = "auto",
    *,
    model: "Model | None" = None,
    photos: int = 0,
    progress: Progress = silent,
) -> PrecisionChoice:
    """Return the precision in which this machine runs a model, the current one unless it is given.

    `auto` takes what was measured here, and measures now where nothing was and `photos` to tag make that worth it.
    Raises `ModelError` where int8 is asked for and there is none.
    """
    model = model or archive.model()
    if not model.has_head:
        return PrecisionChoice("float32", "the model looks at no photos")
    if archive.sessions.on_cuda:
        if mode == "int8":
            raise ModelError("int8 is for the CPU; --device cpu runs it there")
        return PrecisionChoice("float32", "photos are encoded on a GPU")
    stored = measured_choice(archive, model)
    if mode != "auto":
        if mode == "int8":
            need_int8(model.backbone_file)
        batch = stored.batch_size if stored and stored.precision == mode else None
        return PrecisionChoice(mode, "asked for", batch)
    if stored:
        return stored
    if int8_backbone(model.backbone_file) is None:
        return PrecisionChoice("float32", "the backbone has no int8 form")
    if photos >= WORTH_MEASURING:
        from hashtag_archive.indexer.photos.precision import measure_precision

        return measure_precision(archive, model, progress=progress)
    return PrecisionChoice("float32", "int8 was not measured on this machine")


def set_precision(archive: Archive, model: "Model", mode: PrecisionMode) -> PrecisionChoice:
    """Have a model whose backbone is not open yet run it in the precision that `choose_precision` says."""
    choice = choose_precision(archive, mode, model=model)
    model.int8 = need_int8(model.backbone_file) if choice.precision == "int8" else None
    return choice


def measured_choice(archive: Archive, model: "Model") -> PrecisionChoice | None:
    """Return what was measured on this machine for a model, None where nothing was or it is out of date."""
    text = archive.setting(setting_of(model))
    if text is None:
        return None
    try:
        found = PrecisionChoice(**json.loads(text))
    except (ValueError, TypeError):  # another version's
        return None
    int8 = int8_backbone(model.backbone_file)
    return found if int8 and found.int8 == int8.sha256 else None


def setting_of(model: "Model") -> str:
    """The setting that holds what was measured on this machine for a model."""
    return f"precision of model {model.number} on {machine_name()}"
