"""torchvision's classification networks by name, fed as torchvision's own description of their weights says."""

import difflib
import hashlib
from pathlib import Path
from typing import Any

import torch

from hashtag_archive.encoder.errors import EncoderError, UnknownNetworkError
from hashtag_archive.encoder.preprocess import INTERPOLATIONS, Framing
from hashtag_archive.encoder.pretrained.at_hand import torch_checkpoints
from hashtag_archive.encoder.pretrained.downloads import Advance, download
from hashtag_archive.encoder.pretrained.pixel_backbone import (
    MOST_MEGABYTES,
    PhotoBatches,
    PixelBackbone,
    Pretrained,
    Triple,
    settle_statistics,
    without_classifier,
)
from hashtag_archive.encoder.pretrained.state_file import read_state
from hashtag_archive.encoder.pretrained.vision import torchvision_models

_CLASSES = 1000
_DELETE = (
    "delete it, then it is downloaded again, or use --backbone efficientnet-lite0, which needs no network"
)
# torchvision gives the address of a licence, if a set of weights has one of its own, or nothing.
_LICENCES = {"https://github.com/facebookresearch/SWAG": "CC-BY-NC-4.0"}


class TorchvisionNetwork:
    """A network of torchvision and a set of its weights, named `NAME` or `NAME@WEIGHTS`."""

    def __init__(self, name: str) -> None:
        """Raise `UnknownNetworkError`, with the closest names, if torchvision does not have it."""
        models = torchvision_models()
        self.model, _, entry = name.partition("@")
        known = models.list_models(module=models)
        if self.model not in known:
            raise UnknownNetworkError(
                f"torchvision has no classification network '{self.model}'{_like(self.model, known)}"
            )
        sets = models.get_model_weights(self.model)
        if entry and entry not in sets.__members__:
            raise UnknownNetworkError(
                f"torchvision's {self.model} has no weights '{entry}', only {', '.join(sets.__members__)}"
            )
        self.weights = sets[entry] if entry else sets.DEFAULT
        self.name = f"torchvision:{self.model}@{self.weights.name}"

    @property
    def file(self) -> Path:
        """The file of its weights in torch's cache, whether it is there or not."""
        return torch_checkpoints() / Path(self.weights.url).name

    @property
    def megabytes(self) -> float:
        """The size of that file, as torchvision states it."""
        return float(self.weights.meta["_file_size"])

    @property
    def licence(self) -> str:
        """The licence of its weights: torchvision's own, unless torchvision names another."""
        stated = str(self.weights.meta.get("license", ""))
        known = [licence for address, licence in _LICENCES.items() if stated.startswith(address)]
        return f"{known[0]} ({stated})" if known else stated or "BSD-3-Clause"

    @property
    def framing(self) -> Framing:
        """How torchvision frames photos for these weights: shorter side, interpolation, centre.

        Raises `EncoderError` if it does something else.
        """
        steps = self._steps()
        (size,), (resize,), interpolation = steps.crop_size, steps.resize_size, steps.interpolation.value
        if interpolation not in INTERPOLATIONS:
            raise EncoderError(f"{self.name}: interpolation '{interpolation}' is not supported")
        return Framing(size, resize, keep_ratio=True, interpolation=interpolation)

    @property
    def digest(self) -> str:
        """The beginning of its file's sha256, which torchvision puts into the file's name."""
        return self.file.stem.rsplit("-", 1)[-1]

    def fetch(self, advance: Advance) -> None:
        """Download its weights into torch's cache, unless they are there and undamaged.

        Raises `EncoderError` if that fails, they are damaged, or the network is too large for an ONNX file.
        """
        if self.megabytes > MOST_MEGABYTES:
            raise EncoderError(
                f"{self.name}: {self.megabytes:,.0f} MB of weights; one ONNX file takes 2,000 MB"
            )
        if self.file.is_file():
            with self.file.open("rb") as file:
                if not hashlib.file_digest(file, "sha256").hexdigest().startswith(self.digest):
                    raise EncoderError(f"{self.file}: damaged; {_DELETE}")
            return
        try:
            download(self.weights.url, self.file, self.digest, advance)
        except EncoderError as error:
            raise EncoderError(
                f"{error}; download it elsewhere and add --weights {self.file.name}, or use a backbone that needs"
                " no network, such as --backbone efficientnet-lite0"
            ) from error

    def pretrained(self, advance: Advance) -> Pretrained:
        """Return it with its weights, which are downloaded unless they are in torch's cache."""
        self.fetch(advance)
        return self._described(self._built(self.file), self.name)

    def from_file(self, path: Path) -> Pretrained:
        """Return it with the weights of a state dict saved by torch, such as torchvision's own file."""
        return self._described(self._built(path), f"torchvision:{self.model}-{path.stem}")

    def _built(self, path: Path) -> torch.nn.Module:
        """Build it as torchvision does for its own weights, which converts old names, with those of a file.

        Raises `EncoderError` if they are not its weights.
        """
        state = read_state(path)
        # torchvision asks the set of weights for its state dict, wherever the network's builder does it.
        self.weights.get_state_dict = lambda *_, **__: state
        try:
            network: torch.nn.Module = torchvision_models().get_model(self.model, weights=self.weights)
        except (RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise EncoderError(f"{path}: not the weights of torchvision's {self.model}: {reason}") from error
        finally:
            del self.weights.get_state_dict
        return network

    def untrained(self, batches: PhotoBatches, seed: int) -> Pretrained:
        """Return it with random weights, and batch statistics of the archive's photos."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = self._random_network()
        made = self._described(network, f"torchvision:{self.model}-untrained")
        settle_statistics(made.backbone, batches(self.framing))
        return made

    def _random_network(self) -> torch.nn.Module:
        # The one argument that torchvision derives from weights and that the shapes of a network depend on.
        sized = {"image_size": self.framing.size} if self.model.startswith("vit_") else {}
        network: torch.nn.Module = torchvision_models().get_model(self.model, weights=None, **sized)
        return network

    def _described(self, network: torch.nn.Module, name: str) -> Pretrained:
        mean, std = (_triple(getattr(self._steps(), field)) for field in ("mean", "std"))
        backbone = PixelBackbone(without_classifier(network.eval(), _CLASSES), mean, std)
        return Pretrained.of(backbone, name, self.framing, self.licence)

    def _steps(self) -> Any:
        steps = self.weights.transforms()
        if type(steps).__name__ != "ImageClassification":
            raise EncoderError(f"{self.name}: its preprocessing {type(steps).__name__} is not supported")
        return steps


def torchvision_names() -> list[str]:
    """Return `NAME@WEIGHTS` of all classification weights of the installed torchvision."""
    models = torchvision_models()
    return [
        f"{model}@{weights.name}"
        for model in models.list_models(module=models)
        for weights in models.get_model_weights(model)
    ]


def _like(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, 3)
    return f"; did you mean {', '.join(close)}?" if close else "; `hashtag backbones --all` lists them"


def _triple(values: Any) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
