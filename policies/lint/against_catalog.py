"""Policies against what exists: unknown tables and columns, conditions that are none, masks of another type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from catalog.names import fold_trino
from catalog.objects import TableName
from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.rules import asset_of
from policies.sources import each


def find(scope: Scope) -> Iterator[Finding]:
    """Yield what does not fit the tables that are known."""
    yield from _types(scope)
    yield from _tables(scope)
    yield from _columns(scope)


def _types(scope: Scope) -> Iterator[Finding]:
    """Yield the faults at first sight of each table: until they are mended, the table or column is refused."""
    named = {*scope.policies.filters, *scope.policies.masks, *scope.policies.tags}
    if scope.policies.licences.by_asset or scope.policies.licences.by_tag:
        named |= set(scope.tables)
    for name in named:
        table = scope.tables.get(name)
        for fault in scope.policies.check(table) if table is not None else ():
            fix = fault.hint or "Until this is mended the table, or the column, is refused to all whom the rule names."
            yield Finding(
                "types", "error", scope.ids.get(fault.origin, ""), fault.origin, f"{name}: {fault.message}", fix
            )


def _tables(scope: Scope) -> Iterator[Finding]:
    """Yield rules for single tables that do not exist."""
    missing: dict[TableName, Finding | None] = {}
    for identifier, origin, asset in _named(scope):
        if len(asset) != 3 or asset[0] == "system":
            continue
        name = TableName(*asset)
        unknown = name.catalog in scope.catalogs and name not in scope.tables
        unserved = bool(scope.served) and name.catalog not in scope.served
        if (not unknown and not unserved) or name in missing:
            continue
        missing[name] = None
        reason = f"no engine serves the catalog of {name}" if unserved else f"there is no table {name}"
        yield Finding("unknown-table", "warning", identifier, origin, reason, _nearest(scope, name))


def _nearest(scope: Scope, name: TableName) -> str:
    beside = [each.table for each in scope.tables if each[:2] == name[:2]]
    near = difflib.get_close_matches(name.table, beside, n=1)
    return f"Did you mean {name.catalog}.{name.schema}.{near[0]}?" if near else "Correct the name, or remove the rule."


def _named(scope: Scope) -> Iterator[tuple[str, Origin, tuple[str, ...]]]:
    """Yield every asset that a rule names, with the rule."""
    sources = scope.policies.sources
    for _, origin, grant in each(sources, "grants", lambda d: d.grants):
        for pattern in grant.assets:
            yield grant.id or origin.path, origin, asset_of(pattern) if not pattern.endswith("*") else ()
    for table, rule, _ in scope.filters.values():
        yield rule.id, rule.origin, tuple(table)
    for place, mask, _ in scope.masks.values():
        yield mask.id, mask.origin, tuple(place or ())
    for _, origin, entry in each(sources, "protected", lambda d: d.protected):
        yield "", origin, asset_of(entry.table) if not entry.table.endswith("*") else ()
    for _, origin, tagged in each(sources, "tags", lambda d: d.tags):
        yield "", origin, asset_of(tagged.table)
    for _, origin, least in each(sources, "aggregate_only", lambda d: d.aggregate_only):
        yield least.id or origin.path, origin, asset_of(least.table)
    for _, origin, terms in each(sources, "licences", lambda d: d.licences):
        if terms.table is not None and not terms.table.endswith("*"):
            yield terms.id or origin.path, origin, asset_of(terms.table)


def _columns(scope: Scope) -> Iterator[Finding]:
    """Yield classified, tagged and granted columns that their tables do not have."""
    sources = scope.policies.sources
    for _, origin, entry in each(sources, "protected", lambda d: d.protected):
        yield from _unknown(scope, "", origin, entry.table, (*entry.open, *entry.sensitive))
    for _, origin, tagged in each(sources, "tags", lambda d: d.tags):
        yield from _unknown(scope, "", origin, tagged.table, tagged.columns)
    for _, origin, grant in each(sources, "grants", lambda d: d.grants):
        for pattern in grant.assets if grant.columns is not None else ():
            yield from _unknown(scope, grant.id or origin.path, origin, pattern, grant.columns or ())


def _unknown(scope: Scope, identifier: str, origin: Origin, pattern: str, columns: Iterable[str]) -> Iterator[Finding]:
    asset = asset_of(pattern)
    table = scope.tables.get(TableName(*asset)) if len(asset) == 3 else None
    for column in columns if table is not None else ():
        if table is not None and fold_trino(column) not in table.by_name:
            near = difflib.get_close_matches(fold_trino(column), table.by_name, n=1)
            fix = f"Did you mean `{near[0]}`?" if near else "Correct the name, or take it out."
            reason = f"{table.name} has no column `{column}`"
            yield Finding("unknown-column", "warning", identifier, origin, reason, fix)
