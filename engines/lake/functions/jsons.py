"""JSON functions and casts. JSON values are their canonical text, as json_parse writes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from catalog.errors import ErrorCode
from engines.lake.functions.json_text import Fields, Number, java_double, read, write, write_string
from engines.lake.functions.raised import raised, refused

_STEP = re.compile(r'\.(\w+)|\.?\[(\d{1,9})\]|\.?\["([^"\\]+)"\]')
_MISSING = object()
_NO_JSON = re.compile(r"[ \t\n\r]*(?!(true|false|null)\b)[A-Za-z]")
"""How a text begins that breaks at its first word."""


@lru_cache(maxsize=512)
def steps_of(path: str) -> tuple[str, ...]:
    """Take a JSON path apart. Raises ValueError where it is not of the forms that both engines read alike."""
    steps, at = [], 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise refused("this JSON path")
        steps.append(next(group for group in match.groups() if group is not None))
        at = match.end()
    return tuple(steps)


def _found(text: str, path: str) -> Any:
    """Find what a path leads to; of twins the first, as a reader that stops there does."""
    try:
        value, _ = read(text)
    except ValueError as error:
        if "penstock:" in str(error):
            raise
        if _NO_JSON.match(text):
            return _MISSING
        # Trino reads as far as it needs to, so that the answer depends on where the text breaks.
        raise refused("JSON that is cut off or malformed") from None
    for step in steps_of(path):
        if isinstance(value, Fields):
            value = next((member for key, member in value.members if key == step), _MISSING)
        elif isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else _MISSING
        else:
            return _MISSING
        if value is _MISSING:
            return _MISSING
    return value


def extract_scalar(text: str | None, path: str) -> str | None:
    """Return a string, a boolean or a number by its text; NULL for all else."""
    value = _MISSING if text is None else _found(text, path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else None


def extract(text: str | None, path: str) -> str | None:
    """Return what a path leads to as JSON, keys in their order."""
    value = _MISSING if text is None else _found(text, path)
    return None if value is _MISSING else write(value)


def size(text: str | None, path: str) -> int | None:
    """Return the number of members or elements; 0 for scalars."""
    value = _MISSING if text is None else _found(text, path)
    if value is _MISSING:
        return None
    if isinstance(value, Fields):
        return len(value.members)
    return len(value) if isinstance(value, list) else 0


def parse(text: str | None) -> str | None:
    """Check JSON and write it canonically: no blanks, keys in order."""
    if text is None:
        return None
    try:
        value, complete = read(text)
    except ValueError as error:
        if "penstock:" in str(error):
            raise
        complete = False
    if not complete:
        raise raised(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Cannot convert value to JSON")
    return write(value, ordered=True)


def items(text: str | None, type_: str) -> list[str | None] | None:
    """Return an array's elements as JSON; JSON's null is NULL."""
    value = None if text is None else read(text)[0]
    if value is None:
        return None
    if not isinstance(value, list):
        raise raised(ErrorCode.INVALID_CAST_ARGUMENT, f"Cannot cast to {type_}. Expected a json array")
    return [None if each is None else write(each, ordered=True) for each in value]


def _members(text: str, type_: str) -> tuple[tuple[str, Any], ...] | None:
    value = read(text)[0]
    if value is None:
        return None
    if not isinstance(value, Fields):
        raise raised(ErrorCode.INVALID_CAST_ARGUMENT, f"Cannot cast to {type_}. Expected a json object")
    return value.members


def keys(text: str | None, type_: str) -> list[str | None] | None:
    """Return an object's keys."""
    members = None if text is None else _members(text, type_)
    return None if members is None else [key for key, _ in members]


def values(text: str | None, type_: str) -> list[str | None] | None:
    """Return an object's values as JSON; JSON's null is NULL."""
    members = None if text is None else _members(text, type_)
    return None if members is None else [None if v is None else write(v, ordered=True) for _, v in members]


def text_of(text: str | None, base: str) -> str | None:
    """Return a scalar's text from which the type `base` can be read; JSON's null is NULL."""
    value = None if text is None else read(text)[0]
    if value is None:
        return None
    if isinstance(value, list | Fields):
        raise raised(ErrorCode.INVALID_CAST_ARGUMENT, f"Cannot cast a JSON object or array to {base}")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ("true" if value else "false") if base in ("varchar", "boolean") else str(int(value))
    if base == "boolean":
        return "true" if Decimal(value.text) else "false"
    if base == "varchar" and not value.whole:
        return _trino_double(value)
    if base in ("tinyint", "smallint", "integer", "bigint") and not value.whole:
        return str(Decimal(value.text).quantize(Decimal(1), ROUND_HALF_UP))
    return str(value.text)


def _trino_double(number: Number) -> str:
    """Write a double as a cast to varchar does, `1.5E0`; long ones, on which formatters differ, are refused."""
    sign, digits, exponent = Decimal(repr(float(number.text))).normalize().as_tuple()
    if len(digits) > 15 or not isinstance(exponent, int):
        raise refused("the text of such a floating-point number")
    figures = "".join(map(str, digits))
    if figures == "0":
        return f"{'-' if sign else ''}0E0"
    return f"{'-' if sign else ''}{figures[0]}.{figures[1:] or '0'}E{len(figures) - 1 + exponent}"


def double_text(text: str | None) -> str | None:
    """Write a double, given by its text, as JSON; what is no number is a string."""
    if text is None:
        return None
    if text.lstrip("-") in ("nan", "inf"):
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"', "-nan": '"NaN"'}[text]
    return java_double(float(text))


def make_object(names: Sequence[str] | None, members: Sequence[str | None] | None) -> str | None:
    """Make an object of keys and JSON values, keys in order."""
    if names is None or members is None:
        return None
    pairs = sorted(zip(names, members, strict=True))
    return "{" + ",".join(f"{write_string(k)}:{'null' if v is None else v}" for k, v in pairs) + "}"
