"""The shared function cases: over the trap table every query has Trino's columns, or fails as Trino does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import Refusal
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type, type_text
from tests.rewrite_rules.analysis.conftest import analyzed

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "cases" / "functions"
CASES = FOLDER / "cases.jsonl"
_AT_ANALYSIS = re.compile(r"line \d+:\d+: ")


def test_the_shared_cases_are_there() -> None:
    if not CASES.exists() and os.environ.get("CI") != "true":
        pytest.skip("no shared cases beside this checkout")
    assert CASES.exists()


def _trap() -> Table:
    ddl = (FOLDER / "make_trap_table.trino.sql").read_text().split("INSERT")[0]
    columns = re.findall(r"^  (\w+) (.+?),?$", ddl, re.MULTILINE)
    name = TableName("memory", "default", "trap")
    return Table(name, tuple(Column(column, parse_type(kind)) for column, kind in columns), "lake")


def _cases() -> Iterator[Any]:
    for line in CASES.read_text().splitlines() if CASES.exists() else ():
        case = json.loads(line)
        yield pytest.param(case, id=case["id"])


def _answer(sql: str) -> object:
    table = _trap()
    try:
        _, analysis = analyzed(sql, tables={table.name: table})
    except Refusal as refusal:
        return refusal.code.name
    return [[column.name, type_text(column.type) if column.type else None] for column in analysis.columns]


@pytest.mark.parametrize("case", list(_cases()))
def test_a_function_case_has_trinos_columns_or_trinos_error(case: dict[str, Any]) -> None:
    truth, answer = case["truth"], _answer(case["trino_sql"].replace("{t}", "trap"))
    if "columns" in truth:
        assert answer == truth["columns"]
    elif _AT_ANALYSIS.match(truth["message"]):
        assert answer == truth["error"]
    else:
        assert isinstance(answer, list), "fails on values, which the analysis does not see"
