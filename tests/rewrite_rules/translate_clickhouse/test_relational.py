"""Joins, windows, grouping, set operations and subqueries give the rows that another SQL engine gives.

The queries are data in tests/fixtures/translate_clickhouse/relational.txt; on them DuckDB means what Trino means.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import duckdb
import pytest

from tests.real.clickhouse import ask, embedded, run_script
from tests.rewrite_rules.translate_clickhouse.planning import plan

FILE = Path(__file__).resolve().parents[2] / "fixtures" / "translate_clickhouse" / "relational.txt"
QUERIES = [line for line in FILE.read_text("utf-8").splitlines() if line]
TYPES = {
    "Int64": "BIGINT",
    "Int32": "INTEGER",
    "String": "VARCHAR",
    "Float64": "DOUBLE",
    "Decimal(9, 2)": "DECIMAL(9, 2)",
}
TABLES: Mapping[str, tuple[str, list[tuple[object, ...]]]] = {
    "a": (
        "id Int64, k Int64?, n Int32?, s String?, f Float64?, de Decimal(9, 2)?",
        [
            (1, 1, 10, "x", 1.5, "1.25"),
            (2, 2, None, "y", None, "2.50"),
            (3, None, 30, None, 0.0, None),
            (4, 2, 40, "x", 2.5, "-1.00"),
            (5, 5, 5, "", -1.0, "0.05"),
            (6, 1, None, None, 3.0, "7.77"),
        ],
    ),
    "b": (
        "id Int64, k Int64?, m Int32?, t String?",
        [
            (1, 1, 100, "p"),
            (2, 2, 200, None),
            (3, 2, None, "q"),
            (4, None, 400, "r"),
            (7, 9, 700, "x"),
            (8, 5, 3, "y"),
        ],
    ),
    "e": ("id Int64, k Int64?", []),
}


def _literal(value: object) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


@lru_cache(maxsize=1)
def other_engine() -> duckdb.DuckDBPyConnection:
    """Make the tables in both engines and return the other one."""
    connection = duckdb.connect()
    connection.execute("SET default_null_order = 'nulls_last'")
    script = ["DROP DATABASE IF EXISTS relational", "CREATE DATABASE relational"]
    for name, (columns, rows) in TABLES.items():
        parts = [part.strip().split(" ", 1) for part in columns.replace("Decimal(9, 2)", "Decimal(9;2)").split(", ")]
        pairs = [(column, kind.replace(";", ", ")) for column, kind in parts]
        here = ", ".join(f"{c} {f'Nullable({t[:-1]})' if t.endswith('?') else t}" for c, t in pairs)
        script.append(f"CREATE TABLE relational.{name} ({here}) ENGINE = MergeTree ORDER BY id")
        connection.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {TYPES[t.rstrip(chr(63))]}' for c, t in pairs)})")
        for row in rows:
            values = ", ".join(_literal(value) for value in row)
            script.append(f"INSERT INTO relational.{name} VALUES ({values})")
            connection.execute(f"INSERT INTO {name} VALUES ({values})")
    run_script(script)
    return connection


def _shown(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return [_shown(v) for v in value] if isinstance(value, list | tuple) else value


@lru_cache(maxsize=1)
def answers() -> Mapping[str, list[list[object]]]:
    """Ask ClickHouse all queries."""
    return asyncio.run(_ask_all())


async def _ask_all() -> Mapping[str, list[list[object]]]:
    async with embedded() as engine:
        tables = [table for table in await engine.tables("c") if table.name.schema == "relational"]
        return {sql: (await ask(engine, plan(sql, tables), f"r{at}")).rows for at, sql in enumerate(QUERIES)}


@pytest.mark.parametrize("sql", QUERIES)
def test_the_rows_are_those_of_another_engine(sql: str) -> None:
    want = [[_shown(value) for value in row] for row in other_engine().execute(sql).fetchall()]
    have = answers()[sql]
    if "ORDER BY" not in sql.rpartition(")")[2]:
        want, have = sorted(want, key=json.dumps), sorted(have, key=json.dumps)
    assert have == want
