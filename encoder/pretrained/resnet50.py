"""ResNet50 as a frozen backbone: torchvision's network and its pooled features.

Its weights come from torchvision, from a file, at random, or from an ONNX file that was exported here. It is the
report's encoder (its Table 4) without the last layer, which the head replaces.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from hashtag_archive.encoder.errors import EncoderError
from hashtag_archive.encoder.preprocess import Framing
from hashtag_archive.encoder.pretrained.pixel_backbone import (
    PhotoBatches,
    PixelBackbone,
    Pretrained,
    settle_statistics,
)
from hashtag_archive.encoder.pretrained.state_file import load_weights
from hashtag_archive.encoder.pretrained.vision import torchvision_models

FEATURES = 2048
LICENCE = "BSD-3-Clause"
_NORM_EPSILON = 1e-5  # torch's default, in every batch norm of the network


def resnet50_network() -> nn.Module:
    """Return torchvision's ResNet50 with random weights, without the classifier of ImageNet's classes."""
    network: nn.Module = torchvision_models().resnet50(weights=None)
    network.fc = nn.Identity()
    return network


def resnet50_from_file(path: Path, name: str, size: int) -> Pretrained:
    """Return ResNet50, called `name`, with the weights of a state dict saved by torch.

    Raises `EncoderError`, which names the first entries whose name or shape differs from torchvision's.
    """
    network = torchvision_models().resnet50(weights=None)
    load_weights(network, path, "torchvision's ResNet50")
    network.fc = nn.Identity()
    return Pretrained.of(PixelBackbone(network), name, Framing(size), LICENCE, any_size=True)


def untrained_resnet50(batches: PhotoBatches, size: int, seed: int) -> Pretrained:
    """Return ResNet50 with random weights, and batch statistics of the archive's photos.

    Features of such a network tell something about colour and texture, and little about objects.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = PixelBackbone(resnet50_network())
    for block in backbone.modules():
        if isinstance(last := getattr(block, "bn3", None), nn.BatchNorm2d):
            nn.init.constant_(last.weight, 0.5)  # with 1, sixteen random blocks add up to features above 10
    settle_statistics(backbone, batches(Framing(size)))
    return Pretrained.of(backbone, "resnet50-untrained", Framing(size), LICENCE, any_size=True)


def resnet50_from_onnx(path: Path) -> PixelBackbone:
    """Return the ResNet50 that `export_backbone` wrote, as a torch network that computes the same.

    The export has folded each batch norm into the convolution before it. The batch norms therefore get mean 0,
    variance 1, weight 1, and the folded bias. Raises `EncoderError` if the file contains another network.
    """
    import onnx

    graph = onnx.load(path).graph
    found = {entry.name: entry for entry in graph.initializer}
    with torch.device("meta"):  # only shapes: initialising random weights takes seconds
        network = resnet50_network()
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
