"""Write a world's tables, for DuckDB, ClickHouse and Trino: plain SQL literals, no code of the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.fuzz.terms import literal
from tests.fuzz.world import Relation

_ROWS_AT_ONCE = 50


def duckdb_table(name: str, relation: Relation) -> Iterator[str]:
    """Yield the statements that make a table in DuckDB."""
    columns = ", ".join(f'"{column}" {_duckdb_type(kind)}' for column, kind in relation.columns.items())
    yield f'CREATE OR REPLACE TABLE "{name}" ({columns})'
    if relation.rows:
        yield f'INSERT INTO "{name}" VALUES {_rows(relation, _duckdb_value)}'


def trino_table(name: str, relation: Relation) -> Iterator[str]:
    """Yield the statements that make a table in Trino."""
    columns = ", ".join(f'"{column}" {kind}' for column, kind in relation.columns.items())
    yield f"CREATE TABLE {name} ({columns})"
    if relation.rows:
        yield f"INSERT INTO {name} VALUES {_rows(relation, _trino_value)}"


def clickhouse_table(name: str, relation: Relation) -> Iterator[str]:
    """Yield the statements that make a table in ClickHouse."""
    columns = ", ".join(f"`{column}` {_clickhouse_type(kind)}" for column, kind in relation.columns.items())
    yield f"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY tuple()"
    if relation.rows:
        yield f"INSERT INTO {name} VALUES {_rows(relation, _clickhouse_value)}"


def _rows(relation: Relation, write: Any) -> str:
    return ", ".join(
        "(" + ", ".join(write(row[column], kind) for column, kind in relation.columns.items()) + ")"
        for row in relation.rows
    )


def _duckdb_type(kind: str) -> str:
    if kind.startswith("array("):
        return f"{_duckdb_type(kind[6:-1])}[]"
    if kind.startswith("row("):
        return f"STRUCT({kind[4:-1]})"
    return "TIMESTAMP" if kind.startswith("timestamp") else kind


def _duckdb_value(value: Any, kind: str) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{name}': {literal(part)}" for name, part in value.items()) + "}"
    return literal(value).removeprefix("DECIMAL ")


def _trino_value(value: Any, kind: str) -> str:
    if isinstance(value, list):
        return f"CAST(ARRAY[{', '.join(map(literal, value))}] AS {kind})"
    if isinstance(value, dict):
        return f"CAST(ROW({', '.join(map(literal, value.values()))}) AS {kind})"
    return f"CAST({literal(value)} AS {kind})"


_CLICKHOUSE = {
    "bigint": "Int64",
    "integer": "Int32",
    "double": "Float64",
    "boolean": "Bool",
    "date": "Date32",
    "timestamp(6)": "DateTime64(6)",
    "varchar": "String",
}


def _clickhouse_type(kind: str) -> str:
    if kind.startswith("array("):
        return f"Array({_clickhouse_type(kind[6:-1])})"
    if kind.startswith("row("):
        fields = (field.split(" ", 1) for field in kind[4:-1].split(", "))
        return "Tuple(" + ", ".join(f"{name} {_clickhouse_type(part)}" for name, part in fields) + ")"
    return f"Nullable({_CLICKHOUSE.get(kind, kind.replace('decimal', 'Decimal'))})"


def _clickhouse_value(value: Any, kind: str) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, dict):
        return "(" + ", ".join(map(literal, value.values())) + ")"
    return re.sub("^(DECIMAL|TIMESTAMP|DATE) ", "", literal(value)).removesuffix("e0")
