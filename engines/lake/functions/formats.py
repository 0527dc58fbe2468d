"""Java's Formatter, for one field of a format at a time."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

from engines.lake.functions.raised import refused

_FIELD = re.compile(r"%([-,0+ (]*)(\d*)(?:\.(\d+))?([dfsS])")
_DIGITS = 400


def formatted(field: str, text: str | None) -> str:
    """Format a value, given by its text, by one field such as `%,.2f`; NULL is `null`."""
    match = _FIELD.fullmatch(field)
    if match is None:
        raise refused("this format")
    flags, width, precision, kind = match.groups()
    size = int(width or 0)
    if text is None:
        shown = "null" if precision is None else "null"[: int(precision)]
        return _padded(shown.upper() if kind == "S" else shown, size, flags)
    if kind in "sS":
        cut = text if precision is None else text[: int(precision)]
        return _padded(cut.upper() if kind == "S" else cut, size, flags)
    return _number(text, flags, size, 0 if kind == "d" else 6 if precision is None else int(precision))


def _number(text: str, flags: str, size: int, places: int) -> str:
    try:
        with localcontext(prec=_DIGITS):
            value = Decimal(text).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation as error:
        raise refused("format() of such a number") from error
    if not value.is_finite():
        raise refused("format() of such a number")
    negative = value.is_signed()
    figures = f"{abs(value):{',' if ',' in flags else ''}f}"
    head, tail = ("(", ")") if negative and "(" in flags else ("-" if negative else "", "")
    if not negative:
        head = "+" if "+" in flags else " " if " " in flags else ""
    if "0" in flags:
        figures = figures.rjust(size - len(head) - len(tail), "0")
    return _padded(f"{head}{figures}{tail}", size, flags)


def _padded(text: str, size: int, flags: str) -> str:
    return text.ljust(size) if "-" in flags else text.rjust(size)
