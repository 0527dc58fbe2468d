"""dbt with its Trino adapter, unmodified, in an environment of its own: the same project as a pipeline's user through the
gateway, and directly on the real Trino."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trino
from demo_process import Demo
from tools import python_environment

from gateway.demo.downloads import DemoError

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
SOURCE = Path(__file__).parent / "dbt"
TABLES = ("staged_prices", "daily_prices", "merged_prices", "replaced_prices", "appended_prices", "labels", "hubs")
TIMES = ("dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_scd_id")
"""Columns of the snapshot that hold when it was taken."""


@dataclass(frozen=True, slots=True)
class Run:
    """A project that was built twice and documented: where, and what its tables hold now."""

    results: list[list[tuple[str, str]]]
    tables: dict[str, Any]
    columns: dict[str, Any]


@pytest.fixture(scope="session")
def dbt(missing_tool: Callable[[str], BaseException]) -> Path:
    try:
        return python_environment("dbt", SOURCE / "requirements.txt") / "dbt"
    except DemoError as error:
        raise missing_tool(str(error)) from None


def call(dbt: Path, folder: Path, port: int, user: str, schema: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run dbt once."""
    own = {"PROBE_PORT": str(port), "PROBE_USER": user, "PROBE_SCHEMA": schema, "HOME": str(folder)}
    command = [dbt, "--no-version-check", "--no-send-anonymous-usage-stats", *words, "--profiles-dir", "."]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=800, check=False
    )


def build(dbt: Path, folder: Path, port: int, user: str, schema: str) -> Run:
    """Build the project, change what it is built from, build it again, and write its documentation."""
    shutil.copytree(SOURCE, folder)
    results = []
    for number in (1, 2):
        done = call(dbt, folder, port, user, schema, "build", "--vars", f"{{round: {number}}}")
        assert done.returncode == 0, done.stdout[-4000:]
        found = json.loads((folder / "target" / "run_results.json").read_text())["results"]
        results.append(sorted((each["unique_id"].split(".")[2], each["status"]) for each in found))
    done = call(dbt, folder, port, user, schema, "docs", "generate")
    assert done.returncode == 0, done.stdout[-4000:]
    catalog = json.loads((folder / "target" / "catalog.json").read_text())
    described = {**catalog["nodes"], **catalog["sources"]}
    columns = {
        name: (each["metadata"]["type"], each["metadata"]["comment"], each["columns"])
        for name, each in described.items()
    }
    return Run(results, {name: rows(port, user, schema, name) for name in TABLES}, columns)


def rows(port: int, user: str, schema: str, name: str) -> Any:
    cursor = trino.dbapi.connect(host="127.0.0.1", port=port, user=user, catalog="iceberg", schema=schema).cursor()
    cursor.execute(f"SELECT * FROM {name}")
    found = cursor.fetchall()
    names = [column[0] for column in cursor.description]
    kept = [i for i, column in enumerate(names) if column not in TIMES]
    return [[names[i] for i in kept], sorted([str(row[i]) for i in kept] for row in found)]


@pytest.fixture(scope="session")
def direct(dbt: Path, trino_demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What dbt makes on the real Trino."""
    return build(dbt, tmp_path_factory.mktemp("dbt") / "direct", trino_demo.trino_port, "etl_bot", "direct")


def test_dbt_makes_the_same_through_the_gateway(dbt: Path, trino_demo: Demo, direct: Run, tmp_path: Path) -> None:
    through = build(dbt, tmp_path / "gateway", trino_demo.port, "etl_bot", "sandbox")
    assert through.results == direct.results
    assert through.tables == direct.tables
    assert through.columns == direct.columns


def test_the_project_does_what_it_should(direct: Run) -> None:
    """Guard against a comparison of nothing with nothing."""
    for results in direct.results:
        assert len(results) == 13
        assert {status for _, status in results} == {"success", "pass"}
    names, merged = direct.tables["merged_prices"]
    assert {row[names.index("round")] for row in merged} == {"1", "2"}
    assert "note" in direct.tables["appended_prices"][0]
    assert len(direct.tables["labels"][1]) == 4, "one label changed: its old row is kept"
    assert direct.columns["model.prices.daily_prices"][1] == "average prices by market and day; it's kept whole"


def test_whoever_may_not_write_is_refused(dbt: Path, trino_demo: Demo, tmp_path: Path) -> None:
    shutil.copytree(SOURCE, tmp_path / "viewer")
    done = call(dbt, tmp_path / "viewer", trino_demo.port, "analyst1", "sandbox", "build")
    assert done.returncode != 0
    assert "PERMISSION_DENIED" in done.stdout
