"""Choose what stands for a column: the most particular mask that names the caller, on some rows or on all.

Of one principal, statements with conditions on the caller go before those without. Doubt withholds: two masks that
differ, one that has ended with nothing in its place, one whose attribute the caller lacks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.objects import Column, Table
from policies.bounds import ALWAYS, Asking, Bounds, Force
from policies.expressions import PolicyExpression, bind, check_columns
from policies.faults import Fault, Origin, Unfit
from policies.mask_specs import MaskSpec
from policies.masks import HashKey, build_mask
from policies.rules import Roles


@dataclass(frozen=True, slots=True)
class RowCondition:
    """Which rows a mask is for: those for which `expression` is not surely false, or (`unless`) not surely true."""

    expression: PolicyExpression
    unless: bool


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One mask statement, for a column or for all that carries a tag; `spec` None is `mask: none`."""

    id: str
    column: str
    """Empty where the statement is for a tag."""
    spec: MaskSpec | None
    expression: PolicyExpression | None
    """The custom SQL of the mask, where its kind is `sql`."""
    origin: Origin
    bounds: Bounds = ALWAYS
    condition: RowCondition | None = None
    tag: str = ""

    def same_as(self, other: ColumnRule) -> bool:
        """Tell whether two statements show the same."""
        return self.spec == other.spec and _text(self.condition) == _text(other.condition)


MasksByPrincipal = Mapping[str, tuple[ColumnRule, ...]]
MasksByColumn = Mapping[str, MasksByPrincipal]
"""Column (or tag) to principal to rules."""


def _text(condition: RowCondition | None) -> tuple[str, bool] | None:
    return None if condition is None else (condition.expression.tree.sql(), condition.unless)


@dataclass(frozen=True, slots=True)
class MaskOutcome:
    """What a caller sees in a column: the raw value, a mask, or nothing at all."""

    mask: exp.Expr | None = None
    rule: str = ""
    withheld: str = ""
    """Why the column is not shown; empty if it is."""


@dataclass(frozen=True, slots=True)
class _Word:
    """What one principal's statements come to: rules in force, or why there is doubt."""

    rules: tuple[ColumnRule, ...] = ()
    doubt: str = ""


def choose_rule(by_principal: MasksByPrincipal, asking: Asking, roles: Roles) -> ColumnRule | str | None:
    """Return the rule for a caller, the reason why none is certain, or None where no statement names the caller."""
    words = {p: _word(by_principal[p], asking) for p in asking.principals if p in by_principal}
    words = {p: word for p, word in words.items() if word.rules or word.doubt}
    best = [p for p in words if not any(roles.outranks(other, p) for other in words)]
    doubts = sorted(words[p].doubt for p in best if words[p].doubt)
    if doubts:
        return doubts[0]
    rules = sorted((rule for p in best for rule in words[p].rules), key=lambda rule: rule.id)
    if not rules:
        return None
    return rules[0] if all(rule.same_as(rules[0]) for rule in rules) else "two different masks name the caller"


def _word(rules: Iterable[ColumnRule], asking: Asking) -> _Word:
    """Judge one principal's statements: those with conditions on the caller first."""
    tiers = ([r for r in rules if r.bounds.when], [r for r in rules if not r.bounds.when])
    for tier in tiers:
        found = [(rule, _force(rule, asking)) for rule in tier]
        holding = tuple(rule for rule, force in found if force is Force.HOLDS)
        for rule in (rule for rule, force in found if force is Force.DOUBTFUL):
            if rule.bounds.met(asking.attributes) is None:
                return _Word(doubt=f"the mask {rule.id} asks for an attribute that the caller lacks")
            if not any(other.bounds.succeeds(rule.bounds) or other.same_as(rule) for other in holding):
                return _Word(doubt=f"the mask {rule.id} has ended")
        if holding:
            return _Word(holding)
    return _Word()


def _force(rule: ColumnRule, asking: Asking) -> Force:
    if rule.spec is not None:
        return rule.bounds.force(asking.attributes, asking.moment)
    return Force.HOLDS if rule.bounds.opens(asking.attributes, asking.moment) else Force.ABSENT


def masked(
    rule: ColumnRule,
    column: Column,
    table: Table,
    keys: Mapping[str, HashKey],
    asking: Asking,
    faults: Mapping[str, Fault],
) -> MaskOutcome:
    """Return what a chosen rule shows of a column; a faulty one withholds it."""
    if rule.id in faults:
        return MaskOutcome(withheld=f"the mask {rule.id} is faulty: {faults[rule.id].message}")
    if rule.spec is None:
        return MaskOutcome(rule=rule.id)
    try:
        return MaskOutcome(mask_of(rule, rule.spec, column, table, keys, asking), rule.id)
    except Unfit as unfit:
        return MaskOutcome(withheld=f"the mask {rule.id} does not fit: {unfit.message}")


def mask_of(
    rule: ColumnRule, spec: MaskSpec, column: Column, table: Table, keys: Mapping[str, HashKey], asking: Asking
) -> exp.Expr:
    """Return the expression that a rule puts in a column's place, of the column's type. Raises Unfit."""
    custom = None
    if rule.expression is not None:
        check_columns(rule.expression, table)
        custom = bind(rule.expression, asking.subject)
    mask = build_mask(spec, column, table.engine, keys, custom, asking.subject.attributes)
    if rule.condition is None:
        return mask
    check_columns(rule.condition.expression, table)
    return _on_some_rows(mask, rule.condition, column, asking)


def _on_some_rows(mask: exp.Expr, condition: RowCondition, column: Column, asking: Asking) -> exp.Expr:
    """Show the raw value on the rows that are surely meant to show it: where the condition is NULL, the mask stands.

    A caller without an attribute that the condition needs sees the mask on every row.
    """
    if not condition.expression.attributes <= set(asking.attributes):
        return mask
    holds: exp.Expr = exp.Paren(this=bind(condition.expression, asking.subject).copy())
    if not condition.unless:
        holds = exp.Not(this=holds)
    raw = exp.Column(this=exp.Identifier(this=column.name, quoted=True))
    choice = exp.Case(ifs=[exp.If(this=holds, true=raw)], default=mask)
    return exp.Cast(this=choice, to=mask.args["to"].copy())
