"""Masks that make a value coarser: periods of time, multiples of a number, ranges, groups by a closed list."""

from __future__ import annotations

from decimal import Decimal

from sqlglot import exp

from catalog.types import INTEGRAL
from policies.faults import Unfit
from policies.mask_specs import BucketMask, DateMask, LookupMask, RoundMask
from policies.masks.literals import is_number
from policies.masks.parts import INSTANTS, NUMERIC, TEXT, Value, branching, call, fitted, literal, typed, whole

_FIRST_YEARS = {"date": 5_800_000, "timestamp": 290_000, "timestamp with time zone": 69_000}
"""Years before Christ in which Trino's types begin, nearly: in what lies earlier no period has a beginning."""


def period(spec: DateMask, value: Value) -> exp.Expr:
    """Return the first instant of the value's period."""
    if value.type.base not in ("date", *INSTANTS):
        raise Unfit(f"{spec.kind} masks dates and timestamps; `{value.name}` is {value.type}")
    if value.type.base == "date" and spec.kind == "day":
        raise Unfit(f"the day of `{value.name}` is the whole date", "Use `week`, `month`, `quarter` or `year`.")
    first = exp.Neg(this=whole(_FIRST_YEARS[value.type.base]))
    too_early = exp.LT(this=call("year", value.raw), expression=first)
    return branching(value, (too_early, exp.Null()), otherwise=call("date_trunc", literal(spec.kind), value.raw))


def rounded(spec: RoundMask, value: Value) -> exp.Expr:
    """Bring a number toward zero to a multiple: total at the extremes of every type, unlike rounding."""
    step = str(spec.to)
    _must_be_number(step, value)
    if value.type.base in ("double", "real"):
        parts = call("truncate", exp.Div(this=value.raw, expression=typed(step, value.type), typed=True, safe=False))
        product = exp.Mul(this=parts, expression=typed(step, value.type))
        return exp.Add(this=product, expression=typed("0", value.type))  # -0.0 would tell the sign of what was there
    return exp.Sub(this=value.raw, expression=exp.Mod(this=value.raw, expression=typed(step, value.type)))


def bucket(spec: BucketMask, value: Value) -> exp.Expr:
    """Return the lower end of the range that holds the number; what lies below all ranges, and NaN, is `below`."""
    for bound in (*spec.bounds, *(() if spec.below is None else (spec.below,))):
        _must_be_number(str(bound), value)
    if any(Decimal(str(a)) >= Decimal(str(b)) for a, b in zip(spec.bounds, spec.bounds[1:], strict=False)):
        raise Unfit("the bounds of a bucket mask must rise")
    below = exp.Null() if spec.below is None else typed(str(spec.below), value.type)
    branches: list[tuple[exp.Expr, exp.Expr]] = []
    if value.type.base in ("double", "real"):
        branches.append((call("is_nan", value.raw), below.copy()))
    for bound in reversed(spec.bounds):
        start = typed(str(bound), value.type)
        branches.append((exp.GTE(this=value.raw, expression=start), start.copy()))
    return branching(value, *branches, otherwise=below)


def lookup(spec: LookupMask, value: Value) -> exp.Expr:
    """Return what a closed list gives for the value; what the list does not name gets `otherwise`."""
    kind = value.type
    if kind.base not in (*TEXT, *INTEGRAL):
        raise Unfit(f"lookup masks text and whole numbers; `{value.name}` is {kind}")

    def as_value(text: str) -> exp.Expr:
        if kind.base in TEXT:
            return fitted(text, value)
        _must_be_number(text, value)
        return typed(text, kind)

    raw = value.text if kind.base in TEXT else value.raw
    groups: dict[str, list[exp.Expr]] = {}
    for key, group in spec.values.items():
        known = literal(key) if kind.base in TEXT else as_value(key)
        groups.setdefault(group, []).append(known)
    branches = [(exp.In(this=raw.copy(), expressions=keys), as_value(group)) for group, keys in groups.items()]
    return branching(value, *branches, otherwise=as_value(spec.otherwise))


def _must_be_number(text: str, value: Value) -> None:
    if value.type.base not in NUMERIC:
        raise Unfit(f"this mask is for numbers; `{value.name}` is {value.type}")
    if not is_number(text, value.type):
        raise Unfit(f"`{text}` is no number that {value.type} of `{value.name}` can hold")
