"""Forms with a syntax of their own: EXTRACT, TRIM, POSITION, SUBSTRING, INTERVAL, LISTAGG, the clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from sqlglot import exp

from rewrite_rules.translate_duckdb.calls import scalar_call
from rewrite_rules.translate_duckdb.context import Context, Writer, type_of, write
from rewrite_rules.translate_duckdb.ordering import sorted_by
from rewrite_rules.translate_duckdb.text import icu_zone, unsupported

_UNITS = {"SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}
_YEAR_MONTH = re.compile(r"\s*([+-]?)(\d+)-(\d+)\s*")
_CLOCK = re.compile(r"\s*([+-]?)(?:(\d+) )?(\d+):(\d+)(?::(\d+)(?:\.(\d{1,3}))?)?\s*")
_EXTRACTED = {
    "DAY_OF_MONTH": "day",
    "DAY_OF_WEEK": "day_of_week",
    "DOW": "day_of_week",
    "DAYOFWEEK": "day_of_week",
    "DAY_OF_YEAR": "day_of_year",
    "DOY": "day_of_year",
    "DAYOFYEAR": "day_of_year",
    "YEAR_OF_WEEK": "year_of_week",
    "YOW": "year_of_week",
    "YEAROFWEEK": "year_of_week",
}


def _call(name: Callable[[exp.Expr], str], *keys: str) -> Writer:
    """Return the writer of a form that stands for a plain call."""

    def written(node: exp.Expr, context: Context) -> str:
        arguments = [node.args[key] for key in keys if node.args.get(key) is not None]
        return scalar_call(name(node), arguments, node, context)

    return written


def _trim_name(node: exp.Expr) -> str:
    side = str(node.args.get("position") or "").upper()
    return {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(side, "trim")


def _extract_name(node: exp.Expr) -> str:
    field = node.this.name.upper()
    return _EXTRACTED.get(field) or str(field).lower()


def interval(node: exp.Expr, context: Context) -> str:
    """Write an INTERVAL literal as its milliseconds or months."""
    if not isinstance(node.this, exp.Literal):
        raise unsupported("an interval that is not a literal")
    text, unit = node.this.name, node.args["unit"]
    if type_of(node).base == "interval year to month":
        return f"CAST({_months(text, unit)} AS INTEGER)"
    return f"CAST({_millis(text, unit)} AS BIGINT)"


def _months(text: str, unit: exp.Expr) -> int:
    match = _YEAR_MONTH.fullmatch(text)
    if match and isinstance(unit, exp.IntervalSpan):
        return (-1 if match[1] == "-" else 1) * (int(match[2]) * 12 + int(match[3]))
    return int(text) * (12 if _unit(unit) == "YEAR" else 1)


def _unit(unit: exp.Expr) -> str:
    return unit.name.upper()


def _millis(text: str, unit: exp.Expr) -> int:
    if isinstance(unit, exp.IntervalSpan):
        return _span_millis(text, unit)
    factor = _UNITS.get(_unit(unit))
    if factor is None:
        raise unsupported(f"an interval in units of {_unit(unit)}")
    exact = Decimal(text.strip()) * factor
    if exact != exact.to_integral_value():
        raise unsupported("an interval of less than a millisecond")
    return int(exact)


def _span_millis(text: str, unit: exp.IntervalSpan) -> int:
    fields = ["DAY", "HOUR", "MINUTE", "SECOND"]
    wanted = fields[fields.index(_unit(unit.this)) : fields.index(_unit(unit.expression)) + 1]
    sign = -1 if text.strip().startswith("-") else 1
    parts = re.split(r"[ :]", text.strip().lstrip("+-"))
    if len(parts) != len(wanted):
        raise unsupported("this form of an interval")
    return sign * int(sum(Decimal(part) * _UNITS[field] for part, field in zip(parts, wanted, strict=True)))


def _listagg(node: exp.Expr, context: Context) -> str:
    """Write LISTAGG ... WITHIN GROUP (ORDER BY ...); NULLs are left out on both sides."""
    if node.args.get("on_overflow") is not None:
        raise unsupported("LISTAGG ... ON OVERFLOW")
    order: Sequence[exp.Expr] = ()
    inner, distinct = node.this, ""
    if isinstance(inner, exp.Order):
        order, inner = inner.expressions, inner.this
    if isinstance(inner, exp.Distinct):
        distinct, inner = "DISTINCT ", inner.expressions[0]
    keys = ", ".join(sorted_by(write(o.this, context), type_of(o.this), o) for o in order)
    separator = node.args.get("separator")
    mark = write(separator, context) if separator is not None else "''"
    return f"string_agg({distinct}{write(inner, context)}, {mark}{f' ORDER BY {keys}' if keys else ''})"


def _normalize(node: exp.Expr, context: Context) -> str:
    form = node.args.get("form")
    if isinstance(form, exp.Expr) and form.name != "NFC":  # Trino takes no form in lower case
        raise unsupported("NORMALIZE to this form")
    return scalar_call("normalize", [node.this], node, context)


def _current_timestamp(node: exp.Expr, context: Context) -> str:
    return f"date_trunc('{_step(node)}', now())" if _digits(node) in (0, 3) else "now()"


def _local_timestamp(node: exp.Expr, context: Context) -> str:
    return f"timezone({icu_zone(context.time_zone)}, {_current_timestamp(node, context)})"


def _current_date(node: exp.Expr, context: Context) -> str:
    return f"CAST(timezone({icu_zone(context.time_zone)}, now()) AS DATE)"


def _digits(node: exp.Expr) -> int:
    digits = type_of(node).numbers[0]
    if digits not in (0, 3, 6):
        raise unsupported(f"the current time with {digits} digits")
    return digits


def _step(node: exp.Expr) -> str:
    return {0: "second", 3: "millisecond"}.get(_digits(node), "microsecond")


WRITERS: Mapping[type[exp.Expr], Writer] = {
    exp.Extract: _call(_extract_name, "expression"),
    exp.Trim: _call(_trim_name, "this", "expression"),
    exp.StrPosition: _call(lambda node: "strpos", "this", "substr"),
    exp.Substring: _call(lambda node: "substring", "this", "start", "length"),
    exp.Ceil: _call(lambda node: "ceil", "this"),
    exp.Floor: _call(lambda node: "floor", "this"),
    exp.Chr: _call(lambda node: "chr", "this"),
    exp.Interval: interval,
    exp.Normalize: _normalize,
    exp.GroupConcat: _listagg,
    exp.CurrentTimestamp: _current_timestamp,
    exp.Localtimestamp: _local_timestamp,
    exp.CurrentDate: _current_date,
}
