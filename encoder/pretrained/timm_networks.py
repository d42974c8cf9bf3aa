"""timm's networks by name, fed as timm's own description of their weights says. Needs the extra `timm`."""

import contextlib
import difflib
import math
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from hashtag_archive.encoder.errors import EncoderError, UnknownNetworkError
from hashtag_archive.encoder.preprocess import INTERPOLATIONS, Framing
from hashtag_archive.encoder.pretrained.downloads import TIMEOUT
from hashtag_archive.encoder.pretrained.pixel_backbone import (
    PhotoBatches,
    PixelBackbone,
    Pretrained,
    settle_statistics,
)
from hashtag_archive.encoder.pretrained.vision import torchvision_models

_HUB = ("hf-hub:", "hf_hub:")


def timm_pretrained(name: str, weights: Path | None = None) -> Pretrained:
    """Return timm's network `name`, such as `convnext_atto.d2_in1k`, with timm's weights or those of a file.

    timm's weights are downloaded into the cache of the Hugging Face hub unless they are there. Raises
    `EncoderError` if timm does not know the name or preprocesses photos in a way that is not supported, or the
    weights cannot be had or are not all of the network's.
    """
    _require_known(name)
    overlay = {"pretrained_cfg_overlay": {"file": str(weights)}} if weights else {}
    obstacle = None if weights else _hub_obstacle()
    try:
        with _client(is_offline=obstacle is not None):
            # With its classifier: timm leaves out what does not fit if another number of classes is asked for.
            network = _timm().create_model(name, pretrained=True, **overlay)
    except Exception as error:  # timm, the hub's client and its transport each raise their own
        reason = obstacle or " ".join(str(error).split())[:200] or type(error).__name__
        what = (
            f"{weights}: not the weights of timm's {name}"
            if weights
            else f"timm:{name}: not downloaded; download its weights elsewhere and add --weights FILE, or use a"
            " backbone that needs no network, such as --backbone efficientnet-lite0"
        )
        raise EncoderError(f"{what} ({reason})") from error
    network.reset_classifier(0)
    known = _full_name(name, network)
    return _described(network, f"timm:{known}-{weights.stem}" if weights else f"timm:{known}")


def untrained_timm(name: str, batches: PhotoBatches, seed: int) -> Pretrained:
    """Return timm's network `name` with random weights, and batch statistics of the archive's photos."""
    _require_known(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network = _timm().create_model(name, pretrained=False, num_classes=0)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise EncoderError(f"timm:{name}: cannot be built ({reason})") from error
    made = _described(network, f"timm:{name}-untrained")
    settle_statistics(made.backbone, batches(made.spec.framing))
    return made


def timm_names() -> list[str]:
    """Return the names of all networks for which the installed timm has weights."""
    return [str(name) for name in _timm().list_models(pretrained=True)]


def timm_about() -> Iterator[tuple[str, str | None, int]]:
    """Yield name, licence if stated, and side of the input in pixels of all networks with weights."""
    for name in timm_names():
        known = _timm().get_pretrained_cfg(name)
        yield name, known.license or None, known.input_size[-1]


def _timm() -> Any:
    for setting in (
        "HF_HUB_DOWNLOAD_TIMEOUT",
        "HF_HUB_ETAG_TIMEOUT",
    ):  # read when the hub's client is imported
        os.environ.setdefault(setting, str(int(TIMEOUT)))
    torchvision_models()  # timm imports torchvision, which may lack operators
    import timm

    return timm


def _hub_obstacle() -> str | None:
    """Return why the hub cannot be reached, or None. Its client would try for a minute before it uses its cache."""
    from huggingface_hub import constants

    try:
        urllib.request.urlopen(
            urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=TIMEOUT
        ).close()
    except urllib.error.HTTPError:
        return None  # it answers
    except OSError as error:
        return f"{constants.ENDPOINT}: {getattr(error, 'reason', None) or error}"
    return None


@contextlib.contextmanager
def _client(*, is_offline: bool) -> Iterator[None]:
    """Keep the hub's client from retrying without a network, from waiting for ever, and from writing to stdout."""
    from huggingface_hub import constants

    before, patience = constants.HF_HUB_OFFLINE, socket.getdefaulttimeout()
    constants.HF_HUB_OFFLINE = before or is_offline
    socket.setdefaulttimeout(TIMEOUT)  # of torch.hub, which loads some older weights
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        constants.HF_HUB_OFFLINE = before
        socket.setdefaulttimeout(patience)


def _full_name(name: str, network: torch.nn.Module) -> str:
    """Return a network's name with the tag of its weights, which timm fills in if it is not given."""
    config = getattr(network, "pretrained_cfg", None) or {}
    tag = config.get("tag")
    return f"{name}.{tag}" if tag and "." not in name and not name.startswith(_HUB) else name


def _require_known(name: str) -> None:
    if name.startswith(_HUB):
        return
    known = timm_names()
    if not _timm().is_model(name) or ("." in name and name not in known):
        close = difflib.get_close_matches(name, known, 3)
        hint = f"did you mean {', '.join(close)}?" if close else "`hashtag backbones --all` lists them"
        raise UnknownNetworkError(f"timm has no network '{name}'; {hint}")


def _described(network: torch.nn.Module, name: str) -> Pretrained:
    network.eval()
    config: dict[str, Any] = _timm().data.resolve_model_data_config(network)
    framing = _framing(config, name)
    licence = str((getattr(network, "pretrained_cfg", None) or {}).get("license") or "")
    backbone = PixelBackbone(network, tuple(config["mean"]), tuple(config["std"]))
    return Pretrained.of(backbone, name, framing, licence)


def _framing(config: dict[str, Any], name: str) -> Framing:
    """Return timm's resizing and cutting for evaluation; raises `EncoderError` if it is not supported."""
    channels, height, width = config["input_size"]
    mode, interpolation = config["crop_mode"], config["interpolation"]
    if (channels, height) != (3, width):
        raise EncoderError(f"{name}: takes {channels} channels of {height} x {width}, not 3 of a square")
    if mode not in ("center", "squash"):
        raise EncoderError(f"{name}: crop mode '{mode}' is not supported, only center and squash")
    if interpolation not in INTERPOLATIONS:
        raise EncoderError(f"{name}: interpolation '{interpolation}' is not supported")
    resize = math.floor(height / config["crop_pct"])
    if resize < height:
        raise EncoderError(f"{name}: crop_pct {config['crop_pct']} is not supported, only up to 1")
    return Framing(height, resize, keep_ratio=mode == "center", interpolation=interpolation)
