"""The pass itself: whole queries, and the expressions of statements that change rows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.objects import TableName
from catalog.types import TrinoType
from rewrite_rules.translate_duckdb import calls, conditions, forms, subqueries, values
from rewrite_rules.translate_duckdb.bounds import bounded
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.context import UTC, Context, Scope, Writer, type_of, write
from rewrite_rules.translate_duckdb.queries import query
from rewrite_rules.translate_duckdb.text import identifier, unsupported
from rewrite_rules.translate_duckdb.zones import canonical, has_zone, zone_of

_WRITERS: Mapping[type[exp.Expr], Writer] = {
    **values.WRITERS,
    **conditions.WRITERS,
    **calls.WRITERS,
    **subqueries.WRITERS,
    **forms.WRITERS,
}


def translate(tree: exp.Expr, time_zone: str) -> str:
    """Write a governed query, typed by `rewrite_rules.analysis` with strict=True, as DuckDB SQL.

    Columns are called `c0`, `c1`, ...; a column whose values show a time zone other than UTC has the zone behind a
    blank (`"c2 Europe/Berlin"`) and holds instants. Physical tables are single identifiers, `"catalog.schema.table"`.
    `time_zone` is the session's. Raises Refusal NOT_SUPPORTED for what the embedded lake does not answer as Trino
    would, and Trino's own errors for literals that are wrong.
    """
    context = _context(time_zone)
    written = query(tree, context)
    zones = [column.zone for column in written.columns]
    if all(zone == UTC for zone in zones):
        return bounded(written.sql)
    for column in written.columns:
        if column.zone != UTC and column.type.arguments:
            raise unsupported(f"a result of type {column.type} in a time zone other than UTC")
    shown = ", ".join(
        f"q.c{i} AS " + (f"c{i}" if zone == UTC else identifier(f"c{i} {zone}")) for i, zone in enumerate(zones)
    )
    return f"SELECT {shown} FROM ({bounded(written.sql)}) AS q"  # noqa: S608  (our own text and quoted names)


def translate_change(tree: exp.Expr, target: TableName, alias: str, time_zone: str) -> str:
    """Write a condition of DELETE or UPDATE over the target's columns, which DuckDB reaches by `alias`."""
    return bounded(conditions.condition(tree, _over_target(target, alias, time_zone)))


def translate_expression(tree: exp.Expr, wanted: TrinoType, target: TableName, alias: str, time_zone: str) -> str:
    """Write the value that UPDATE assigns to a column of type `wanted`."""
    context = _over_target(target, alias, time_zone)
    source = type_of(tree)
    zone = zone_of(tree, context) if has_zone(source) else context.time_zone
    return bounded(cast(write(tree, context), source, wanted, zone))


def _context(time_zone: str) -> Context:
    return Context(canonical(time_zone), writers=_WRITERS, query=query)


def _over_target(target: TableName, alias: str, time_zone: str) -> Context:
    scope = Scope(table=identifier(alias), table_names=frozenset({target.table}))
    return _context(time_zone).with_(scope=scope)
