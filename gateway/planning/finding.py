"""Find the tables that a query reads, write out its views, and decide what the caller may read of them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import Table, TableName
from gateway.metadata.layouts import HIDDEN, is_system
from gateway.metadata.show import table_not_found
from gateway.planning.context import Planning
from gateway.planning.view_owners import narrowed_by_owners
from policies.decisions import Action, TableDecision
from rewrite_rules.expand_views import expand_views
from rewrite_rules.resolve import Leaf, Resolved, location_of


async def find_tables(resolved: Resolved, planning: Planning) -> dict[TableName, Table]:
    """Fetch the description of every leaf; the first that is missing or hidden ends the statement."""
    tables: dict[TableName, Table] = {}
    for leaf in resolved.leaves:
        if leaf.table not in tables:
            hidden = is_system(leaf.table) and any(c.name.lower() in HIDDEN for c in resolved.tree.find_all(exp.Column))
            try:
                tables[leaf.table] = await find_table(
                    leaf.table, planning, location=table_location(leaf), hidden=hidden
                )
            except Refusal as refusal:
                if leaf.via and refusal.code in _UNKNOWN:
                    raise _closed_view(leaf.via[0]) from None
                raise
    return tables


_UNKNOWN = frozenset({ErrorCode.CATALOG_NOT_FOUND, ErrorCode.SCHEMA_NOT_FOUND, ErrorCode.TABLE_NOT_FOUND})


def _closed_view(view: TableName) -> Refusal:
    """Return the refusal of a view over what the caller may not know of; what that is, the view's text would tell."""
    message = f"Access Denied: Cannot select from view {view}: it reads what you may not see."
    return Refusal(ErrorCode.PERMISSION_DENIED, message)


async def find_table(
    name: TableName,
    planning: Planning,
    *,
    action: Action = Action.SELECT,
    location: Location | None = None,
    hidden: bool = False,
) -> Table:
    """Return a table that the caller may know. A hidden one and a missing one give the same answer.

    Raises Refusal CATALOG_NOT_FOUND, SCHEMA_NOT_FOUND or TABLE_NOT_FOUND in Trino's order, or PERMISSION_DENIED
    when the caller knows the table and may not do this with it.
    """
    view = planning.view
    if not view.knows_catalog(name.catalog):
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{name.catalog}' not found", location=location)
    table = await planning.table(name, hidden=hidden)
    known = table is not None and planning.decide(action, table).allowed
    if table is None or not known:
        if table is not None and planning.decide(Action.SELECT, table).allowed:
            raise Refusal(
                ErrorCode.PERMISSION_DENIED, f"Access Denied: Cannot {VERBS[action]} table {name}", location=location
            )
        if name.schema not in view.schemas(name.catalog):
            raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{name.schema}' does not exist", location=location)
        raise table_not_found(name, location)
    return table


VERBS = {
    Action.SELECT: "select from",
    Action.INSERT: "insert into",
    Action.UPDATE: "update",
    Action.DELETE: "delete from",
    Action.DROP_TABLE: "drop",
    Action.DROP_VIEW: "drop",
    Action.CREATE_TABLE: "create",
    Action.CREATE_VIEW: "create",
    Action.SHOW_CREATE: "show create of",
    Action.SHOW_STATS: "show statistics of",
    Action.EXPLAIN: "explain",
}
"""Actions as refusals name them."""


def table_location(leaf: Leaf) -> Location | None:
    """Return where a leaf stands in the user's text; leaves that came out of a view stand nowhere."""
    return None if leaf.via else location_of(leaf.node)


async def expand(
    resolved: Resolved, tables: dict[TableName, Table], planning: Planning
) -> tuple[Resolved, dict[TableName, Table]]:
    """Write out views until none is left; the base tables they bring are fetched and authorized like any other."""
    for _ in range(16):
        if not any(tables[leaf.table].kind == "view" for leaf in resolved.leaves):
            return resolved, tables
        resolved = expand_views(resolved, tables)
        tables = {**tables, **await find_tables(resolved, planning)}
    raise Refusal(ErrorCode.VIEW_IS_RECURSIVE, "views are nested too deeply")


def authorize(
    resolved: Resolved, tables: Mapping[TableName, Table], planning: Planning
) -> dict[TableName, TableDecision]:
    """Decide SELECT on every table and view read, in one pass. Raises Refusal TABLE_NOT_FOUND."""
    decisions = {}
    for name in resolved.reads:
        decision = planning.decide(Action.SELECT, tables[name])
        if not decision.allowed or not decision.columns:
            raise table_not_found(name, None)
        decisions[name] = narrowed_by_owners(decision, tables[name], resolved, tables, planning)
        if not decisions[name].allowed or not decisions[name].columns:
            raise _closed_view(next(leaf.via[0] for leaf in resolved.leaves if leaf.table == name and leaf.via))
    return decisions
