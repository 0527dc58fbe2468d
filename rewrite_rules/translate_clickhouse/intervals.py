"""Interval literals, read as a number of months or of milliseconds."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from rewrite_rules.translate_clickhouse.failures import unsupported

_MONTHS = {"YEAR": 12, "MONTH": 1}
_MILLIS = {"DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000}
_ORDER = ("DAY", "HOUR", "MINUTE", "SECOND")
_NUMBER = re.compile(r"\d+")
_SECONDS = re.compile(r"(\d+)(?:\.(\d{1,3}))?")


def interval_parts(node: exp.Expr) -> tuple[str, int]:
    """Return an interval literal as ("months", n) or ("milliseconds", n). Raises Refusal NOT_SUPPORTED."""
    node = node.unnest()
    sign = 1
    if isinstance(node, exp.Neg):
        sign, node = -1, node.this.unnest()
    if not isinstance(node, exp.Interval):
        raise unsupported("An interval that is not a literal", node)
    value = node.this
    if isinstance(value, exp.Neg):
        sign, value = -sign, value.this
    text = value.name.strip()
    if text[:1] in "+-":
        sign, text = (-sign if text[0] == "-" else sign), text[1:].strip()
    amounts = _amounts(node, text)
    if set(amounts) <= set(_MONTHS):
        return "months", sign * sum(int(n) * _MONTHS[unit] for unit, n in amounts.items())
    return "milliseconds", sign * sum(_millis(unit, n, node) for unit, n in amounts.items())


def _amounts(node: exp.Interval, text: str) -> Mapping[str, str]:
    """Pair the numbers of the text with the units they count: `1-2` YEAR TO MONTH, `1 02:03` DAY TO MINUTE."""
    unit = node.args.get("unit")
    if not isinstance(unit, exp.IntervalSpan):
        return {unit.name.upper(): text}  # type: ignore[union-attr]  # an interval has its unit here
    first, last = unit.this.name.upper(), unit.expression.name.upper()
    units = ("YEAR", "MONTH") if first == "YEAR" else _ORDER[_ORDER.index(first) : _ORDER.index(last) + 1]
    numbers = re.split(r"[- :]", text)
    if len(numbers) != len(units):
        raise unsupported("This form of an interval literal", node)
    return dict(zip(units, numbers, strict=True))


def _millis(unit: str, text: str, node: exp.Expr) -> int:
    if unit == "SECOND":
        match = _SECONDS.fullmatch(text)
        if match is None:
            raise unsupported("This form of an interval literal", node)
        return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0"))
    if not _NUMBER.fullmatch(text):
        raise unsupported("This form of an interval literal", node)
    return int(text) * _MILLIS[unit]
