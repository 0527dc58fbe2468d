"""Rules written twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator

from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.rules import Rule

_FIX = "Remove one of the two."


def find(scope: Scope) -> Iterator[Finding]:
    """Yield grants and row filters that say what an earlier one says."""
    yield from _grants(scope)
    seen: dict[Hashable, str] = {}
    for table, rule, principals in scope.filters.values():
        text = rule.expression.tree.sql() if rule.expression is not None else None
        first = seen.setdefault((table, frozenset(principals), text, rule.group, rule.bounds), rule.id)
        if first != rule.id:
            yield _twice(rule.id, first, rule.origin)


def _grants(scope: Scope) -> Iterator[Finding]:
    parts: defaultdict[str, set[Hashable]] = defaultdict(set)
    for rule in scope.policies.rules:
        parts[rule.id].add(_said(rule))
    seen: dict[Hashable, str] = {}
    for identifier, said in parts.items():
        first = seen.setdefault(frozenset(said), identifier)
        if first != identifier and identifier in scope.grants:
            yield _twice(identifier, first, scope.grants[identifier])


def _said(rule: Rule) -> Hashable:
    return (rule.principal, rule.asset, rule.actions, rule.effect, rule.columns, rule.tag, rule.bounds)


def _twice(identifier: str, first: str, origin: Origin) -> Finding:
    return Finding("duplicate", "warning", identifier, origin, f"it says what {first} says already", _FIX)
