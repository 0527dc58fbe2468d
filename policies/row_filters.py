"""From the row filters that name a caller to one condition: AND among all, OR within a group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.bounds import ALWAYS, Asking, Bounds, Force
from policies.decisions import Guard, PolicyRef
from policies.expressions import PolicyExpression, bind
from policies.faults import Fault, Origin, Unfit


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One row filter statement; `expression` None is `filter: none`."""

    id: str
    expression: PolicyExpression | None
    group: str | None
    origin: Origin
    bounds: Bounds = ALWAYS
    guard: Guard = "auto"


FiltersByPrincipal = Mapping[str, tuple[FilterRule, ...]]


def assemble_filter(
    by_principal: FiltersByPrincipal, asking: Asking, faults: Mapping[str, Fault], *, required: bool
) -> tuple[exp.Expr | None, tuple[PolicyRef, ...]]:
    """Join the row filters that name a caller: AND among all, OR within a group.

    `required` says that the table is protected. Raises Unfit where no statement in force names the caller of a table
    that has filters or is protected, where one is faulty or in doubt, or where an attribute is missing.
    """
    if not by_principal and not required:
        return None, ()
    named = [by_principal[p] for p in asking.principals if p in by_principal]
    matched = {rule.id: rule for rules in named for rule in _holding(rules, asking)}
    alternatives = _alternatives(named, asking)
    if not matched:
        raise Unfit("the table has row filters or is protected, and no row filter statement names the caller")
    conditions: list[exp.Expr] = []
    groups: dict[str, list[exp.Expr | None]] = {group: [] for group in alternatives}
    for _, rule in sorted(matched.items()):
        if rule.id in faults:
            raise Unfit(f"the row filter {rule.id} is faulty: {faults[rule.id].message}")
        tree = _bound(rule.expression, asking) if rule.expression is not None else None
        if rule.group is not None:
            groups.setdefault(rule.group, []).append(tree)
        elif tree is not None:
            conditions.append(tree)
    for group, choices in sorted(groups.items()):
        if not choices:
            raise Unfit(f"no alternative of the row filters {group} is in force for the caller")
        trees = [tree for tree in choices if tree is not None]
        if len(trees) == len(choices):
            possible = [tree for tree in trees if not _is(tree, False)]
            conditions.append(joined(possible or trees[:1], exp.Or))
    refs = tuple(PolicyRef(rule_id, "row_filter") for rule_id in sorted(matched))
    return (joined(conditions, exp.And) if conditions else None), refs


def _bound(expression: PolicyExpression, asking: Asking) -> exp.Expr | None:
    """Return a filter with the caller's identity in it; None where that alone already says that every row is shown."""
    tree = bind(expression, asking.subject)
    if not expression.personal:
        return tree
    settled = _settled(tree)
    return None if _is(settled, True) else settled


def _settled(tree: exp.Expr) -> exp.Expr:
    """Decide what compares a caller's identity with constants: `'ana' = 'ana' OR ...` holds whatever the row."""
    match tree:
        case exp.Paren():
            inner = _settled(tree.this)
            return inner if isinstance(inner, exp.Boolean) else exp.Paren(this=inner.copy())
        case exp.EQ() if _is_text(tree.this) and _is_text(tree.expression):
            return exp.Boolean(this=tree.this.this == tree.expression.this)
        case exp.And() | exp.Or():
            ends, holds = isinstance(tree, exp.Or), not isinstance(tree, exp.Or)
            sides = [_settled(tree.this), _settled(tree.expression)]
            if any(_is(side, ends) for side in sides):
                return exp.Boolean(this=ends)
            left = [side for side in sides if not _is(side, holds)]
            if len(left) == 2:
                return type(tree)(this=left[0].copy(), expression=left[1].copy())
            return left[0] if left else exp.Boolean(this=holds)
        case _:
            return tree


def _is(tree: exp.Expr, value: bool) -> bool:
    return isinstance(tree, exp.Boolean) and bool(tree.this) is value


def _is_text(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Literal) and bool(tree.is_string)


def guard_of(by_principal: FiltersByPrincipal, asking: Asking) -> Guard:
    """Say how conditions are kept behind the filters that name a caller: as the most careful of them wants."""
    guards = {
        rule.guard
        for principal in asking.principals
        for rule in by_principal.get(principal, ())
        if rule.expression is not None
    }
    return most_careful(guards)


def most_careful(guards: Iterable[Guard]) -> Guard:
    """Return the guard that does all that the others ask for."""
    wanted = set(guards)
    return "always" if "always" in wanted else "never" if wanted == {"never"} else "auto"


def _holding(rules: tuple[FilterRule, ...], asking: Asking) -> list[FilterRule]:
    """Return one principal's statements in force. Raises Unfit where leaving one out could show what it hid.

    The place of a statement that has ended must have been taken by one that began later.
    """
    holding = [rule for rule in rules if force_of(rule, asking) is Force.HOLDS]
    for rule in rules:
        if rule.group is None and force_of(rule, asking) is Force.DOUBTFUL:
            if rule.bounds.met(asking.attributes) is None:
                raise Unfit(f"the row filter {rule.id} asks for an attribute that the caller lacks")
            if not any(other.bounds.succeeds(rule.bounds) for other in holding):
                raise Unfit(f"the row filter {rule.id} has ended")
    return holding


def force_of(rule: FilterRule, asking: Asking) -> Force:
    """Tell whether a statement is in force for a caller; `none` needs to be so beyond doubt."""
    if rule.expression is not None:
        return rule.bounds.force(asking.attributes, asking.moment)
    return Force.HOLDS if rule.bounds.opens(asking.attributes, asking.moment) else Force.ABSENT


def _alternatives(named: list[tuple[FilterRule, ...]], asking: Asking) -> set[str]:
    """Return the groups that have begun to restrict the caller, whether or not an alternative is in force."""
    return {
        rule.group
        for rules in named
        for rule in rules
        if rule.group is not None and rule.expression is not None and rule.bounds.start <= asking.moment.latest
    }


def joined(parts: list[exp.Expr], operator: type[exp.And] | type[exp.Or]) -> exp.Expr:
    """Join conditions, each in parentheses."""
    if len(parts) == 1:
        return parts[0].copy()
    whole: exp.Expr = exp.Paren(this=parts[0].copy())
    for part in parts[1:]:
        whole = operator(this=whole, expression=exp.Paren(this=part.copy()))
    return whole
