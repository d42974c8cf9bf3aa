"""The only place that imports torchvision.

With a CPU-only torch, a torchvision built for CUDA fails at import because its compiled operators cannot be loaded:
`operator torchvision::nms does not exist`. Networks and weights need none of these operators. On exactly this
error, the two operators that the import looks up are declared without a body, and the import is repeated.
`torchvision.io` and `torchvision.ops` then do not work; nothing here uses them.
"""

import importlib
import sys
from types import ModuleType

_MISSING_OPERATOR = "operator torchvision::nms does not exist"
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[object] = []  # a torch Library loses its declarations when it is garbage-collected


def torchvision_models() -> ModuleType:
    """Return `torchvision.models`, after declaring the operators that a mismatched build lacks.

    Raises whatever the import raises, such as `ModuleNotFoundError` if torchvision is not installed.
    """
    try:
        return importlib.import_module("torchvision.models")
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    _declare_operators()
    return importlib.import_module("torchvision.models")


def _declare_operators() -> None:
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for schema in _SCHEMAS:
        library.define(schema)  # type: ignore[no-untyped-call]
    _declared.append(library)
