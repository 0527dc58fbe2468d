"""JSON text as Jackson reads and writes it: numbers keep their text, keys their order, doubles are written by Java."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from engines.lake.functions.raised import refused

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_BEYOND = 0x10000
_LARGEST_PLAIN, _SMALLEST_PLAIN = 1e7, 1e-3
_SURE = 1e300


@dataclass(frozen=True, slots=True)
class Number:
    """A number by its text."""

    text: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Fields:
    """An object's members in order, twins included."""

    members: tuple[tuple[str, Any], ...]


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: Fields(tuple(pairs)),
    parse_float=lambda text: Number(text, whole=False),
    parse_int=lambda text: Number(text, whole=True),
    parse_constant=_no_constant,
)
_BLANKS = " \t\n\r"


def read(text: str) -> tuple[Any, bool]:
    """Read the first JSON value of a text; tell whether it is all there is. Raises ValueError for what is none."""
    begun = len(text) - len(text.lstrip(_BLANKS))
    try:
        value, end = _DECODER.raw_decode(text, begun)
    except RecursionError as error:
        raise refused("JSON nested this deeply") from error
    return value, not text[end:].strip(_BLANKS)


def write(value: Any, *, ordered: bool = False) -> str:
    """Write a value without blanks; `ordered` sorts the keys and lets the last twin stand."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return write_string(value)
    if isinstance(value, Number):
        return write_number(value)
    if isinstance(value, Fields):
        members = sorted(dict(value.members).items()) if ordered else value.members
        return "{" + ",".join(f"{write_string(k)}:{write(v, ordered=ordered)}" for k, v in members) + "}"
    return "[" + ",".join(write(each, ordered=ordered) for each in value) + "]"


def write_string(text: str) -> str:
    """Write a string; characters beyond the basic plane, which Trino escapes, are refused."""
    if any(ord(each) >= _BEYOND or 0xD800 <= ord(each) < 0xE000 for each in text):
        raise refused("JSON with characters beyond the basic plane")
    return '"' + "".join(_SHORT.get(c) or (f"\\u{ord(c):04X}" if c < " " else c) for c in text) + '"'


def write_number(number: Number) -> str:
    """Write whole numbers as they are, others as Java writes doubles."""
    if number.whole:
        return "0" if number.text == "-0" else number.text
    return java_double(float(number.text))


def java_double(value: float) -> str:
    """Write a double as Java's Double.toString does (JDK 19 and later: the shortest digits)."""
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    if not 1 / _SURE < abs(value) < _SURE:
        raise refused("JSON with such a large or small number")
    sign = "-" if value < 0 else ""
    digits, exponent = _digits(abs(value))
    if _SMALLEST_PLAIN <= abs(value) < _LARGEST_PLAIN:
        if exponent < 0:
            return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
        whole = digits[: exponent + 1].ljust(exponent + 1, "0")
        return f"{sign}{whole}.{digits[exponent + 1 :] or '0'}"
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def _digits(value: float) -> tuple[str, int]:
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    power = int(exponent or 0) + len(whole) - 1
    if whole.strip("0") == "":
        power = int(exponent or 0) - (len(fraction) - len(fraction.lstrip("0"))) - 1
    return digits.rstrip("0") or "0", power
