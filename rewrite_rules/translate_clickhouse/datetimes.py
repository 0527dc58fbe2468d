"""Dates and timestamps: parts, sums, differences and truncation.

Times are computed on ticks where ClickHouse's own functions cut or clamp; results beyond the years 1 to 9999, which
ClickHouse cannot hold, raise instead of staying at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import TrinoType
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_text
from rewrite_rules.translate_clickhouse.intervals import interval_parts
from rewrite_rules.translate_clickhouse.native import cast
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value
from rewrite_rules.translate_clickhouse.time_casts import floored_to_millis, from_ticks, ticks, zone_of

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MILLIS, _NANOS = 3, 9
_WEEK_SHIFT = 259_200
"""1970-01-01 was a Thursday: three days after the week began."""
_OUT_OF_RANGE = "A time outside of the years 1 to 9999"


def _unit(node: exp.Expr, kind: TrinoType, allowed: Sequence[str]) -> str:
    """Read the unit, a literal. Raises Refusal INVALID_FUNCTION_ARGUMENT, NOT_SUPPORTED."""
    unit = literal_text(node, "A unit").lower()
    if unit not in allowed:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"'{unit}' is not a valid {kind.base.upper()} field")
    return unit


def add_interval(node: exp.Expr, symbol: str, scope: Scope) -> str:
    """Translate a date or timestamp plus or minus an interval literal, in either order."""
    first, second = node.this, node.expression
    if scope.type_of(first).base.startswith("interval"):
        first, second = second, first
    unit, amount = interval_parts(second)
    number = str(-amount if symbol == "-" else amount)
    if unit == "months":
        return _add_months(first, number, scope)
    if scope.type_of(first).base == "date":
        days, rest = divmod(int(number), 86_400_000)
        if rest:
            raise unsupported("Adding hours to a date", node)
        return _add_days(first, str(days), scope)
    digits = scope.type_of(node).numbers[0]
    value = _with_digits(first, digits, scope)
    if int(number) % 1000 == 0:
        return _moved(value, digits, str(int(number) // 1000), "addSeconds", 1)
    return _moved(value, digits, number, "addMilliseconds", 1000)


def _with_digits(value: exp.Expr, digits: int, scope: Scope) -> str:
    """Write a timestamp with as many digits as its sum with an interval has."""
    text, kind = scope.value(value), scope.type_of(value)
    if kind.numbers[0] == digits:
        return text
    if kind.base == "timestamp":
        return cast(text, TrinoType("timestamp", (digits,)))
    zone = zone_of(value, scope)
    if zone is None:
        raise unsupported("An interval added in a zone that is not known", value)
    return call("CAST", text, string(f"Nullable(DateTime64({digits}, {string(zone)}))"))


def _date_add(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    unit_node, amount_node, value = arguments
    kind = scope.type_of(value)
    date_only = kind.base == "date"
    allowed = ("day", "week", *_MONTHS) if date_only else ("millisecond", *_SECONDS, *_MONTHS)
    unit = _unit(unit_node, kind, allowed)
    amount = call("toInt64", scope.value(amount_node))
    if unit in _MONTHS:
        return _add_months(value, _times(amount, _MONTHS[unit]), scope)
    if date_only:
        return _add_days(value, _times(amount, _SECONDS[unit] // 86_400), scope)
    if unit == "millisecond":
        return _add_millis(value, amount, scope)
    _check_zone(value, scope, long=unit in ("day", "week"))
    return _add_seconds(value, _times(amount, _SECONDS[unit]), scope)


def _times(amount: str, factor: int) -> str:
    return amount if factor == 1 else operator("*", (amount, str(factor)))


def _check_zone(value: exp.Expr, scope: Scope, *, long: bool) -> None:
    """Refuse days and months over a clock that changes, where gaps and folds are judged differently."""
    if long and scope.type_of(value).base.endswith("zone") and zone_of(value, scope) != "UTC":
        raise unsupported("Adding days or months in a zone other than UTC", value)


def _add_months(value: exp.Expr, amount: str, scope: Scope) -> str:
    _check_zone(value, scope, long=True)
    text, kind = scope.value(value), scope.type_of(value)
    month = f"(toInt64(toYear({text})) * 12 + toMonth({text}) + {amount})"
    first, last = (1679, 2261) if kind.numbers == (9,) else (1, 9999)
    bad = operator("OR", (f"{month} < {first * 12 + 1}", f"{month} > {last * 12 + 12}"))
    return unsupported_value(bad, _OUT_OF_RANGE, call("addMonths", text, amount))


def _add_days(value: exp.Expr, amount: str, scope: Scope) -> str:
    text = scope.value(value)
    day = f"(toInt128(toInt32({text})) + {amount})"
    bad = operator("OR", (f"{day} < -719162", f"{day} > 2932896"))
    return unsupported_value(bad, _OUT_OF_RANGE, call("addDays", text, amount))


def _add_seconds(value: exp.Expr, amount: str, scope: Scope) -> str:
    return _moved(scope.value(value), scope.type_of(value).numbers[0], amount, "addSeconds", 1)


def _add_millis(value: exp.Expr, amount: str, scope: Scope) -> str:
    kind = scope.type_of(value)
    if kind.numbers[0] < 3:
        raise unsupported("Adding milliseconds to a timestamp of fewer digits", value)
    return _moved(scope.value(value), kind.numbers[0], amount, "addMilliseconds", 1000)


def _moved(text: str, digits: int, amount: str, function: str, per_second: int) -> str:
    seconds = f"(toInt128({ticks(text, digits)}) / {10**digits} + toInt128({amount}) / {per_second})"
    first, last = (-9_214_560_000, 9_214_646_399) if digits == _NANOS else (-62_135_596_800, 253_402_300_798)
    bad = operator("OR", (f"{seconds} < {first}", f"{seconds} > {last}"))
    return unsupported_value(bad, _OUT_OF_RANGE, call(function, text, amount))


def _date_diff(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    unit_node, first, second = arguments
    kinds = scope.type_of(first), scope.type_of(second)
    if all(kind.base == "timestamp with time zone" for kind in kinds):
        return _zoned_diff(unit_node, first, second, scope)
    if any(kind.base not in ("date", "timestamp") for kind in kinds):
        raise unsupported("date_diff of values with a time zone", node)
    date_only = kinds[0].base == kinds[1].base == "date"
    allowed = ("day", "week", *_MONTHS) if date_only else ("millisecond", *_SECONDS, *_MONTHS)
    unit = _unit(unit_node, kinds[0], allowed)
    a, b = scope.value(first), scope.value(second)
    if not date_only:
        a, b = (floored_to_millis(text, _digits(kind)) for text, kind in zip((a, b), kinds, strict=True))
        if unit not in _MONTHS:
            return _millis_between(a, b, unit)
    elif unit not in _MONTHS:
        days = call("toInt64", f"(toInt32({b}) - toInt32({a}))")
        return days if unit == "day" else call("intDiv", days, "7")
    return _months_between(a, b, _MONTHS[unit])


def _zoned_diff(unit_node: exp.Expr, first: exp.Expr, second: exp.Expr, scope: Scope) -> str:
    """Count between two instants; days and more in the calendar of the first one's zone, which must be UTC."""
    kind = scope.type_of(first)
    unit = _unit(unit_node, kind, ("millisecond", *_SECONDS, *_MONTHS))
    if unit in ("day", "week", *_MONTHS) and zone_of(first, scope) != "UTC":
        raise unsupported("date_diff of days or more in a zone other than UTC", first)
    a, b = (floored_to_millis(_in_utc(value, scope), _digits(scope.type_of(value))) for value in (first, second))
    return _months_between(a, b, _MONTHS[unit]) if unit in _MONTHS else _millis_between(a, b, unit)


def _in_utc(value: exp.Expr, scope: Scope) -> str:
    digits = _digits(scope.type_of(value))
    return call("CAST", scope.value(value), string(f"Nullable(DateTime64({digits}, 'UTC'))"))


def _digits(kind: TrinoType) -> int:
    return kind.numbers[0] if kind.numbers else 0


def _millis_between(a: str, b: str, unit: str) -> str:
    """Count whole units between timestamps of three digits: what is finer plays no part for Trino."""
    distance = operator("-", (ticks(b, _MILLIS), ticks(a, _MILLIS)))
    size = 1 if unit == "millisecond" else _SECONDS[unit] * 1000
    return call("intDiv", distance, call("toInt64", str(size)))


def _months_between(a: str, b: str, months: int) -> str:
    """Count whole months: the boundaries crossed, less one where the day of the month is not reached."""
    low, high = call("least", a, b), call("greatest", a, b)
    crossed = call("dateDiff", "'month'", low, high)
    partial = either(operator(">", (call("addMonths", low, crossed), high)), "1", "0")
    whole = f"({either(f'{a} <= {b}', '1', '-1')} * ({crossed} - {partial}))"
    return call("toInt64", call("intDiv", whole, str(months)))


def _date_trunc(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    unit_node, value = arguments
    kind = scope.type_of(value)
    if kind.base not in ("date", "timestamp", "timestamp with time zone"):
        raise unsupported(f"date_trunc of {kind}", node)
    allowed = ("day", "week", *_MONTHS) if kind.base == "date" else ("millisecond", *_SECONDS, *_MONTHS)
    unit = _unit(unit_node, kind, allowed)
    text = scope.value(value)
    if kind.base == "date":
        return text if unit == "day" else _start_of_date(unit, text)
    if kind.base == "timestamp":
        return _truncated(unit, text, kind.numbers[0])
    return _truncated_in_zone(unit, text, kind, zone_of(value, scope), node)


def _start_of_date(unit: str, text: str) -> str:
    names = {"week": "toMonday", "month": "toStartOfMonth", "quarter": "toStartOfQuarter", "year": "toStartOfYear"}
    return call("CAST", call(names[unit], text), "'Nullable(Date32)'")


def _truncated(unit: str, text: str, digits: int) -> str:
    if unit in _MONTHS:
        return cast(_start_of_date(unit, call("toDate32", text)), TrinoType("timestamp", (digits,)))
    if unit == "millisecond":
        if digits <= 3:
            return text
        size, shift = 10 ** (digits - 3), 0
    else:
        size = _SECONDS[unit] * 10**digits
        shift = _WEEK_SHIFT * 10**digits if unit == "week" else 0
    # Ticks of nanoseconds may stand at the end of their range, and are moved beyond it on the way.
    wide = "toInt128" if digits == _NANOS else ""
    units = call(wide, ticks(text, digits)) if wide else ticks(text, digits)
    moved = operator("+", (units, str(shift))) if shift else units
    rest = call("positiveModulo", moved, call(wide or "toInt64", str(size)))
    start = operator("-", (units, rest))
    return from_ticks(call("accurateCast", start, "'Nullable(Int64)'") if wide else start, digits)


def _truncated_in_zone(unit: str, text: str, kind: TrinoType, zone: str | None, node: exp.Expr) -> str:
    digits = kind.numbers[0]
    if zone == "UTC":
        local = call("CAST", text, string(f"Nullable(DateTime64({digits}))"))
        return call("CAST", _truncated(unit, local, digits), string(f"Nullable(DateTime64({digits}, 'UTC'))"))
    if zone is None or unit != "day":
        raise unsupported(f"date_trunc('{unit}') in a zone other than UTC", node)
    target = string(f"Nullable(DateTime64({digits}, {string(zone)}))")
    return call("CAST", call("toStartOfDay", text), target)


def _part(function: str) -> Function:
    def write(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
        value = arguments[0]
        if scope.type_of(value).base not in ("date", "timestamp", "timestamp with time zone"):
            raise unsupported(f"{function} of {scope.type_of(value)}", node)
        text = scope.value(value)
        if function == "toDayOfYear" and scope.type_of(value).base == "date":
            text = cast(text, TrinoType("timestamp", (0,)))  # Of a Date32, 2299-12-31 is a day too early.
        return call("toInt64", call(function, text))

    return write


def _last_day_of_month(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value = call("toDate32", scope.value(arguments[0]))
    last = f"addDays(addMonths(CAST(toStartOfMonth({value}), 'Nullable(Date32)'), 1), -1)"
    bad = operator("AND", (f"toYear({value}) = 9999", f"toMonth({value}) = 12"))
    return unsupported_value(bad, _OUT_OF_RANGE, last)


def _millisecond(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = arguments[0], scope.type_of(arguments[0])
    if kind.base != "timestamp":
        raise unsupported(f"millisecond of {kind}", node)
    digits = max(kind.numbers[0], _MILLIS)
    units = ticks(cast(scope.value(value), TrinoType("timestamp", (digits,))), digits)
    return call("toInt64", f"intDiv(positiveModulo({units}, toInt64({10**digits})), {10 ** (digits - _MILLIS)})")


def _date(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    as_cast = exp.Cast(this=arguments[0].copy(), to=exp.DataType.build("date"))
    as_cast.meta["type"] = TrinoType("date")
    return scope.value(as_cast)


_PARTS: Mapping[str, str] = {
    "year": "toYear",
    "quarter": "toQuarter",
    "month": "toMonth",
    "week": "toISOWeek",
    "week_of_year": "toISOWeek",
    "day": "toDayOfMonth",
    "day_of_month": "toDayOfMonth",
    "day_of_week": "toDayOfWeek",
    "dow": "toDayOfWeek",
    "day_of_year": "toDayOfYear",
    "doy": "toDayOfYear",
    "year_of_week": "toISOYear",
    "yow": "toISOYear",
    "hour": "toHour",
    "minute": "toMinute",
    "second": "toSecond",
}
_EXTRACTED = {
    "dayofweek": "day_of_week",
    "dayofyear": "day_of_year",
    "doy": "day_of_year",
    "yearofweek": "year_of_week",
}


def extract(node: exp.Expr, scope: Scope) -> str:
    """Translate EXTRACT(field FROM value)."""
    field = node.this.name.lower()
    function = FUNCTIONS.get(_EXTRACTED.get(field, field))
    if function is None or (field not in _PARTS and field not in _EXTRACTED):
        raise unsupported(f"EXTRACT({field.upper()})", node)
    return function([node.expression], node, scope)


FUNCTIONS: Mapping[str, Function] = {
    **{name: _part(function) for name, function in _PARTS.items()},
    "last_day_of_month": _last_day_of_month,
    "millisecond": _millisecond,
    "date": _date,
    "date_add": _date_add,
    "date_diff": _date_diff,
    "date_trunc": _date_trunc,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.Extract: extract}
