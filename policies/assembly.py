"""From the rules that name a caller to what a decision carries: one condition, and one expression per column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from catalog.errors import Refusal
from catalog.objects import Column, Table
from policies.decisions import PolicyRef, Subject
from policies.expressions import PolicyExpression, TypeOf, bind, check_columns, sample_subject
from policies.faults import Fault, Origin, Unfit
from policies.mask_specs import MaskSpec
from policies.masks import HashKey, build_mask, fits
from policies.rules import Roles


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One row filter statement; `expression` None is `filter: none`."""

    id: str
    expression: PolicyExpression | None
    group: str | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """One column mask statement; `spec` None is `mask: none`."""

    id: str
    column: str
    spec: MaskSpec | None
    expression: PolicyExpression | None
    """The custom SQL of the mask, where its kind is `sql`."""
    origin: Origin


FiltersByPrincipal = Mapping[str, tuple[FilterRule, ...]]
MasksByColumn = Mapping[str, Mapping[str, ColumnRule]]
"""Column to principal to rule."""


@dataclass(frozen=True, slots=True)
class MaskOutcome:
    """What a caller sees in a column: the raw value, a mask, or nothing at all."""

    mask: exp.Expr | None = None
    rule: str = ""
    withheld: str = ""
    """Why the column is not shown; empty if it is."""


def assemble_filter(
    by_principal: FiltersByPrincipal,
    principals: frozenset[str],
    subject: Subject,
    faults: Mapping[str, Fault],
    *,
    required: bool,
) -> tuple[exp.Expr | None, tuple[PolicyRef, ...]]:
    """Join the row filters that name a caller: AND among all, OR within a group.

    `required` says that the table is protected. Raises Unfit where no statement names the caller of a table that has
    filters or is protected, where a statement is faulty, or where an attribute is missing.
    """
    matched = {rule.id: rule for p in principals for rule in by_principal.get(p, ())}
    if not matched:
        if by_principal or required:
            raise Unfit("the table has row filters or is protected, and no row filter statement names the caller")
        return None, ()
    conditions: list[exp.Expr] = []
    groups: dict[str, list[exp.Expr | None]] = {}
    for _, rule in sorted(matched.items()):
        if rule.id in faults:
            raise Unfit(f"the row filter {rule.id} is faulty: {faults[rule.id].message}")
        tree = bind(rule.expression, subject) if rule.expression is not None else None
        if rule.group is not None:
            groups.setdefault(rule.group, []).append(tree)
        elif tree is not None:
            conditions.append(tree)
    for _, choices in sorted(groups.items()):
        alternatives = [tree for tree in choices if tree is not None]
        if len(alternatives) == len(choices):
            conditions.append(_joined(alternatives, exp.Or))
    refs = tuple(PolicyRef(rule_id, "row_filter") for rule_id in sorted(matched))
    return (_joined(conditions, exp.And) if conditions else None), refs


def _joined(parts: list[exp.Expr], operator: type[exp.And] | type[exp.Or]) -> exp.Expr:
    if len(parts) == 1:
        return parts[0].copy()
    joined: exp.Expr = exp.Paren(this=parts[0].copy())
    for part in parts[1:]:
        joined = operator(this=joined, expression=exp.Paren(this=part.copy()))
    return joined


def choose_mask(
    rules: Mapping[str, ColumnRule],
    principals: frozenset[str],
    subject: Subject,
    table: Table,
    column: Column,
    roles: Roles,
    keys: Mapping[str, HashKey],
    faults: Mapping[str, Fault],
) -> MaskOutcome:
    """Choose the most particular mask that names a caller; none, two different ones, or a faulty one withhold."""
    matched = {p: rules[p] for p in principals if p in rules}
    best = [p for p in matched if not any(roles.outranks(other, p) for other in matched)]
    if not best:
        return MaskOutcome(withheld="no mask statement names the caller")
    if any(matched[p].spec != matched[best[0]].spec for p in best):
        return MaskOutcome(withheld="two different masks name the caller")
    rule = min((matched[p] for p in best), key=lambda r: r.id)
    if rule.id in faults:
        return MaskOutcome(withheld=f"the mask {rule.id} is faulty: {faults[rule.id].message}")
    if rule.spec is None:
        return MaskOutcome(rule=rule.id)
    try:
        return MaskOutcome(_mask(rule, rule.spec, column, table, keys, subject), rule.id)
    except Unfit as unfit:
        return MaskOutcome(withheld=f"the mask {rule.id} does not fit: {unfit.message}")


def _mask(
    rule: ColumnRule,
    spec: MaskSpec,
    column: Column,
    table: Table,
    keys: Mapping[str, HashKey],
    subject: Subject,
) -> exp.Expr:
    if rule.expression is None:
        return build_mask(spec, column, table.engine, keys)
    check_columns(rule.expression, table)
    return build_mask(spec, column, table.engine, keys, bind(rule.expression, subject))


def table_faults(
    table: Table,
    filters: Iterable[FilterRule],
    masks: Iterable[ColumnRule],
    keys: Mapping[str, HashKey],
    type_of: TypeOf | None,
) -> dict[str, Fault]:
    """Hold every filter and mask of a table against its columns and types; return the faulty ones by id."""
    faults: dict[str, Fault] = {}
    for rule in filters:
        try:
            _check_filter(rule, table, type_of)
        except Unfit as unfit:
            faults[rule.id] = Fault(rule.origin, unfit.message, unfit.hint)
    for mask in masks:
        try:
            _check_mask(mask, table, keys, type_of)
        except Unfit as unfit:
            faults[mask.id] = Fault(mask.origin, unfit.message, unfit.hint)
    return faults


def _check_filter(rule: FilterRule, table: Table, type_of: TypeOf | None) -> None:
    if rule.expression is None:
        return
    check_columns(rule.expression, table)
    if type_of is not None:
        found = _typed(rule.expression, table, type_of)
        if found not in ("boolean", "unknown"):
            raise Unfit(f"a row filter must be a condition, but this one is of type {found}")


def _check_mask(rule: ColumnRule, table: Table, keys: Mapping[str, HashKey], type_of: TypeOf | None) -> None:
    column = table.by_name.get(rule.column)
    if column is None:
        raise Unfit(f"unknown column `{rule.column}` of {table.name}")
    if rule.spec is None:
        return
    _mask(rule, rule.spec, column, table, keys, sample_subject([rule.expression] if rule.expression else []))
    if rule.expression is not None and type_of is not None:
        bound = bind(rule.expression, sample_subject([rule.expression]))
        try:
            found = type_of(bound.copy(), table)
        except Refusal as refusal:
            raise Unfit(f"the mask cannot be typed: {refusal.text}") from None
        if not fits(found, column.type):
            raise Unfit(f"the mask is of type {found}, but `{column.name}` is {column.type}")


def _typed(expression: PolicyExpression, table: Table, type_of: TypeOf) -> str:
    try:
        return str(type_of(bind(expression, sample_subject([expression])).copy(), table))
    except Refusal as refusal:
        raise Unfit(f"the row filter cannot be typed: {refusal.text}") from None
