"""ResNet50 as a frozen backbone: torchvision's network and its pooled features.

Its weights come from torchvision, from a file, at random, or from an ONNX file that was exported here. It is the
report's encoder (its Table 4) without the last layer, which the head replaces.
"""

import contextlib
import sys
import urllib.error
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.training.vision import torchvision_models

FEATURES = 2048
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for pixels from 0 to 1
_NORM_EPSILON = 1e-5  # torch's default, in every batch norm of the network
_THREE_WAYS = (
    "ResNet50 needs weights: go online once for torchvision's (97.8 MB), or name a file with --weights FILE.pth, or"
    " use an untrained network with --weights none"
)


class PixelBackbone(nn.Module):
    """uint8 pixels (n, 3, h, w), RGB → pooled features float32 (n, 2048), normalisation included."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        network.fc = nn.Identity()  # instead of the classifier of ImageNet's classes
        self.network = network
        self.register_buffer("mean", 255 * torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("inverse_std", 1 / (255 * torch.tensor(_STD).view(1, 3, 1, 1)))
        self.mean: Tensor
        self.inverse_std: Tensor

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features, which are not normalised."""
        features: Tensor = self.network((pixels.float() - self.mean) * self.inverse_std)
        return features


def imagenet_weights_at_hand() -> bool:
    """Whether torchvision's ImageNet weights are already in its cache."""
    weights = torchvision_models().ResNet50_Weights.IMAGENET1K_V2
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name).is_file()


def resnet50_imagenet() -> PixelBackbone:
    """Return ResNet50 with torchvision's IMAGENET1K_V2 weights, downloaded once into torchvision's cache.

    Raises `EncoderError`, which names the three ways to get weights, if the download fails.
    """
    models = torchvision_models()
    network = models.resnet50(weights=None)
    try:
        # torch reports its download on stdout, which is for data here
        with contextlib.redirect_stdout(sys.stderr):
            state = models.ResNet50_Weights.IMAGENET1K_V2.get_state_dict(progress=False, check_hash=True)
    except (urllib.error.URLError, OSError) as error:
        raise EncoderError(f"{_THREE_WAYS} ({error})") from error
    network.load_state_dict(state)
    return PixelBackbone(network).eval()


def resnet50_from_file(path: Path) -> PixelBackbone:
    """Return ResNet50 with the weights of a state dict saved by torch.

    They are loaded with `weights_only`, so that no code in the file is run. Raises `EncoderError`, which names the
    first entries whose name or shape differs from torchvision's.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise EncoderError(f"{path}: not found") from None
    except Exception as error:
        reason = str(error).split("\n")[0][:120]
        raise EncoderError(f"{path}: not a file of weights that torch can load safely: {reason}") from error
    network = torchvision_models().resnet50(weights=None)
    _require_same(path, network.state_dict(), state)
    network.load_state_dict(state)
    return PixelBackbone(network).eval()


def resnet50_untrained(batches: Iterable[NDArray[np.uint8]], seed: int) -> PixelBackbone:
    """Return ResNet50 with random weights and batch statistics from one pass over batches of pixels (n, h, w, 3).

    Features of such a network tell something about colour and texture, and little about objects. It is a substitute
    when no weights are available.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = PixelBackbone(torchvision_models().resnet50(weights=None))
    for block in backbone.modules():
        if isinstance(last := getattr(block, "bn3", None), nn.BatchNorm2d):
            nn.init.constant_(last.weight, 0.5)  # with 1, sixteen random blocks add up to features above 10
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()  # otherwise the initial ones stay in the mean
        norm.momentum = None  # an unweighted mean over all batches
    backbone.train()
    with torch.no_grad():
        for batch in batches:
            backbone(torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2))))
    return backbone.eval()


def resnet50_from_onnx(path: Path) -> PixelBackbone:
    """Return the ResNet50 that `export_backbone` wrote, as a torch network that computes the same.

    The export has folded each batch norm into the convolution before it. The batch norms therefore get mean 0,
    variance 1, weight 1, and the folded bias. Raises `EncoderError` if the file contains another network.
    """
    import onnx

    graph = onnx.load(path).graph
    found = {entry.name: entry for entry in graph.initializer}
    with torch.device("meta"):  # only shapes: initialising random weights takes seconds
        network = PixelBackbone(torchvision_models().resnet50(weights=None)).network
    state = network.state_dict()
    convolutions = [node.input for node in graph.node if node.op_type == "Conv" and len(node.input) == 3]
    folded = {inputs[1].removeprefix("network."): inputs for inputs in convolutions}
    expected = [name for name, value in state.items() if value.ndim == 4]
    if set(folded) != set(expected):
        raise EncoderError(f"{path}: not a ResNet50 exported by hashtag")
    for name in expected:
        weight, bias = (
            torch.from_numpy(onnx.numpy_helper.to_array(found[n]).copy()) for n in folded[name][1:]
        )
        norm = _norm_after(name.removesuffix(".weight"))
        if weight.shape != state[name].shape or bias.shape != state[f"{norm}.bias"].shape:
            raise EncoderError(f"{path}: not a ResNet50 exported by hashtag: {name} is {tuple(weight.shape)}")
        state[name], state[f"{norm}.bias"] = weight, bias
        state[f"{norm}.weight"] = torch.ones_like(bias)
        state[f"{norm}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm}.running_var"] = torch.full_like(bias, 1 - _NORM_EPSILON)  # which the norm adds
        state[f"{norm}.num_batches_tracked"] = torch.tensor(0)
    network.load_state_dict(state, assign=True)
    return PixelBackbone(network).eval()


def folded_weights(network: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """Return each convolution's weight and bias with the following batch norm folded in, as an export has them."""
    state = network.state_dict()
    folded = {}
    for name, weight in state.items():
        if weight.ndim == 4:
            norm = _norm_after(name.removesuffix(".weight"))
            scale = state[f"{norm}.weight"] / (state[f"{norm}.running_var"] + _NORM_EPSILON).sqrt()
            bias = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale
            folded[name] = weight * scale.view(-1, 1, 1, 1), bias
    return folded


def _norm_after(convolution: str) -> str:
    """Return torchvision's name of the batch norm that follows a convolution."""
    if convolution.endswith("downsample.0"):
        return convolution.removesuffix("0") + "1"
    block, _, last = convolution.rpartition("conv")
    return f"{block}bn{last}"


def _require_same(path: Path, expected: dict[str, Tensor], found: object) -> None:
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise EncoderError(f"{path}: not a state dict of tensors")
    wrong = [f"{name} is missing" for name in expected if name not in found]
    wrong += [f"{name} is unknown" for name in found if name not in expected]
    wrong += [
        f"{name} is {tuple(found[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise EncoderError(f"{path}: not torchvision's ResNet50: {', '.join(wrong[:3])}{more}")
