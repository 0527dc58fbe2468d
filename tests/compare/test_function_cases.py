"""Every shared function case through the gateway on the real Trino, under a filter that hides a row of traps."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.trino_server import TrinoServer
from tests.compare.governed import governed

pytestmark = pytest.mark.long

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases" / "functions"
T = "memory.truth.trap"
POLICIES: dict[str, Any] = {
    "version": 1,
    "roles": {"reader": {}},
    "users": {"ana": {"roles": ["reader"]}},
    "grants": [{"id": "t", "roles": ["reader"], "assets": T, "allow": ["read"]}],
    "row_filters": [{"id": "told", "table": T, "roles": ["reader"], "filter": "id <> 999"}],
}


def _statements() -> list[str]:
    """Make the traps, and one more row that nobody may see: its values fail in most functions."""
    script = (CASES / "make_trap_table.trino.sql").read_text("utf-8").replace("{table}", T)
    lines = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    made = [each.strip() for each in re.split(r";\n", lines.rstrip().rstrip(";")) if each.strip()]
    columns = re.findall(r"^  (\w+) ", made[0], re.MULTILINE)
    hidden = ["BIGINT '999'", *(_hidden(name) for name in columns[1:])]
    return [*made, f"INSERT INTO {T} SELECT {', '.join(hidden)} FROM {T} WHERE id = 1"]


def _hidden(column: str) -> str:
    return {"v": "'hidden'", "vn": "'no number'", "vd": "'no date'", "vj": "'{'", "k": "BIGINT '0'"}.get(column, column)


@pytest.fixture(scope="module")
def gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a gateway over the table of traps."""
    if not CASES.exists():
        if os.environ.get("CI") == "true":
            raise FileNotFoundError(f"the function cases are missing: {CASES}")
        pytest.skip("the function cases are not here")
    folder = tmp_path_factory.mktemp("truth")
    with governed(trino_server, folder, T, _statements(), POLICIES) as url:
        yield url


def test_every_function_case_is_answered_as_by_trino_and_a_hidden_row_shows_in_none(
    gateway: str, tmp_path: Path
) -> None:
    told = tmp_path / "differences.tsv"
    command = [sys.executable, str(CASES / "run.py"), "--url", gateway, "--table", T, "--user", "ana"]
    command += ["--cases", str(CASES / "cases.jsonl"), "--expect", "same", "--list", str(told)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1_800)
    last = run.stdout.strip().splitlines()[-1]
    print(last)
    assert re.fullmatch(r"equal=(\d+) refused=0 wrong=0 total=\1", last), told.read_text("utf-8")[:5_000]
