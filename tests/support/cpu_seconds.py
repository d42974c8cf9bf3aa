"""A plug-in of pytest that prints which tests take CPU time, in this process and its ended children.

`python -m pytest -p tests.support.cpu_seconds`: seconds of user and system time, which other work on the machine
changes little; the time that importing takes counts for the first test of a file.
"""

import resource
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

SHOWN = 40


def used() -> float:
    """CPU seconds of this process and of its children that have ended."""
    kinds = (resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(kind.ru_utime + kind.ru_stime for kind in kinds)


class _Clock:
    def __init__(self) -> None:
        self.last = 0.0
        self.spent: Counter[str] = Counter()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self) -> Iterator[None]:
        """Attach what was used since the last report; xdist carries the attribute to the process that prints."""
        outcome: Any = yield
        now = used()
        outcome.get_result().cpu_seconds = now - self.last
        self.last = now

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add one phase of one test."""
        self.spent[f"{report.nodeid} {report.when}"] += getattr(report, "cpu_seconds", 0)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the slowest phases, each file, and the sum."""
        files: Counter[str] = Counter()
        for name, seconds in self.spent.items():
            files[name.split("::")[0]] += seconds
        terminalreporter.section("CPU seconds")
        for name, seconds in [*self.spent.most_common(SHOWN), *files.most_common()]:
            terminalreporter.write_line(f"{seconds:8.2f}  {name}")
        terminalreporter.write_line(f"{sum(files.values()):8.2f}  in all")


def pytest_configure(config: pytest.Config) -> None:
    """Register in the process that prints and in those that run the tests."""
    config.pluginmanager.register(_Clock())
