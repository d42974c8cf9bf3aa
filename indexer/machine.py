"""The machine: its usable cores, and what identifies it when speeds are compared."""

import os
import platform
from functools import cache
from pathlib import Path

RELEVANT_INSTRUCTIONS = (
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
    """Return how many cores this process may use; a container's quota counts if it is lower."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, min(available, -(-int(quota) // int(period))))
    except (OSError, ValueError):  # no Linux, no container, or "max"
        return available


def processor() -> str:
    """Return the processor's name according to the operating system."""
    facts = _facts()
    return facts.get("model name") or platform.processor() or platform.machine()


def instructions() -> list[str]:
    """Return the instruction sets that decide how fast a network runs; empty if the system does not list them."""
    facts = _facts()
    found = set((facts.get("flags") or facts.get("features") or "").split())
    return [name for name in RELEVANT_INSTRUCTIONS if name in found]


def machine_name() -> str:
    """Return what a measured speed is valid for: processor, instruction sets, and onnxruntime's version."""
    import onnxruntime

    facts = _facts()
    model = "/".join(facts.get(name, "?") for name in ("cpu family", "model", "stepping"))
    return f"{processor()} ({model}), {' '.join(instructions())}, onnxruntime {onnxruntime.__version__}"


@cache
def _facts() -> dict[str, str]:
    """Return Linux's description of the first processor, empty on other systems."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
