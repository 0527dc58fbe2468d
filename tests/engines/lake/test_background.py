"""An engine in the gateway's process leaves the processor to the event loop."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.engines.lake.asking import Lake


def niceness() -> dict[int, int]:
    """The niceness of every thread of this process."""
    stats = {int(thread.name): (thread / "stat").read_text() for thread in Path("/proc/self/task").iterdir()}
    return {thread: int(stat.rpartition(")")[2].split()[16]) for thread, stat in stats.items()}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the niceness of a thread")
@pytest.mark.asyncio
async def test_threads_that_run_statements_step_back_behind_the_loops(lake: Lake) -> None:
    before = os.nice(0)
    await lake.ask("SELECT count(*) FROM every")
    found = niceness()
    assert found[os.getpid()] == before
    assert sum(each >= before + 10 for each in found.values()) >= 2, "the pool's and DuckDB's own"
