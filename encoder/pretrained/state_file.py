"""Files of weights: read without running code in them, and compared with the network that gets them."""

from pathlib import Path

import torch
from torch import Tensor, nn

from hashtag_archive.encoder.errors import EncoderError


def load_weights(network: nn.Module, path: Path, name: str) -> None:
    """Load a state dict saved by torch into a network, which errors call `name`.

    It is loaded with `weights_only`, so that no code in the file is run. Raises `EncoderError`, which names the
    first entries whose name or shape differs from the network's.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise EncoderError(f"{path}: not found") from None
    except Exception as error:
        reason = str(error).split("\n")[0][:120]
        raise EncoderError(f"{path}: not a file of weights that torch can load safely: {reason}") from error
    _require_same(path, network.state_dict(), state, name)
    network.load_state_dict(state)


def _require_same(path: Path, expected: dict[str, Tensor], found: object, name: str) -> None:
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise EncoderError(f"{path}: not a state dict of tensors")
    wrong = [f"{entry} is missing" for entry in expected if entry not in found]
    wrong += [f"{entry} is unknown" for entry in found if entry not in expected]
    wrong += [
        f"{entry} is {tuple(found[entry].shape)}, not {tuple(tensor.shape)}"
        for entry, tensor in expected.items()
        if entry in found and found[entry].shape != tensor.shape
    ]
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise EncoderError(f"{path}: not the weights of {name}: {', '.join(wrong[:3])}{more}")
