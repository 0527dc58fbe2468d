"""Row filters that hide nothing, and those that hide everything: alone, as alternatives, and together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from catalog.objects import TableName
from policies.bounds import ALWAYS
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.lint.truth import always, never
from policies.row_filters import FilterRule, joined

_TRUE_FIX = "Write `filter: none` if these readers may see every row on purpose; else mend the condition."
_FALSE_FIX = "Mend the condition; to show nothing, give no grant."


def find(scope: Scope) -> Iterator[Finding]:
    """Yield filters that are true of every row, or of none."""
    for table, rule, _ in scope.filters.values():
        yield from _alone(table, rule, scope.required(table))
    for table, by_principal in scope.policies.filters.items():
        if len(by_principal) == 1 and all(len(rules) == 1 for rules in by_principal.values()):
            continue
        seen: set[frozenset[str]] = set()
        for principal in by_principal:
            named = {r.id: r for p in scope.surely(principal) for r in by_principal.get(p, ()) if r.bounds is ALWAYS}
            if frozenset(named) not in seen:
                seen.add(frozenset(named))
                rules = sorted(named.values(), key=lambda rule: (rule.origin.file, rule.origin.line, rule.id))
                yield from _together(table, principal, rules, scope.required(table))


def _alone(table: TableName, rule: FilterRule, required: frozenset[str]) -> Iterator[Finding]:
    if rule.expression is None:
        return
    if always(rule.expression.tree, True, required):
        reason = f"the row filter is true of every row of {table}: it hides nothing"
        yield Finding("always-true-filter", "error", rule.id, rule.origin, reason, _TRUE_FIX)
    elif never(rule.expression.tree, True, required):
        reason = f"the row filter is true of no row of {table}: whom it names sees none"
        yield Finding("always-false-filter", "warning", rule.id, rule.origin, reason, _FALSE_FIX)


def _together(
    table: TableName, principal: str, rules: Sequence[FilterRule], required: frozenset[str]
) -> Iterator[Finding]:
    """Yield alternatives that cover every row between them, and filters that leave none together."""
    groups: defaultdict[str, list[FilterRule]] = defaultdict(list)
    for rule in rules:
        if rule.group is not None:
            groups[rule.group].append(rule)
    for group, choices in groups.items():
        trees = _trees(choices)
        alone = any(always(tree, True, required) for tree in trees)
        if len(trees) == len(choices) > 1 and not alone and always(joined(trees, exp.Or), True, required):
            ids = ", ".join(rule.id for rule in choices)
            reason = f"the alternatives of `{group}` ({ids}) cover every row of {table} for {principal}: they hide none"
            yield Finding("always-true-filter", "error", choices[-1].id, choices[-1].origin, reason, _TRUE_FIX)
    plain = [rule for rule in rules if rule.group is None and rule.expression is not None]
    trees = _trees(plain)
    alone = any(never(tree, True, required) for tree in trees)
    if len(trees) > 1 and not alone and never(joined(trees, exp.And), True, required):
        ids = ", ".join(rule.id for rule in plain)
        reason = f"the row filters {ids} hold for {principal} together, and no row of {table} satisfies all"
        fix = "Give them the same `group` if either may hold."
        yield Finding("always-false-filter", "warning", plain[-1].id, plain[-1].origin, reason, fix)


def _trees(rules: Iterable[FilterRule]) -> list[exp.Expr]:
    return [rule.expression.tree for rule in rules if rule.expression is not None]
