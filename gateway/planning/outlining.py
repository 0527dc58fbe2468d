"""Outlines of what statements read: for pricing, and never in the way of the statement itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.objects import Table, TableName
from gateway.planning.context import Planning
from policies.decisions import Window
from policies.narrowing import narrower_window
from rewrite_rules.outline.describe import Undescribed, describe
from rewrite_rules.outline.nodes import Outline

_KEEPS_TIME_SECONDS = 3600.0
"""How long a plan is kept whose outline holds the time: `ts > now() - INTERVAL '1' DAY` moves on."""
_log = logging.getLogger("penstock.planning")
_COMPUTE_ONCE = frozenset({"lake"})
"""Kinds of engines that compute a WITH query once, however often it is named."""
_FUNCTIONS_OF_ZONED_PRUNE_NOT = frozenset({"clickhouse", "lake"})
"""Kinds of engines to which the day or year of a moment with a zone says nothing of its range: ClickHouse's may show a
zone other than UTC, and DuckDB leaves out no file by it (measured: `CAST(ts AS date) = ...` reads them all).
"""


def outlined(
    tree: exp.Expr, tables: Mapping[TableName, Table], planning: Planning, engine: str, *, reads: bool = True
) -> Outline | None:
    """Return what a governed query does; None where that is not asked for or not known."""
    if not planning.outlines or not reads:
        return None
    kind = planning.engines.kinds.get(engine, "")
    if kind == "system":
        return None
    received = planning.received
    try:
        outline = describe(
            tree,
            tables,
            inlined=kind not in _COMPUTE_ONCE,
            zone=received.session.time_zone,
            now=datetime.fromtimestamp(received.received_at, UTC),
            stored_zone="" if kind in _FUNCTIONS_OF_ZONED_PRUNE_NOT else "UTC",
        )
        if outline.clocked:
            hour = Window(0.0, received.received_at + _KEEPS_TIME_SECONDS)
            planning.ages.window = narrower_window(planning.ages.window, hour)
        return outline
    except Undescribed as why:
        _log.debug("query %s has no outline: %s", planning.received.query_id, why)
    except Exception:  # noqa: BLE001  (a statement must not fail for its price)
        _log.debug("query %s has no outline", planning.received.query_id, exc_info=True)
    return None


def outlined_change(
    governed_sql: str, tables: Sequence[Table], planning: Planning, target: Table, *, condition: bool
) -> Outline | None:
    """Return what DELETE or UPDATE reads: all columns of the rows that its condition selects; they are written anew.

    `governed_sql` selects its expressions from the target; with `condition` the first of them is that.
    """
    if not planning.outlines:
        return None
    tree = parse_query(governed_sql)
    items = [item.unalias() for item in tree.expressions]
    if condition:
        tree.set("where", exp.Where(this=items.pop(0)))
    tree.set("expressions", [*items, exp.Star()])
    return outlined(tree, {table.name: table for table in tables}, planning, target.engine)


def outlined_merge(
    governed_sql: str, tables: Sequence[Table], planning: Planning, target: Table, alias: str, *, inserts: bool
) -> Outline | None:
    """Return what MERGE reads: target and source, joined by the first of the expressions that the text selects."""
    if not planning.outlines:
        return None
    tree = parse_query(governed_sql)
    items = [item.unalias() for item in tree.expressions]
    (join,) = tree.args["joins"]
    join.set("on", items.pop(0))
    join.set("kind", None)
    join.set("side", "RIGHT" if inserts else None)
    whole = exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True))
    tree.set("expressions", [*items, whole])
    return outlined(tree, {table.name: table for table in tables}, planning, target.engine)
