"""The way from Trino SQL to ClickHouse SQL that every statement takes: parse, resolve, analyze, govern, translate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.objects import Table, TableName
from engines.base import EngineStatement, OutputColumn
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.translate_clickhouse import translate
from tests.real.clickhouse import CAPABLE


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy decided about one table: all columns unless told otherwise."""

    columns: tuple[str, ...]
    row_filter: exp.Expr | None = None
    masks: Mapping[str, exp.Expr] = field(default_factory=dict)
    allowed: bool = True


def plan(
    sql: str,
    tables: Sequence[Table],
    *,
    time_zone: str = "UTC",
    decisions: Mapping[TableName, Decision] | None = None,
    govern_it: bool = True,
) -> EngineStatement:
    """Plan a query over tables, of which the first one's schema is the session's. Raises Refusal."""
    known = {table.name: table for table in tables}
    catalog, schema, _ = tables[0].name
    tree = parse_query(sql)
    resolve(tree, catalog, schema)
    analysis = analyze(tree, AnalysisContext(catalog, schema, known, strict=True, user="u", time_zone=time_zone))
    if govern_it:
        decided = {t.name: Decision(tuple(c.name for c in t.columns)) for t in tables} | dict(decisions or {})
        tree = govern(tree, decided, known, levels=2).tree
    text = translate(tree, known, time_zone=time_zone)
    columns = tuple(OutputColumn(c.name, c.type) for c in analysis.columns if c.type is not None)
    return EngineStatement(
        sql=text,
        user="u",
        catalog=catalog,
        schema=schema,
        time_zone=time_zone,
        columns=columns,
        capabilities=CAPABLE,
    )
