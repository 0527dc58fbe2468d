"""Bind a scan's condition to the columns of an Iceberg table, leaf by leaf: what cannot be bound says nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pyiceberg import expressions as iceberg
from pyiceberg.types import NestedField, StringType

from catalog.statistics import AllOf, AnyOf, Comparison, Condition, Opaque
from engines.iceberg.constants import Inexact, Stored, literal_of, stored

_ROUNDED = {"<": math.ceil, "<=": math.floor, ">": math.floor, ">=": math.ceil}
"""Which neighbour of a constant leaves the comparison as it is for values that a column can have."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A comparison of a field with constants in their stored form."""

    field: NestedField
    operator: Literal["=", "<>", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null", "starts with"]
    values: tuple[Stored, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A condition that metadata say nothing of: it may hold anywhere, and need not anywhere."""

    subquery: bool = False


@dataclass(frozen=True, slots=True)
class AllParts:
    """All parts hold; of none: always true."""

    parts: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyPart:
    """Any of the parts holds; of none: never true."""

    parts: tuple[Bound, ...] = ()


Bound: TypeAlias = Leaf | Unknown | AllParts | AnyPart


def bind(condition: Condition, fields: Mapping[str, NestedField]) -> Bound:
    """Bind a condition to the fields of a table, by the names Trino knows them by."""
    match condition:
        case AllOf(parts):
            return AllParts(tuple(bind(part, fields) for part in parts))
        case AnyOf(parts):
            return AnyPart(tuple(bind(part, fields) for part in parts))
        case Opaque():
            return Unknown(condition.subquery)
        case Comparison():
            field = fields.get(condition.column)
            return Unknown() if field is None else _leaf(condition, field)


def _leaf(condition: Comparison, field: NestedField) -> Bound:
    """Bind a comparison; NULL among the constants of IN changes nothing that pruning could use."""
    operator, values = condition.operator, condition.values
    type_ = field.field_type
    try:
        if operator == "between":
            low, high = values
            return AllParts(
                (
                    Leaf(field, ">=", (stored(low, type_, math.ceil),)),
                    Leaf(field, "<=", (stored(high, type_, math.floor),)),
                )
            )
        if operator in ("is null", "is not null"):
            return Leaf(field, operator)
        if operator in ("<", "<=", ">", ">="):
            (value,) = values
            return Leaf(field, operator, (stored(value, type_, _ROUNDED[operator]),))
        if operator == "starts with" and not isinstance(type_, StringType):
            return Unknown()
        return Leaf(field, operator, tuple(stored(value, type_) for value in values))
    except (Inexact, ValueError):
        return Unknown()


def expression(bound: Bound) -> iceberg.BooleanExpression:
    """Return pyiceberg's expression of a condition; it holds wherever the condition does, perhaps elsewhere too."""
    match bound:
        case Unknown():
            return iceberg.AlwaysTrue()
        case AllParts(parts):
            return _joined(iceberg.And, [expression(part) for part in parts], iceberg.AlwaysTrue())
        case AnyPart(parts):
            return _joined(iceberg.Or, [expression(part) for part in parts], iceberg.AlwaysFalse())
        case Leaf():
            return _expression(bound)


_Make = Callable[..., iceberg.BooleanExpression]


def _joined(
    make: _Make, parts: list[iceberg.BooleanExpression], none: iceberg.BooleanExpression
) -> iceberg.BooleanExpression:
    return functools.reduce(make, parts, none)


def _expression(leaf: Leaf) -> iceberg.BooleanExpression:
    name, make = leaf.field.name, _MAKE[leaf.operator]
    constants = [literal_of(value, leaf.field.field_type) for value in leaf.values]
    if leaf.operator in ("in", "not in"):
        return make(name, constants)
    return make(name, *constants)


_MAKE: Mapping[str, _Make] = {
    "=": iceberg.EqualTo,
    "<>": iceberg.NotEqualTo,
    "<": iceberg.LessThan,
    "<=": iceberg.LessThanOrEqual,
    ">": iceberg.GreaterThan,
    ">=": iceberg.GreaterThanOrEqual,
    "in": iceberg.In,
    "not in": iceberg.NotIn,
    "is null": iceberg.IsNull,
    "is not null": iceberg.NotNull,
    "starts with": iceberg.StartsWith,
}
