"""Alternatives timed in turn, so that what else the machine does falls on all of them; and what machine it was."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hashtag_archive.indexer.upkeep.doctor import examine

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("onnxruntime", "onnxruntime-gpu", "faiss-cpu", "numpy", "pillow", "sqlalchemy", "click")


def in_turn(alternatives: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds that each alternative took in each round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 1):
        for name, run in alternatives.items():
            began = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def process(arguments: Sequence[str]) -> Callable[[], object]:
    """A Python process with these arguments, started in the checkout and waited for; it must succeed."""
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def ratio(seconds: dict[str, list[float]], name: str, other: str) -> float:
    """The median, over the rounds, of the time of one by the time of the other in the same round."""
    return statistics.median(
        ours / theirs for ours, theirs in zip(seconds[name], seconds[other], strict=True)
    )


def table(title: str, seconds: dict[str, list[float]], other: str) -> str:
    """A line for each alternative: its median and quickest time in ms, and its ratio to `other`."""
    lines = [f"{title:<58}{'median ms':>10}{'least ms':>10}{'ratio':>7}"]
    for name, taken in seconds.items():
        figures = f"{statistics.median(taken) * 1e3:10.1f}{min(taken) * 1e3:10.1f}"
        lines.append(f"  {name:<56}{figures}{ratio(seconds, name, other):7.2f}")
    return "\n".join(lines)


def machine() -> str:
    """Processor, cores and versions, two lines."""
    found = examine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        models = []
    versions = ", ".join(f"{name} {found.versions[name]}" for name in PACKAGES if found.versions[name])
    return (
        f"{models[0] if models else found.system}, {found.cores} cores, {', '.join(found.instructions)}\n"
        f"Python {found.python.split()[0]}, {versions}"
    )
