"""`make function-table`: the function cases, asked of the demo by their own program, as anybody may ask them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from demo_process import run_demo

from tests.function_table import CASES


@pytest.mark.long
def test_the_function_cases_are_answered_equal_by_clickhouse_or_refused(tmp_path: Path) -> None:
    with run_demo(tmp_path / "demo", "clickhouse", "tests.function_table") as demo:
        asked = ["--url", demo.url, "--table", "clickhouse.traps.trap", "--user", "admin1", "--expect", "refused-ok"]
        command = [sys.executable, str(CASES / "run.py"), *asked]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    last = dict(part.split("=") for part in done.stdout.splitlines()[-1].split())
    assert done.returncode == 0, done.stdout[-3000:]
    assert last["wrong"] == "0"
    assert int(last["equal"]) >= 620
