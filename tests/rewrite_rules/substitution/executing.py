"""Run queries and their rewritings on DuckDB, views and scans as tables of their own: both must give the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlglot import exp

from catalog.objects import Table, TableName
from catalog.types import type_text
from engines.lake.database import Limits, open_database
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.substitution.model import Rewriting
from rewrite_rules.substitution.spelling import copied
from rewrite_rules.translate_duckdb import translate
from tests.engines.lake.asking import mark_barriers
from tests.rewrite_rules.substitution.ground import CATALOG, SCHEMA

_TYPES = {"timestamp(6)": "TIMESTAMP", "timestamp(6) with time zone": "TIMESTAMPTZ", "varbinary": "BLOB"}


class Lake:
    """A DuckDB that holds base tables, views and scans under their full names."""

    def __init__(self, tables: Mapping[TableName, Table]) -> None:
        """Hold no rows yet."""
        self.tables = dict(tables)
        self._database = open_database(Limits(), [])

    def fill(self, name: TableName, rows: Sequence[Sequence[Any]]) -> None:
        """Give a table these rows, and no others."""
        self._create(self.tables[name])
        if rows:
            values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
            self._database.execute(f'INSERT INTO "{name}" VALUES {values}')

    def keep(self, table: Table, tree: exp.Expr) -> None:
        """Keep what a query gives as a table."""
        self.tables[table.name] = table
        self._create(table)
        self._database.execute(f'INSERT INTO "{table.name}" {self._written(tree)}')

    def rows(self, tree: exp.Expr) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._database.execute(self._written(tree)).fetchall()

    def rewritten(self, rewriting: Rewriting) -> list[tuple[Any, ...]]:
        """Return the rows of a rewriting: scans first, then what stands over them."""
        for scan in rewriting.scans:
            self.keep(Table(scan.name, scan.columns, "scan"), scan.tree)
        return self.rows(_behind_barriers(rewriting.tree, self.tables))

    def _create(self, table: Table) -> None:
        columns = ", ".join(f'"{c.name}" {_TYPES.get(type_text(c.type), type_text(c.type))}' for c in table.columns)
        self._database.execute(f'CREATE OR REPLACE TABLE "{table.name}" ({columns})')

    def _written(self, tree: exp.Expr) -> str:
        twin = copied(tree)
        mark_barriers(twin)
        analyze(twin, AnalysisContext(CATALOG, SCHEMA, self.tables, strict=True))
        return translate(twin, "UTC")


def _literal(value: object) -> str:
    return "NULL" if value is None else "'{}'".format(str(value).replace("'", "''"))


def _behind_barriers(tree: exp.Expr, tables: Mapping[TableName, Table]) -> exp.Expr:
    """Read each scan in a query of its own, as the lake wants all tables to be read."""
    twin = copied(tree)
    for node in [each for each in twin.find_all(exp.Table) if each.meta.get("table") is not None]:
        if node.alias:
            alias = copied(node.args["alias"])
            inner = copied(node)
            inner.set("alias", None)
            shown = [exp.column(each.name, quoted=True) for each in tables[node.meta["table"]].columns]
            node.replace(exp.Subquery(this=exp.Select(expressions=shown, from_=exp.From(this=inner)), alias=alias))
    return twin


def bag(rows: Sequence[Sequence[Any]]) -> Counter[tuple[Any, ...]]:
    """Return rows in no order; doubles by nine digits, for additions come in any order."""
    return Counter(tuple(_plain(value) for value in row) for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "nan" if value != value else f"{value:.9g}"
    return str(value) if isinstance(value, Decimal) else value
