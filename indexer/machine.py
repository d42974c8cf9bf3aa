"""This machine: how many cores it lends us, and what tells it from another that would be faster at other things."""

import os
import platform
from functools import cache
from pathlib import Path

WORTH_TELLING = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "sve",
)
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """How many cores this process may use: a container's quota counts where it is below the cores at hand."""
    at_hand = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(at_hand, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no Linux, no container, or "max"
        return at_hand


def processor() -> str:
    """The processor's name as the operating system gives it."""
    facts = _facts()
    return facts.get("model name") or platform.processor() or platform.machine()


def instructions() -> list[str]:
    """Which instructions it has that decide how fast a network runs; empty where the system does not say."""
    facts = _facts()
    found = set((facts.get("flags") or facts.get("features") or "").split())
    return [name for name in WORTH_TELLING if name in found]


def machine_name() -> str:
    """What a measured speed holds for: processor, its model and instructions, and the version of onnxruntime."""
    import onnxruntime

    facts = _facts()
    model = "/".join(facts.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{processor()} ({model}), {' '.join(instructions())}, onnxruntime {onnxruntime.__version__}"


@cache
def _facts() -> dict[str, str]:
    """What Linux says of the first processor, empty elsewhere."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
