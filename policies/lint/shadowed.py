"""Rules that others make pointless: grants within wider ones, masks always outranked, files' rules replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from catalog.objects import TableName
from policies.bounds import ALWAYS
from policies.decisions import Action
from policies.lint.findings import Finding, Severity
from policies.lint.scope import Scope
from policies.mask_choice import ColumnRule, MasksByPrincipal
from policies.rules import Asset, Rule
from policies.tags import covering

_CODE = "shadowed"
_Key = tuple[str, Asset, str]
"""Effect, asset and principal of a grant."""


def find(scope: Scope) -> Iterator[Finding]:
    """Yield rules in whose place others always stand."""
    yield from _grants(scope)
    yield from _masks(scope)
    yield from _tag_masks(scope)
    yield from _replaced(scope)


def _grants(scope: Scope) -> Iterator[Finding]:
    """Yield grants every part of which a wider one says as well."""
    wide: defaultdict[_Key, dict[frozenset[Action], str]] = defaultdict(dict)
    for rule in scope.policies.rules:
        if rule.bounds is ALWAYS and rule.tag is None and rule.columns is None:
            wide[(rule.effect, rule.asset, rule.principal)].setdefault(rule.actions, rule.id)
    within: dict[str, set[str]] = {}
    whole: dict[str, bool] = {}
    for rule in scope.policies.rules:
        by = _wider(rule, scope, wide) if rule.tag is None else None
        whole[rule.id] = whole.get(rule.id, True) and by is not None
        if by is not None:
            within.setdefault(rule.id, set()).add(by)
    for identifier, shadowed in whole.items():
        if shadowed and identifier in scope.grants:
            reason = f"all that it says, {', '.join(sorted(within[identifier]))} says as well"
            yield Finding(_CODE, "note", identifier, scope.grants[identifier], reason, "Remove it, or the wider one.")


def _wider(rule: Rule, scope: Scope, wide: Mapping[_Key, Mapping[frozenset[Action], str]]) -> str | None:
    """Return a grant that says strictly more than a rule."""
    for principal in sorted(scope.surely(rule.principal)):
        for depth in range(len(rule.asset) + 1):
            asset = rule.asset[:depth]
            for actions, identifier in wide.get((rule.effect, asset, principal), {}).items():
                same = principal == rule.principal and asset == rule.asset and rule.columns is None
                more = actions > rule.actions or (actions == rule.actions and (not same or rule.bounds is not ALWAYS))
                if identifier != rule.id and more:
                    return identifier
    return None


def _masks(scope: Scope) -> Iterator[Finding]:
    """Yield masks for which everybody whom they name has a more particular one."""
    shown: dict[str, bool] = {}
    for by_column in scope.policies.masks.values():
        for by_principal in by_column.values():
            for principal, rules in by_principal.items():
                over = _outranked(scope, principal, by_principal)
                for rule in rules:
                    shown[rule.id] = shown.get(rule.id, False) or not over
    for identifier, (_, rule, principals) in scope.masks.items():
        if not shown.get(identifier, True):
            severity: Severity = "note" if scope.tokens_bring_roles else "warning"
            reason = f"a more particular mask goes before it for everybody who has {' or '.join(principals)}"
            yield Finding(_CODE, severity, identifier, rule.origin, reason, "Remove it, or name those it is for.")


def _outranked(scope: Scope, principal: str, by_principal: MasksByPrincipal) -> bool:
    """Tell whether everybody known has another unconditional mask that outranks this principal's."""
    people = scope.holders.get(principal, frozenset())
    if not people or len(by_principal) == 1:
        return False
    over: set[str] = set()
    for other, rules in by_principal.items():
        if scope.policies.roles.outranks(other, principal) and any(rule.bounds is ALWAYS for rule in rules):
            over |= scope.holders.get(other, frozenset())
    return people <= over


def _tag_masks(scope: Scope) -> Iterator[Finding]:
    """Yield masks for tags where each column that carries the tag has a mask of its own for everybody named."""
    if not scope.policies.tag_masks:
        return
    carriers: defaultdict[str, set[tuple[TableName, str]]] = defaultdict(set)
    for table, carried in scope.policies.tags.items():
        whole = covering(carried.table)
        for column in {*carried.columns, *scope.columns(table), *([""] if whole else [])}:
            for tag in covering(carried.columns.get(column, frozenset())) | whole:
                carriers[tag].add((table, column))
    for identifier, (table_of, rule, principals) in scope.masks.items():
        columns = carriers.get(rule.tag, set())
        if table_of is None and columns and all(_spoken(scope, t, c, principals) for t, c in columns):
            reason = f"each column that carries {rule.tag} has a mask of its own for {' and '.join(principals)}"
            yield Finding(_CODE, "warning", identifier, rule.origin, reason, "Remove it, or the columns' own masks.")


def _spoken(scope: Scope, table: TableName, column: str, principals: tuple[str, ...]) -> bool:
    own: Mapping[str, tuple[ColumnRule, ...]] = scope.policies.masks.get(table, {}).get(column, {})
    return all(
        any(rule.bounds is ALWAYS for name in scope.surely(principal) for rule in own.get(name, ()))
        for principal in principals
    )


def _replaced(scope: Scope) -> Iterator[Finding]:
    """Yield entries of files in whose place stored ones stand."""
    kept = {id(entry) for source in scope.policies.sources for _, entry in _entries(source.document)}
    for source in scope.files:
        numbers: defaultdict[str, int] = defaultdict(int)
        for section, entry in _entries(source.document):
            number, numbers[section] = numbers[section], numbers[section] + 1
            if id(entry) not in kept:
                name = getattr(entry, "id", None) or ""
                reason = "a stored policy of the same name stands in its place"
                fix = "Bring the file up to date, or drop the stored one."
                yield Finding(_CODE, "note", name, source.origin(section, number), reason, fix)


def _entries(document: object) -> Iterator[tuple[str, object]]:
    """Yield the entries of a document's lists."""
    for section in (
        "grants",
        "protected",
        "tags",
        "licences",
        "aggregate_only",
        "row_filters",
        "column_masks",
        "budgets",
        "caps",
    ):
        for entry in getattr(document, section):
            yield section, entry
