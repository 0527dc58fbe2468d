"""Outlines of what statements read: for pricing, and never in the way of the statement itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sqlglot import exp

from catalog.objects import Table, TableName
from gateway.planning.context import Planning
from rewrite_rules.outline.describe import Undescribed, describe
from rewrite_rules.outline.nodes import Outline

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
    try:
        return describe(
            tree,
            tables,
            inlined=kind not in _COMPUTE_ONCE,
            zone=planning.received.session.time_zone,
            stored_zone="" if kind in _FUNCTIONS_OF_ZONED_PRUNE_NOT else "UTC",
        )
    except Undescribed as why:
        _log.debug("query %s has no outline: %s", planning.received.query_id, why)
    except Exception:  # noqa: BLE001  (a statement must not fail for its price)
        _log.debug("query %s has no outline", planning.received.query_id, exc_info=True)
    return None
