"""The dtype that was measured to be best for a model on this machine, and how it is stored.

It is a setting of the archive, outside the model, under the model's number and this machine's name: for another
machine, another onnxruntime or another int8 backbone it is measured again.
"""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from hashtag_archive.indexer.archive import Archive
from hashtag_archive.indexer.machine import machine_name
from hashtag_archive.indexer.model.int8_backbone import int8_backbone
from hashtag_archive.indexer.wording import counted

if TYPE_CHECKING:
    from hashtag_archive.indexer.model.model import Model

Dtype = Literal["float32", "int8"]
DtypeMode = Literal["float32", "int8", "auto"]
_STORED_NAME = "precision"  # of the dtype, in archives


@dataclass(frozen=True)
class DtypeChoice:
    """The dtype in which this machine runs a model, and why.

    `rates` are photos per second and core without decoding, by dtype; `overlap` and `difference` say how close
    int8 is to float32 on `photos` photos. They are None if nothing was measured; `fresh` means measured just now.
    `batch_size` defaults to the device's.
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
        """Return one line for the user."""
        parts = [f"{self.dtype}: {self.why}"]
        if self.rates:
            speeds = " and ".join(f"{name} {rate:,.1f}" for name, rate in self.rates.items())
            parts.append(f"photos per second and core, without decoding: {speeds}")
        if self.overlap is not None and self.difference is not None:
            parts.append(
                f"on {counted(self.photos, 'photo')} the five best hashtags overlap by {self.overlap:.3f} and"
                f" probabilities differ by {self.difference:.4f}"
            )
        return "; ".join(parts)


def measured_choice(archive: Archive, model: "Model") -> DtypeChoice | None:
    """Return what was measured on this machine for a model; None if nothing was or it no longer applies."""
    text = archive.setting(setting_of(model))
    if text is None:
        return None
    try:
        about = json.loads(text)
        found = DtypeChoice(dtype=about.pop(_STORED_NAME), **about)
    except (ValueError, TypeError, KeyError):  # another version's
        return None
    if not _is_plausible(found):
        return None
    int8 = int8_backbone(model.backbone_file)
    return found if int8 and found.int8 == int8.sha256 else None


def _is_plausible(found: DtypeChoice) -> bool:
    """Whether the fields have the types that they are printed and used with."""
    numbers = [*(found.rates or {}).values()] if isinstance(found.rates, dict | None) else [None]
    numbers += [share for share in (found.overlap, found.difference) if share is not None]
    return (
        found.dtype in ("float32", "int8")
        and all(isinstance(number, int | float) for number in [*numbers, found.photos])
        and (
            found.batch_size is None or (isinstance(found.batch_size, int) and 0 < found.batch_size < 10_000)
        )
    )


def store_choice(archive: Archive, model: "Model", choice: DtypeChoice) -> None:
    """Remember what was measured on this machine for a model."""
    about = asdict(choice)
    about[_STORED_NAME] = about.pop("dtype")
    with archive.store.write() as connection:
        archive.store.put_setting(connection, setting_of(model), json.dumps(about))


def setting_of(model: "Model") -> str:
    """Return the name of the setting for a model on this machine."""
    return f"precision of model {model.number} on {machine_name()}"
