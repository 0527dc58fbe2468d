"""What outer joins and USING do to the fields in sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from catalog.types import BOOLEAN
from rewrite_rules.substitution.sight import Field, OddError
from rewrite_rules.substitution.spelling import bracketed, copied, value_of

_STRICT = (exp.Column, exp.Cast, exp.Paren, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Identifier, exp.DataType)
"""What is NULL where its columns are, and what such values are made of."""


def sealed(field: Field) -> Field:
    """Take a field's value away unless it is NULL wherever its columns are."""
    return field if field.value is None or _is_strict(field.value) else replace(field, value=None)


def _is_strict(value: exp.Expr) -> bool:
    inner = value.unnest()
    if isinstance(inner, exp.Column):
        return True
    if isinstance(inner, exp.Cast | exp.Neg) and not isinstance(inner, exp.TryCast):
        return _is_strict(inner.this)
    return isinstance(inner, exp.Add | exp.Sub | exp.Mul) and (_is_strict(inner.this) or _is_strict(inner.expression))


def used_columns(
    left: Sequence[Field], right: Sequence[Field], join: exp.Expr, side: str
) -> tuple[tuple[exp.Expr, ...], tuple[Field, ...]]:
    """Join by columns of one name: each is shown once, in front. Raises OddError."""
    number = int(join.meta["relation_id"])
    on: list[exp.Expr] = []
    merged: list[Field] = []
    used: set[int] = set()
    for identifier in join.args["using"]:
        name = identifier.name.lower()
        ours, theirs = (_one(fields, name) for fields in (left, right))
        used |= {id(ours), id(theirs)}
        if ours.type is None or ours.type != theirs.type:
            raise OddError("USING over columns of two types")
        equal = exp.EQ(this=value_of(ours, name), expression=value_of(theirs, name))
        equal.meta["type"] = BOOLEAN
        on.append(equal)
        merged.append(Field(name, _shown(ours, theirs, side), (), number))
    rest = [field for field in (*left, *right) if id(field) not in used]
    return tuple(on), (*merged, *rest)


def _one(fields: Sequence[Field], name: str) -> Field:
    found = [field for field in fields if field.name == name]
    if len(found) != 1:
        raise OddError(f"USING over {name}, which is not the only one of its name")
    return found[0]


def _shown(ours: Field, theirs: Field, side: str) -> exp.Expr | None:
    """Return what USING shows: the first that is not NULL, and on joined rows both are equal."""
    first, second = ours.value, theirs.value
    if side in ("", "LEFT") or first is None or second is None:
        return first
    if not isinstance(first, exp.Column) or not isinstance(second, exp.Column):
        return None
    if side == "RIGHT" and ours.type is not None and ours.type.base not in ("real", "double"):
        return second
    either = exp.Anonymous(this="coalesce", expressions=[copied(first), copied(second)])
    either.meta["type"] = ours.type
    return bracketed(either)
