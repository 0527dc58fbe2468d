"""Translate queries over two small tables and run them in DuckDB."""

from __future__ import annotations

import duckdb

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from engines.lake.database import Limits, open_database
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.translate_duckdb import translate
from tests.engines.lake.asking import Everything, mark_barriers

ROWS = {
    "t": (
        {"id": "bigint", "g": "varchar", "n": "integer", "d": "double", "ts": "timestamp(6)"},
        "(1, 'a', 10, 0.5e0, TIMESTAMP '2020-01-31 10:00:00'), (2, 'a', NULL, 'nan', NULL), "
        "(3, 'b', 30, '-inf', TIMESTAMP '2020-02-29 00:00:00'), (4, NULL, 0, NULL, TIMESTAMP '1969-12-31 23:59:59.5')",
    ),
    "u": (
        {"id": "bigint", "name": "varchar", "tags": "array(varchar)", "tz": "timestamp(6) with time zone"},
        "(1, 'one', ['x', 'y'], TIMESTAMPTZ '2020-03-08 06:59:59+00'), (3, 'three', [], NULL), "
        "(9, 'nine', NULL, TIMESTAMPTZ '2020-11-01 05:30:00+00')",
    ),
}
TABLES = {
    TableName("lake", "s", name): Table(
        TableName("lake", "s", name),
        tuple(Column(column, parse_type(type_)) for column, type_ in columns.items()),
        engine="lake",
    )
    for name, (columns, _) in ROWS.items()
}
_DUCKDB = {"array(varchar)": "VARCHAR[]", "timestamp(6)": "TIMESTAMP", "timestamp(6) with time zone": "TIMESTAMPTZ"}


def translated(sql: str, time_zone: str = "UTC") -> str:
    """Take a query through the passes before translation, and translate it."""
    tree = parse_query(sql)
    resolved = resolve(tree, "lake", "s")
    tables = {name: TABLES[name] for name in resolved.reads}
    context = AnalysisContext("lake", "s", tables, strict=True, time_zone=time_zone)
    analyze(tree, context)
    everything = {name: Everything(tuple(c.name for c in table.columns)) for name, table in tables.items()}
    governed = govern(tree, everything, tables).tree
    mark_barriers(governed)
    analyze(governed, context)
    return translate(governed, time_zone)


def connect() -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that holds the tables."""
    connection = open_database(Limits(), [])
    connection.execute("SET TimeZone = 'UTC'")
    for name, (columns, rows) in ROWS.items():
        types = ", ".join(f'"{column}" {_DUCKDB.get(type_, type_)}' for column, type_ in columns.items())
        connection.execute(f'CREATE TABLE "lake.s.{name}" ({types})')
        connection.execute(f'INSERT INTO "lake.s.{name}" VALUES {rows}')
    return connection
