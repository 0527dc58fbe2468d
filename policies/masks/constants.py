"""Masks that show the same for every value: null, constant, redact, e-mail template."""

from __future__ import annotations

from sqlglot import exp

from catalog.objects import Column
from catalog.types import INTEGRAL
from policies.faults import Unfit
from policies.mask_specs import ConstantMask, EmailMask, NullMask, RedactMask
from policies.masks.literals import BITS, is_number, moment
from policies.masks.parts import NUMERIC, TEXT, fitted, keeping_null, literal, typed, whole

HIDDEN = "****"


def null(spec: NullMask, column: Column) -> exp.Expr:
    """Return NULL."""
    return exp.Null()


def constant(spec: ConstantMask, column: Column) -> exp.Expr:
    """Return one value for all, of the column's type."""
    value, kind = spec.value, column.type
    wrong = Unfit(f"the constant does not fit the type {kind} of `{column.name}`")
    if kind.base in TEXT and isinstance(value, str):
        return keeping_null(spec.nulls, column, fitted(value, column))
    if kind.base == "boolean" and isinstance(value, bool):
        return keeping_null(spec.nulls, column, exp.Boolean(this=value))
    if isinstance(value, bool):
        raise wrong
    if kind.base in INTEGRAL and isinstance(value, int) and -(2 ** BITS[kind.base]) < value < 2 ** BITS[kind.base]:
        return keeping_null(spec.nulls, column, typed(str(value), kind))
    if kind.base in ("decimal", "double", "real") and is_number(str(value), kind):
        return keeping_null(spec.nulls, column, typed(str(value), kind))
    instant = moment(str(value), kind)
    if instant is None:
        raise wrong
    return keeping_null(spec.nulls, column, typed(instant, kind))


def redact(spec: RedactMask, column: Column) -> exp.Expr:
    """Return the neutral value of the column's type."""
    kind = column.type
    if kind.base in TEXT:
        return keeping_null(spec.nulls, column, literal(HIDDEN[: kind.numbers[0] if kind.numbers else None]))
    if kind.base in NUMERIC:
        return keeping_null(spec.nulls, column, whole(0))
    if kind.base == "boolean":
        return keeping_null(spec.nulls, column, exp.Boolean(this=False))
    neutral = {
        "date": "1970-01-01",
        "timestamp": "1970-01-01 00:00:00",
        "timestamp with time zone": "1970-01-01 00:00:00 UTC",
    }
    if kind.base in neutral:
        return keeping_null(spec.nulls, column, typed(neutral[kind.base], kind))
    raise Unfit(f"redact knows no neutral value of type {kind}", "Use the mask `null`.")


def email(spec: EmailMask, column: Column) -> exp.Expr:
    """Return the template."""
    if spec.template.count("@") != 1 or "*" not in spec.template:
        raise Unfit(f"`{spec.template}` is no e-mail template", "Write one like user-****@****.com.")
    return keeping_null(spec.nulls, column, fitted(spec.template, column))
