"""Every function case: a real Trino's answer against ClickHouse's for our translation, over a table of traps.

A refusal by name is fine where `refused_cases.txt` lists the case; another answer never is.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from catalog.types import VARBINARY, char
from tests.function_cases import SHARED, load
from tests.real.clickhouse import Answer, ask, embedded, run_script
from tests.rewrite_rules.translate_clickhouse.planning import plan

ROOT = Path(__file__).resolve().parents[3]
REFUSED = frozenset((ROOT / "tests/fixtures/translate_clickhouse/refused_cases.txt").read_text("utf-8").split())
TRAP = TableName("clickhouse", "truth", "trap")
DECLARED = {"c": char(5), "vb": VARBINARY}
"""Columns that ClickHouse holds as String and that the gateway is told about."""


ALL = load()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`equal`, `refused` or `wrong`, and why."""

    is_: str
    why: str = ""


@lru_cache(maxsize=1)
def verdicts() -> Mapping[str, Verdict]:
    """Ask all cases once, in one event loop."""
    script = (
        (SHARED / "make_trap_table.clickhouse.sql").read_text("utf-8").replace("{table}", str(TRAP).partition(".")[2])
    )
    lines = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    run_script(
        ["DROP DATABASE IF EXISTS truth", "CREATE DATABASE truth", *re.split(r";\n", lines.rstrip().rstrip(";"))]
    )
    return asyncio.run(_ask_all())


async def _ask_all() -> Mapping[str, Verdict]:
    compare = _comparison()
    async with embedded() as engine:
        found = await engine.describe(TRAP)
        assert found is not None
        table = replace(found, columns=tuple(replace(c, type=DECLARED.get(c.name, c.type)) for c in found.columns))
        return {name: await _verdict(name, case, table, engine, compare) for name, case in ALL.items()}


async def _verdict(name: str, case: Mapping[str, object], table: Table, engine: object, compare: ModuleType) -> Verdict:
    truth = case["truth"]
    assert isinstance(truth, dict)
    try:
        sql = str(case["trino_sql"]).replace("{t}", str(TRAP))
        planned = plan(sql, [table], time_zone=str(case.get("tz", "UTC")))
        answer = await ask(engine, planned, name)  # type: ignore[arg-type]  # the words of a test
    except Refusal as refusal:
        same = refusal.code.name == truth.get("error")
        return Verdict("equal" if same else "refused", f"{refusal.code.name}: {refusal.text}")
    return _judge(case, truth, answer, compare)


def _judge(
    case: Mapping[str, object], truth: dict[str, list[list[object]]], answer: Answer, compare: ModuleType
) -> Verdict:
    if "error" in truth:
        return Verdict("wrong", f"Trino refuses with {truth['error']}")
    if [list(column) for column in answer.columns] != truth["columns"]:
        return Verdict("wrong", f"columns {truth['columns']} here {answer.columns}")
    types = [kind for _, kind in truth["columns"]]
    want, have = (
        [[compare.canon_trino(v, kind) for v, kind in zip(row, types, strict=True)] for row in rows]
        for rows in (truth["rows"], answer.rows)
    )
    difference = compare.same_rows(want, have, case["ordered"], case.get("tol", 0))
    return Verdict("wrong", difference) if difference else Verdict("equal")


def _comparison() -> ModuleType:
    """Load the strict comparison that lies beside the cases."""
    spec = importlib.util.spec_from_file_location("function_cases_comparison", SHARED / "src" / "engines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
@pytest.mark.parametrize("name", ALL)
def test_clickhouse_answers_as_trino_or_refuses_by_name(name: str) -> None:
    verdict = verdicts()[name]
    assert verdict.is_ != "wrong", verdict.why
    if name not in REFUSED:
        assert verdict.is_ == "equal", verdict.why


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
def test_no_refusal_is_listed_that_has_become_an_answer() -> None:
    assert not {name for name in REFUSED if verdicts()[name].is_ == "equal"}


@pytest.mark.skipif(not ALL, reason="the shared function cases are not here")
def test_refusals_say_that_it_is_clickhouse_that_cannot() -> None:
    for name in REFUSED:
        assert "ClickHouse" in verdicts()[name].why, (name, verdicts()[name].why)
