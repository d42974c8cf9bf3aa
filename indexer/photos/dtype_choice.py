"""The dtype that was measured to be best for a model on this machine, and how it is stored.

What was measured is stored in the archive's settings, outside the model, under its number and this machine's name:
for another machine, another onnxruntime or another int8 backbone it is measured anew.
"""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.machine import machine_name
from hashtag_archive.indexer.model.int8_backbone import int8_backbone

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.model import Model

Dtype = Literal["float32", "int8"]
DtypeMode = Literal["float32", "int8", "auto"]
_STORED_NAME = "precision"  # of the dtype in archives


@dataclass(frozen=True)
class DtypeChoice:
    """A dtype, and why it is this machine's for a model.

    `rates` are photos a second on one core, decoding aside, by dtype; `overlap` and `difference` say how near
    int8 comes to float32 on `photos` photos. They are absent where nothing was measured; `fresh` says that it was
    just now. Without a `batch_size` it is that of the device.
    """

    dtype: Dtype
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
        said = [f"{self.dtype}: {self.why}"]
        if self.rates:
            speeds = " and ".join(f"{name} {rate:,.1f}" for name, rate in self.rates.items())
            said.append(f"photos a second and core, decoding aside: {speeds}")
        if self.overlap is not None and self.difference is not None:
            said.append(
                f"on {self.photos} photos the five best hashtags overlap by {self.overlap:.3f} and probabilities"
                f" differ by {self.difference:.4f}"
            )
        return "; ".join(said)


def measured_choice(archive: Archive, model: "Model") -> DtypeChoice | None:
    """Return what was measured on this machine for a model, None where nothing was or it is out of date."""
    text = archive.setting(setting_of(model))
    if text is None:
        return None
    try:
        about = json.loads(text)
        found = DtypeChoice(dtype=about.pop(_STORED_NAME), **about)
    except (ValueError, TypeError, KeyError):  # another version's
        return None
    int8 = int8_backbone(model.backbone_file)
    return found if int8 and found.int8 == int8.sha256 else None


def store_choice(archive: Archive, model: "Model", choice: DtypeChoice) -> None:
    """Remember what was measured on this machine for a model."""
    about = asdict(choice)
    about[_STORED_NAME] = about.pop("dtype")
    with archive.store.write() as connection:
        archive.store.put_setting(connection, setting_of(model), json.dumps(about))


def setting_of(model: "Model") -> str:
    """The setting that holds what was measured on this machine for a model."""
    return f"precision of model {model.number} on {machine_name()}"
