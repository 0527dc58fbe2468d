"""Which tables a plan reads beyond what its outline says: those that statements change, and what nobody outlined."""

from __future__ import annotations

from catalog.objects import TableName
from gateway.models import Plan
from policies.decisions import Action

_ASK_ABOUT = frozenset({"EXPLAIN", "DESCRIBE INPUT", "DESCRIBE OUTPUT", "SHOW STATS", "CREATE VIEW"})
"""Kinds of statements that speak of tables and read none."""
_READ_THEIR_TARGET = frozenset({"delete", "update", "merge", "analyze", "execute procedure"})


def reads(plan: Plan) -> bool:
    """Tell whether an engine reads tables for a plan."""
    return plan.outline is not None or bool(read_whole(plan))


def read_whole(plan: Plan) -> tuple[TableName, ...]:
    """Return the tables that are taken to be read whole: what is changed, and sources that no outline tells of."""
    names: list[TableName] = []
    scanned = {scan.table for scan in plan.outline.scans} if plan.outline is not None else set()
    if plan.write is not None and plan.write.kind in _READ_THEIR_TARGET and isinstance(plan.write.target, TableName):
        names += [plan.write.target] if plan.write.target not in scanned else []
    if plan.outline is None and plan.kind not in _ASK_ABOUT:
        names += [access.name for access in plan.tables if access.action == Action.SELECT.value]
    return tuple(dict.fromkeys(names))
