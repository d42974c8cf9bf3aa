"""A plug-in of pytest that has onnxruntime optimise nothing, as on a processor that it has no fast layout for.

`python -m pytest -p tests.support.plain_onnx`: within the process of the tests; the commands that some tests start
run as always.
"""

from typing import Any

import hashtag_archive  # noqa: F401 - first: it turns onnxruntime's telemetry off

import onnxruntime  # isort: skip

_NOTHING = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


class _PlainSession(onnxruntime.InferenceSession):  # type: ignore[misc]
    def __init__(self, network: Any, options: Any = None, *rest: Any, **named: Any) -> None:
        options = named.pop("sess_options", options) or onnxruntime.SessionOptions()
        options.graph_optimization_level = _NOTHING
        super().__init__(network, options, *rest, **named)


def pytest_configure() -> None:
    """Put the plain session in the place of onnxruntime's."""
    onnxruntime.InferenceSession = _PlainSession
