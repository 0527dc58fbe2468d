"""The trap table of the shared function cases, made from the SQL that made it in Trino."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from engines.lake.functions import register
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.translate_duckdb import translate
from rewrite_rules.translate_duckdb.text import duckdb_type

NAME = TableName("lake", "s", "trap")
LAST_NANOSECOND = "2262-04-11 23:47:16.854775807"
"""Infinity to DuckDB; the table holds one nanosecond less."""


def trap_table(directory: Path) -> tuple[Table, pa.Table]:
    """Read `make_trap_table.trino.sql`; return the table's description and its rows."""
    create, *inserts = (
        (directory / "make_trap_table.trino.sql")
        .read_text()
        .replace(LAST_NANOSECOND, f"{LAST_NANOSECOND[:-1]}6")
        .split(";\n")
    )
    columns = tuple(
        Column(name, parse_type(type_)) for name, type_ in re.findall(r"^  (\w+) (.+?),?$", create, re.MULTILINE)
    )
    parts = []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        register(connection)
        for insert in inserts:
            values = insert.partition("VALUES")[2].strip()
            if values:
                parts.append(_rows(connection, values, columns))
    return Table(NAME, columns, engine="lake"), pa.concat_tables(parts)


def _rows(connection: duckdb.DuckDBPyConnection, values: str, columns: tuple[Column, ...]) -> pa.Table:
    tree = parse_query(f"VALUES {values}")
    analyze(tree, AnalysisContext(strict=True))
    named = ", ".join(f"CAST(q.c{i} AS {duckdb_type(c.type)}) AS {c.name}" for i, c in enumerate(columns))
    return connection.sql(f"SELECT {named} FROM ({translate(tree, 'UTC')}) AS q").to_arrow_reader().read_all()
