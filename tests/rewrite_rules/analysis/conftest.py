"""Two small tables, the same that the real Trino answered over, and short ways to analyze."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.analysis import Analysis, AnalysisContext, analyze
from rewrite_rules.resolve import resolve

Analyze = Callable[..., Analysis]


def table(name: str, **columns: str) -> Table:
    """Describe a table of `memory.default`; columns as name=type."""
    full = TableName("memory", "default", name)
    return Table(full, tuple(Column(column, parse_type(kind)) for column, kind in columns.items()), "lake")


T = table("t", a="integer", b="integer", c="varchar(1)", r='row(f integer, "G" integer)')
U = table("u", a="bigint", d="integer")
TABLES: Mapping[TableName, Table] = {T.name: T, U.name: U}


def analyzed(
    sql: str, *, strict: bool = True, tables: Mapping[TableName, Table] = TABLES
) -> tuple[exp.Expression, Analysis]:
    """Parse, resolve and analyze a query; return its tree and what was found."""
    tree = resolve(parse_query(sql), "memory", "default").tree
    context = AnalysisContext("memory", "default", tables, strict, "alice", "UTC", sql)
    return tree, analyze(tree, context)


@pytest.fixture
def t() -> Table:
    """Return the table `t`."""
    return T
