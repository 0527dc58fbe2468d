"""First sight: hold the filters and masks of a table against its columns and types, once for each description of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlglot import exp

from catalog.errors import Refusal
from catalog.objects import Table
from catalog.types import TrinoType
from policies.bounds import Asking, attributes_of
from policies.clock import Moment
from policies.columns import ColumnRules
from policies.decisions import Subject
from policies.expressions import PolicyExpression, TypeOf, bind, check_columns, sample_subject
from policies.faults import Fault, Unfit
from policies.licences import LicenceRule, embargo_column
from policies.mask_choice import ColumnRule, mask_of
from policies.masks import HashKey, fits
from policies.row_filters import FilterRule


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
            check_mask(mask, mask.column, table, keys, type_of)
        except Unfit as unfit:
            faults[mask.id] = Fault(mask.origin, unfit.message, unfit.hint)
    return faults


def _check_filter(rule: FilterRule, table: Table, type_of: TypeOf | None) -> None:
    if rule.expression is not None:
        _check_condition(rule.expression, table, type_of, "a row filter")


def _check_condition(expression: PolicyExpression, table: Table, type_of: TypeOf | None, what: str) -> None:
    check_columns(expression, table)
    if type_of is None:
        return
    try:
        found = str(type_of(bind(expression, sample_subject([expression])).copy(), table))
    except Refusal as refusal:
        raise Unfit(f"{what} cannot be typed: {refusal.text}") from None
    if found not in ("boolean", "unknown"):
        raise Unfit(f"{what} must be a condition, but this one is of type {found}")


def check_mask(rule: ColumnRule, name: str, table: Table, keys: Mapping[str, HashKey], type_of: TypeOf | None) -> None:
    """Hold one mask against the column it is for. Raises Unfit."""
    column = table.by_name.get(name)
    if column is None:
        raise Unfit(f"unknown column `{name}` of {table.name}")
    if rule.spec is None:
        return
    expressions = [rule.expression, rule.condition.expression if rule.condition is not None else None]
    somebody = _somebody([expression for expression in expressions if expression is not None], keys)
    asking = Asking(somebody, frozenset(), attributes_of(somebody), Moment(0, 0))
    built = mask_of(rule, rule.spec, column, table, keys, asking)
    if rule.condition is not None:
        _check_condition(rule.condition.expression, table, type_of, "the condition of a mask")
    if type_of is not None:
        shown = built if rule.expression is None else bind(rule.expression, somebody)
        found = _type_of_mask(shown, table, type_of)
        if not fits(found, column.type):
            raise Unfit(f"the mask is of type {found}, but `{column.name}` is {column.type}")
        if rule.expression is not None:
            _type_of_mask(built, table, type_of)  # as it will stand there, for the engine's sake


def mask_faults(table: Table, columns: ColumnRules, type_of: TypeOf | None) -> list[Fault]:
    """Return what is wrong with the masks for tags that reach a table's columns."""
    faults = []
    for column in table.columns:
        by_principal = columns.masks_by_tag(table.name, column.name)
        for rule in {r.id: r for rules in by_principal.values() for r in rules}.values():
            try:
                check_mask(rule, column.name, table, columns.keys, type_of)
            except Unfit as unfit:
                faults.append(Fault(rule.origin, f"{column.name} of {table.name}: {unfit.message}", unfit.hint))
    return faults


def embargo_faults(table: Table, licences: Iterable[LicenceRule]) -> list[Fault]:
    """Return what is wrong with the embargoes on a table."""
    faults = []
    for licence in licences:
        try:
            if licence.terms.embargo is not None:
                embargo_column(licence, table)
        except Unfit as unfit:
            faults.append(Fault(licence.origin, unfit.message, unfit.hint))
    return faults


def _somebody(expressions: Iterable[PolicyExpression], keys: Mapping[str, HashKey]) -> Subject:
    """Return a made-up caller who has every attribute, also those that name tenants."""
    somebody = sample_subject(expressions)
    tenants = {key.tenant for key in keys.values() if key.tenant is not None}
    return replace(somebody, attributes=tuple(sorted({*somebody.attributes, *((name, "0") for name in tenants)})))


def _type_of_mask(bound: exp.Expr, table: Table, type_of: TypeOf) -> TrinoType:
    try:
        return type_of(bound.copy(), table)
    except Refusal as refusal:
        raise Unfit(f"the mask cannot be typed: {refusal.text}") from None
