"""Files of weights: read without running code in them, and compared with the network that gets them."""

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from hashtag_archive.encoder.errors import EncoderError

_COUNTER = ".num_batches_tracked"


def load_weights(network: nn.Module, path: Path, name: str) -> None:
    """Load a state dict saved by torch into a network, which errors call `name`.

    Raises `EncoderError`, which names the first entries whose name or shape differs from the network's. Counters of
    batch norms may be missing, as older files have none.
    """
    state = read_state(path)
    expected = network.state_dict()
    state = {entry: expected[entry] for entry in expected if entry.endswith(_COUNTER)} | state
    _require_same(path, expected, state, name)
    network.load_state_dict(state)


def read_state(path: Path) -> dict[str, Tensor]:
    """Return a state dict saved by torch; no code in the file is run.

    Raises `EncoderError` if it is something else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice on old formats is for their authors
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise EncoderError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except Exception as error:
        raise EncoderError(
            f"{path}: not a file of weights that torch can load safely: it is cut short, of an old format, or holds"
            " more than tensors"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise EncoderError(f"{path}: not a state dict of tensors")
    return state


def _require_same(path: Path, expected: dict[str, Tensor], found: dict[str, Tensor], name: str) -> None:
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
