"""Masks that show the same for every value: null, constant, redact, e-mail template."""

from __future__ import annotations

from sqlglot import exp

from catalog.types import INTEGRAL
from policies.faults import Unfit
from policies.mask_specs import ConstantMask, NullMask, RedactMask
from policies.masks.literals import is_number, moment
from policies.masks.parts import NUMERIC, TEXT, Value, call, fitted, identifier, keeping_null, literal, typed, whole

HIDDEN = "****"
_NEUTRAL = {
    "date": "1970-01-01",
    "time": "00:00:00",
    "timestamp": "1970-01-01 00:00:00",
    "timestamp with time zone": "1970-01-01 00:00:00 UTC",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


def null(spec: NullMask, value: Value) -> exp.Expr:
    """Return NULL."""
    return exp.Null()


def constant(spec: ConstantMask, value: Value) -> exp.Expr:
    """Return one value for all, of the column's type."""
    shown, kind = spec.value, value.type
    wrong = Unfit(f"the constant does not fit the type {kind} of `{value.name}`")
    if kind.base in TEXT and isinstance(shown, str):
        return keeping_null(spec.nulls, value, fitted(shown, value))
    if kind.base == "boolean" and isinstance(shown, bool):
        return keeping_null(spec.nulls, value, exp.Boolean(this=shown))
    if isinstance(shown, bool):
        raise wrong
    if kind.base in INTEGRAL and isinstance(shown, int) and is_number(str(shown), kind):
        return keeping_null(spec.nulls, value, typed(str(shown), kind))
    if kind.base in ("decimal", "double", "real") and is_number(str(shown), kind):
        return keeping_null(spec.nulls, value, typed(str(shown), kind))
    instant = moment(str(shown), kind)
    if instant is None:
        raise wrong
    return keeping_null(spec.nulls, value, typed(instant, kind))


def redact(spec: RedactMask, value: Value) -> exp.Expr:
    """Return the neutral value of the column's type."""
    kind = value.type
    if kind.base in TEXT:
        return keeping_null(spec.nulls, value, literal(HIDDEN[: value.room]))
    if kind.base in NUMERIC:
        return keeping_null(spec.nulls, value, whole(0))
    if kind.base == "boolean":
        return keeping_null(spec.nulls, value, exp.Boolean(this=False))
    if kind.base in _NEUTRAL:
        return keeping_null(spec.nulls, value, typed(_NEUTRAL[kind.base], kind))
    if kind.base == "array":
        nothing = exp.Lambda(this=exp.Boolean(this=False), expressions=[identifier("penstock_element")])
        return call("filter", value.raw, nothing)
    raise Unfit(f"redact knows no neutral value of type {kind}", "Use the mask `null`, or `fields` for a row.")
