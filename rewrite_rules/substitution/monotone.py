"""Monotone steps: of which value the extreme gives the extreme of another that is computed from it, failures included.

`max(price + 1)` is `max(price) + 1`. Where a step could fail, it must fail at the very extreme first: then the query
fails for some row just where it fails for the stored one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from catalog.types import DOUBLE, INTEGRAL, TrinoType
from rewrite_rules.outline.constants import Clock, constant
from rewrite_rules.substitution.making import atom, is_constant, type_of
from rewrite_rules.substitution.spelling import copied

OPPOSITE = {"min": "max", "max": "min"}
_FLOATS = ("double", "real")
_LOCAL = ("timestamp", "date")
_DIGITS: Mapping[str, tuple[int, int]] = {"tinyint": (3, 0), "smallint": (5, 0), "integer": (10, 0), "bigint": (19, 0)}
_MOST_DIGITS = 38
_ROUNDING = frozenset({"floor", "ceil", "ceiling"})
_OF_TIME = frozenset({"date", "year"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a value that never falls, or never rises, where what it is computed from rises."""

    inner: exp.Expr
    rising: bool
    over: Callable[[exp.Expr], exp.Expr]
    """Take the step from another value."""


def step_of(value: exp.Expr, extreme: str) -> Step | None:
    """Return the outermost step of a value, if the extreme (`min` or `max`) of what it is made of gives its own."""
    if isinstance(value, exp.Add | exp.Sub | exp.Mul | exp.Div):
        return _arithmetic(value, extreme)
    if isinstance(value, exp.Cast):
        plain = not isinstance(value, exp.TryCast) and _base(value.this) == "timestamp" and _base(value) == "date"
        return Step(value.this, True, lambda other: _with(value, "this", other)) if plain else None
    return _called(value) if isinstance(value, exp.Anonymous) else None


def _arithmetic(value: exp.Binary, extreme: str) -> Step | None:
    key, other = ("this", "expression") if is_constant(value.expression) else ("expression", "this")
    size = _number(value.args[other])
    if size is None or is_constant(value.args[key]):
        return None
    inner: exp.Expr = value.args[key]
    if isinstance(value, exp.Mul | exp.Div):
        rising = size > 0
        if size == 0 or (isinstance(value, exp.Div) and (key == "expression" or _base(value) not in _FLOATS)):
            return None
    else:
        rising = isinstance(value, exp.Add) or key == "this"
    up = size if isinstance(value, exp.Add) else -size
    if not _has_room(value) and not (_is_shift(value, key) and (up >= 0 if extreme == "max" else up <= 0)):
        return None
    return Step(inner, rising, lambda made: _with(value, key, made))


def _number(node: exp.Expr) -> Decimal | float | None:
    found = constant(node, Clock("UTC"))
    value = found.value if found is not None else None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, Decimal | float) else Decimal(value) if type(value) is int else None


def _has_room(value: exp.Binary) -> bool:
    """Tell whether no row can fail: in floating point, and where a decimal has all the digits that there may be."""
    kind, sides = type_of(value), [type_of(value.this), type_of(value.expression)]
    if kind is None or kind.base in _FLOATS:
        return kind is not None
    digits = [_digits(each) for each in sides if each is not None]
    known = [each for each in digits if each is not None]
    if kind.base != "decimal" or len(known) != len(sides):
        return False
    (p1, s1), (p2, s2) = known
    if isinstance(value, exp.Mul):
        return p1 + p2 <= _MOST_DIGITS
    return max(p1 - s1, p2 - s2) + max(s1, s2) + 1 <= _MOST_DIGITS


def _digits(kind: TrinoType) -> tuple[int, int] | None:
    return (kind.numbers[0], kind.numbers[1]) if kind.base == "decimal" else _DIGITS.get(kind.base)


def _is_shift(value: exp.Binary, key: str) -> bool:
    """Tell whether whole numbers are moved by a constant: what fails is at the end that they are moved to."""
    return _base(value) in INTEGRAL and (isinstance(value, exp.Add) or (isinstance(value, exp.Sub) and key == "this"))


def _called(value: exp.Anonymous) -> Step | None:
    name, arguments = value.name.lower(), value.expressions
    if name == "date_trunc" and len(arguments) == 2 and isinstance(arguments[0], exp.Literal):
        fits = _base(arguments[1]) in _LOCAL
    elif name in _ROUNDING and len(arguments) == 1:
        fits = _base(arguments[0]) in ("decimal", DOUBLE.base)
    else:
        fits = name in _OF_TIME and len(arguments) == 1 and _base(arguments[0]) in _LOCAL
    return Step(arguments[-1], True, lambda other: _with_last(value, other)) if fits else None


def _base(node: exp.Expr) -> str:
    kind = type_of(node)
    return kind.base if kind is not None else ""


def _with(value: exp.Expr, key: str, other: exp.Expr) -> exp.Expr:
    twin = copied(value)
    twin.set(key, atom(other))
    return twin


def _with_last(value: exp.Anonymous, other: exp.Expr) -> exp.Expr:
    twin = copied(value)
    twin.set("expressions", [*twin.expressions[:-1], other])
    return twin
