"""Lists the backbones that a rebuild can use: those of the archive, and named ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from hashtag_archive.encoder.backbone_spec import BackboneSpec
from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.pretrained.at_hand import default_named
from hashtag_archive.encoder.pretrained.catalogue import named_networks
from hashtag_archive.indexer.archive import BACKBONE, DATABASE, Archive
from hashtag_archive.indexer.errors import ModelError
from hashtag_archive.indexer.model.manifest import parse_manifest
from hashtag_archive.indexer.model.opening import open_model
from hashtag_archive.indexer.photos.dtype_choice import measured_choice
from hashtag_archive.indexer.photos.named_backbones import exported_name

_FIGURES = ("p_at_1", "r_at_5", "map", "f2")


@dataclass(frozen=True)
class ListedBackbone:
    """A backbone that a rebuild can use: `name` is what `--backbone` takes.

    `is_default` marks the one that a rebuild without options uses. `pixels` is the side of its input, `features`
    the size of its output. `models` are the numbers of the archive's models with it; `figures` are the newest one's
    on held-out posts, `rates` photos per second and core on this machine without decoding, by dtype. What is not
    known is None.
    """

    name: str
    source: str
    is_at_hand: bool
    is_default: bool = False
    licence: str | None = None
    pixels: int | None = None
    features: int | None = None
    megabytes: float | None = None
    models: tuple[int, ...] = ()
    figures: dict[str, float] | None = None
    rates: dict[str, float] | None = None


def list_backbones(archive: Archive | None, *, everything: bool = False) -> Iterator[ListedBackbone]:
    """Yield the archive's backbones, then the named networks that it does not have but this machine does.

    With `everything`, also the named networks that can be installed or downloaded.
    """
    used = archive.setting(BACKBONE) if archive else None
    default = None if used else default_named()
    known = set()
    if archive:
        sizes = archive.store.features.sizes()
        for row in archive.store.models.backbones():
            listed = _in_archive(archive, row.digest, sizes.get(row.id), is_default=row.digest == used)
            if listed:
                known.add(listed.name)
                yield listed
    for network in named_networks(everything=everything):
        if network.name not in known:
            yield ListedBackbone(
                network.name,
                network.source,
                network.is_at_hand,
                network.name == default,
                network.licence,
                network.pixels,
                megabytes=network.megabytes,
            )


def _in_archive(
    archive: Archive, digest: str, features: int | None, *, is_default: bool
) -> ListedBackbone | None:
    """Return what is known of a backbone, or None if its files are gone, which `check` reports."""
    path = archive.backbone_file(digest)
    try:
        spec, size = BackboneSpec.read(path), path.stat().st_size
    except (EncoderError, OSError):
        return None
    models = [row for row in archive.store.models.all() if row.backbone_digest == digest]
    test = (
        parse_manifest(models[-1].manifest, archive.folder / DATABASE)["figures"]["test"] if models else None
    )
    named = exported_name(archive, digest, spec)
    numbers = tuple(row.number for row in models)
    source = f"model {', '.join(map(str, numbers))}" if numbers else "no model"
    return ListedBackbone(
        name=named or str(path),
        source=source if named else f"{source}: {spec.name}",
        is_at_hand=True,
        is_default=is_default,
        licence=spec.licence or None,
        pixels=spec.size,
        features=features,
        megabytes=size / 1e6,
        models=numbers,
        figures={name: test[name] for name in _FIGURES} if test else None,
        rates=_rates(archive, numbers[-1]) if numbers else None,
    )


def _rates(archive: Archive, model: int) -> dict[str, float] | None:
    try:
        choice = measured_choice(archive, open_model(archive, model))
    except (ModelError, EncoderError):
        return None  # damaged, which `check` reports
    return choice.rates if choice else None
