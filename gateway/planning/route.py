"""Choose the engine a statement runs on, and write it in that engine's dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table, TableName
from gateway.planning.context import Planning


def choose_engine(tables: Sequence[Table], planning: Planning) -> str:
    """Return the engine that holds all tables. Raises Refusal NOT_SUPPORTED naming two catalogs that lie apart."""
    first: Table | None = None
    for table in tables:
        if first is not None and table.engine != first.engine:
            raise Refusal(
                ErrorCode.NOT_SUPPORTED,
                f"catalogs '{first.name.catalog}' and '{table.name.catalog}' cannot be combined in one statement: "
                f"{_where(first)} and {_where(table)} are served by different engines.",
                hint="Query them one by one, or copy one side into a table of the other catalog.",
            )
        first = first or table
    return first.engine if first is not None else planning.home


def _where(table: Table) -> str:
    return f"{table.name.catalog}.{table.name.schema}" if table.kind == "system" else f"'{table.name.catalog}'"


def translate_for(
    kind: str,
    governed: exp.Expr,
    tables: Mapping[TableName, Table],
    time_zone: str,
    scans: Mapping[TableName, exp.Expr] | None = None,
) -> str:
    """Return the engine's text of a typed, governed tree. Raises Refusal for what the engine cannot answer as Trino.

    `scans` are typed queries for names that stand for readings of views; only ClickHouse takes them.
    """
    if kind == "clickhouse":
        from rewrite_rules.translate_clickhouse import translate as to_clickhouse

        return to_clickhouse(governed, tables, time_zone=time_zone, scans=scans)
    from rewrite_rules.translate_duckdb import translate as to_duckdb

    return to_duckdb(governed, time_zone)
