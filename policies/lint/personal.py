"""Columns that seem to hold what identifies people, and that nothing masks or withholds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from catalog.objects import Table, TableName
from policies.decisions import Action
from policies.faults import Origin
from policies.grants import Effects
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.rules import Asset
from policies.tags import covering

_NAMES = re.compile(
    r"(^|_)(e?mail(_?addr\w*)?|ssn|social_security\w*|phone\w*|mobile\w*|fax|card(_?(no|num|number))?|"
    r"iban|birth\w*|dob|date_of_birth|tele?phone\w*|credit_?card\w*|passport\w*|tax_id|national_id)($|_)"
)
_TAG = "pii"


def find(scope: Scope) -> Iterator[Finding]:
    """Yield unprotected columns: by their names where tables are known, else by the tags that they carry."""
    for name, table in scope.tables.items():
        if table.kind != "system":
            yield from _of_table(scope, name, table)
    for name, carried in scope.policies.tags.items():
        for column, tags in carried.columns.items():
            if _TAG in covering(tags) and not _guarded(scope, name, column) and name not in scope.tables:
                yield _finding(scope, name, column, f"it is tagged {', '.join(sorted(tags))}")


def _of_table(scope: Scope, name: TableName, table: Table) -> Iterator[Finding]:
    granted = [p for asset in _above(tuple(name)) for p in _readers(scope.policies.grants.effects.get(asset, {}))]
    if not granted:
        return
    for column in table.by_name:
        tags = covering(scope.policies.tags_of(name).columns.get(column, frozenset()))
        if (_NAMES.search(column) or _TAG in tags) and not _guarded(scope, name, column):
            yield _finding(scope, name, column, "its name says so" if _TAG not in tags else f"it is tagged {_TAG}")


def _readers(effects: Mapping[str, Effects]) -> Iterator[str]:
    for principal, each in effects.items():
        if Action.SELECT in each.allowed or any(Action.SELECT in rule.actions for rule in each.bounded):
            yield principal


def _above(asset: Asset) -> Iterator[Asset]:
    """Yield a table and what contains it, but for `*`: who is given everything there is was meant to see it."""
    yield from (asset[:depth] for depth in range(1, len(asset) + 1))


def _guarded(scope: Scope, name: TableName, column: str) -> bool:
    """Tell whether a mask, a protection or a limit on columns stands before a column for anybody."""
    policies = scope.policies
    if column in policies.masks.get(name, {}):
        return True
    carried = policies.tags_of(name)
    if any(tag in policies.tag_masks for tag in covering(carried.table | carried.columns.get(column, frozenset()))):
        return True
    if any(tag in policies.grants.tagged for tag in covering(carried.columns.get(column, frozenset()))):
        return True
    for depth in range(len(name), -1, -1):
        found = policies.protections.get(tuple(name)[:depth])
        if found is not None:
            return column not in found.open
    return any(column in each.denied_columns for each in policies.grants.effects.get(tuple(name), {}).values())


def _finding(scope: Scope, name: TableName, column: str, why: str) -> Finding:
    reason = f"{name}.{column} seems to identify people ({why}), and no mask or protection speaks of it"
    fix = f"Protect {name}, or write a mask for `{column}` or for its tag."
    return Finding("unmasked-personal-data", "warning", "", _place(scope, name), reason, fix)


def _place(scope: Scope, name: TableName) -> Origin:
    """Return where the files speak of a table, or else of nothing but its name."""
    for source in scope.policies.sources:
        for section in ("protected", "tags"):
            for number, entry in enumerate(getattr(source.document, section)):
                if entry.table == str(name):
                    return source.origin(section, number)
    return Origin("catalog", str(name), 0)
