"""What every suite may use, and the counts that each prints."""

from __future__ import annotations

import os
from collections import Counter, defaultdict

import pytest
from hypothesis import settings

from gateway.demo.trino_server import OPTIONS_VARIABLE

settings.register_profile("anywhere", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("anywhere")

# Most statements are asked once: Java's slow compiler, which takes a third of what starting Trino costs, never pays here.
os.environ.setdefault(
    OPTIONS_VARIABLE,
    "-XX:TieredStopAtLevel=1 -XX:-UseG1GC -XX:+UseSerialGC -Djol.skipHotspotSAAttach=true",
)

pytest_plugins = ["tests.real.fixtures"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each folder of tests: how its tests ended, and how long they took."""
    ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    for end, reports in terminalreporter.stats.items():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                suite = report.nodeid.split("/")[1]
                seconds[suite] += report.duration
                if end:
                    ends[suite][end] += 1
    for suite, counts in sorted(ends.items()):
        told = ", ".join(f"{count} {end}" for end, count in counts.items())
        terminalreporter.write_line(f"{suite}: {told} in {seconds[suite]:.0f} s")
