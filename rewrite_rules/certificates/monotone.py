"""Steps that keep order: what is greatest before is greatest after, or least where the step turns values round.

Of a step that can fail, the extreme that is asked for must be where it fails first.
"""

from __future__ import annotations

from fractions import Fraction

from catalog.types import INTEGRAL, TrinoType, parse_type
from rewrite_rules.certificates.terms import Term, type_of

_OPPOSITE = {"min": "max", "max": "min"}
_FLOATS = frozenset({"double", "real"})
_SIZES = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_PLACES = 38


def step(value: Term, extreme: str) -> tuple[int, str] | None:
    """Return where in a call its argument stands, and of which extreme of that argument the call is the `extreme`."""
    if value[0] != "f" or extreme not in _OPPOSITE:
        return None
    name, arguments = value[1], value[2:]
    if name in ("+", "-", "*", "/") and len(arguments) == 2:
        return _arithmetic(value, extreme)
    kind = type_of(arguments[-1])
    base = kind.base if kind is not None else ""
    if name in ("floor", "ceiling") and len(arguments) == 1:
        return (2, extreme) if base in ("decimal", "double") else None
    if name == "date_trunc" and len(arguments) == 2 and arguments[0][0] == "const":
        return (3, extreme) if base in ("timestamp", "date") else None
    if name.startswith("cast:") and len(arguments) == 1 and _widened(kind, parse_type(name.removeprefix("cast:"))):
        return 2, extreme
    if name in ("cast:date", "year") and len(arguments) == 1:
        return (2, extreme) if base == "timestamp" or (base == "date" and name == "year") else None
    return None


def _widened(kind: TrinoType | None, target: TrinoType) -> bool:
    """Tell whether a cast of a number to another type keeps order and never fails."""
    source, room = _digits(kind), _digits(target)
    if source is None:
        return False
    return target.base == "double" or (room is not None and room[0] >= source[0] and room[1] >= source[1])


def _arithmetic(value: Term, extreme: str) -> tuple[int, str] | None:
    operator, kind = value[1], type_of(value)
    places = [at for at in (2, 3) if value[at][0] != "const"]
    if len(places) != 1 or kind is None:
        return None
    (at,) = places
    constant = value[5 - at][2]
    if not isinstance(constant, Fraction):
        return None
    if operator == "/" and (at == 3 or kind.base not in _FLOATS):
        return None
    turned = constant < 0 if operator in ("*", "/") else operator == "-" and at == 3
    if constant == 0 and operator in ("*", "/"):
        return None
    if not _never_fails(value, kind):
        up = constant if operator == "+" else -constant
        moved = kind.base in INTEGRAL and operator in ("+", "-") and not turned
        if not moved or (up < 0 if extreme == "max" else up > 0):
            return None
    return at, _OPPOSITE[extreme] if turned else extreme


def _never_fails(value: Term, kind: TrinoType) -> bool:
    """Tell whether a result has room for whatever the operands hold."""
    if kind.base in _FLOATS:
        return True
    sides = [_digits(type_of(each)) for each in value[2:]]
    if kind.base != "decimal" or any(each is None for each in sides):
        return False
    (whole, scale), (other, places) = (each for each in sides if each is not None)
    if value[1] == "*":
        return whole + scale + other + places <= _PLACES
    return max(whole, other) + max(scale, places) < _PLACES


def _digits(kind: TrinoType | None) -> tuple[int, int] | None:
    """Return how many digits a number has before and after the point."""
    if kind is None:
        return None
    if kind.base == "decimal":
        return kind.numbers[0] - kind.numbers[1], kind.numbers[1]
    return (_SIZES[kind.base], 0) if kind.base in _SIZES else None
