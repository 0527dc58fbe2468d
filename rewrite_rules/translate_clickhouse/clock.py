"""The clock, Unix time, and dates as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import DOUBLE, INTEGRAL, TrinoType
from rewrite_rules.translate_clickhouse.constants import known_zone
from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_text
from rewrite_rules.translate_clickhouse.native import MAX_TIMESTAMP_DIGITS, cast
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, guard, operator, string, unsupported_value
from rewrite_rules.translate_clickhouse.time_casts import at_time_zone, local_in_zone, rounded_to_millis, ticks

_INSTANT = "(SELECT now64(9, 'UTC'))"
"""One moment for the whole query: equal scalar subqueries are computed once."""
_MILLIS = 3
_FORMATS = {
    "Y": "%Y",
    "y": "%y",
    "m": "%m",
    "d": "%d",
    "H": "%H",
    "h": "%h",
    "i": "%i",
    "s": "%S",
    "S": "%S",
    "p": "%p",
    "T": "%T",
    "j": "%j",
    "x": "%G",
    "v": "%V",
    "%": "%%",
}
_REFUSED_BY_TRINO = frozenset("DUuVwX")
_PARSED = {"%Y-%m-%d": "[0-9]{4}-[0-9]{2}-[0-9]{2}", "%H:%i:%s": "[0-9]{2}:[0-9]{2}:[0-9]{2}"}


def _now(digits: int, zone: str) -> str:
    """Write the query's moment with so many digits, cut off."""
    if digits > MAX_TIMESTAMP_DIGITS:
        raise unsupported("A clock with more than 9 digits")
    cut = f"CAST({_INSTANT}, 'DateTime64({digits}, \\'UTC\\')')"
    return cut if zone == "UTC" else call("toTimeZone", cut, string(zone))


def _local(digits: int, scope: Scope) -> str:
    """Write the session's wall clock."""
    if scope.build.time_zone == "UTC":
        return f"CAST({_now(digits, 'UTC')}, 'DateTime64({digits})')"
    return call("toDateTime64", call("toString", _now(digits, scope.build.time_zone)), str(digits))


def _digits(node: exp.Expr) -> int:
    return int(node.this.name) if node.args.get("this") is not None else 3


def current_timestamp(node: exp.Expr, scope: Scope) -> str:
    """Translate CURRENT_TIMESTAMP."""
    return _now(_digits(node), _zone(scope, node))


def local_timestamp(node: exp.Expr, scope: Scope) -> str:
    """Translate LOCALTIMESTAMP."""
    _zone(scope, node)
    return _local(_digits(node), scope)


def current_date(node: exp.Expr, scope: Scope) -> str:
    """Translate CURRENT_DATE."""
    return call("toDate32", _now(0, _zone(scope, node)))


def _zone(scope: Scope, node: exp.Expr) -> str:
    known_zone(scope.build.time_zone, node)
    return scope.build.time_zone


def _call_now(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return _now(3, _zone(scope, node))


def _current_timezone(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    return string(scope.build.time_zone)


def _to_unixtime(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(arguments[0])
    if not kind.base.startswith("timestamp") or kind.numbers[0] > 3:
        raise unsupported(f"to_unixtime of {kind}", node)
    return f"({ticks(value, kind.numbers[0])} / {10 ** kind.numbers[0]})"


def _from_unixtime(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    zone = literal_text(arguments[1], "A time zone") if len(arguments) > 1 else _zone(scope, node)
    if len(arguments) > 2:
        raise unsupported("from_unixtime with an offset", node)
    known_zone(zone, node)
    value, kind = scope.value(arguments[0]), scope.type_of(arguments[0])
    if kind.base in INTEGRAL:
        seconds, millis = call("toFloat64", value), call("toInt64", f"{value}") + " * 1000"
    elif kind == DOUBLE:
        seconds, millis = value, call("toInt64", f"floor({value} * 1000 + 0.5)")
    else:
        raise unsupported(f"from_unixtime of {kind}", node)
    far = operator("OR", (f"isNaN({seconds})", f"abs({seconds}) > 253402300799", f"{seconds} < -62135596800"))
    moment = call("fromUnixTimestamp64Milli", millis, string(zone))
    return unsupported_value(far, "A time outside of the years 1 to 9999", moment)


def _to_iso8601(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(arguments[0])
    if kind.base == "date":
        return call("toString", value)
    if kind.base == "timestamp" and kind.numbers[0] >= 3:
        return call("replaceOne", call("toString", value), "' '", "'T'")
    raise unsupported(f"to_iso8601 of {kind}", node)


def _date_format(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, kind = scope.value(arguments[0]), scope.type_of(arguments[0])
    if kind.base not in ("timestamp", "date", "timestamp with time zone"):
        raise unsupported(f"date_format of {kind}", node)
    if kind.base == "date":
        value = cast(value, TrinoType("timestamp", (0,)))  # Of a Date32, 2299-12-31 is a day of the year too early.
    elif kind.numbers[0] > _MILLIS:
        if kind.base != "timestamp":
            raise unsupported(f"date_format of {kind}", node)
        value = rounded_to_millis(value, kind)
    return call("formatDateTime", value, string(_format(literal_text(arguments[1], "A format"), node)))


_JODA = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%i", "ss": "%s"}
_JODA_TOKEN = re.compile(r"([A-Za-z])\1*|'((?:[^']|'')*)'|[^A-Za-z']+")


def _format_datetime(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Rewrite a Joda pattern of numbers and plain text as a MySQL format."""
    parts = []
    for match in _JODA_TOKEN.finditer(literal_text(arguments[1], "A format")):
        if match[1] is None:
            plain = match[0] if match[2] is None else match[2].replace("''", "'") or "'"
            parts.append(plain.replace("%", "%%"))
        elif match[0] in _JODA:
            parts.append(_JODA[match[0]])
        else:
            raise unsupported(f"The format {match[0]}", node)
    return _date_format([arguments[0], exp.Literal.string("".join(parts))], node, scope)


def _format(text: str, node: exp.Expr) -> str:
    """Rewrite a MySQL format, of which only some letters mean the same on both sides."""

    def letter(match: re.Match[str]) -> str:
        if match[1] in _REFUSED_BY_TRINO:
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"%{match[1]} not supported in date format string")
        if match[1] not in _FORMATS:
            raise unsupported(f"The date format %{match[1]}", node)
        return _FORMATS[match[1]]

    return re.sub(r"%(.?)", letter, text, flags=re.DOTALL)


def _date_parse(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    """Parse the fixed forms of a date or a date and a time; what is impossible or in another form raises."""
    form, value = literal_text(arguments[1], "A format"), scope.value(arguments[0])
    pattern = form
    for letters, digits in _PARSED.items():
        pattern = pattern.replace(letters, digits)
    if form not in ("%Y-%m-%d", "%Y-%m-%d %H:%i:%s", "%Y-%m-%dT%H:%i:%s"):
        raise unsupported("This format of date_parse", node)
    moment = call("toDateTime64OrNull", call("replaceOne", value, "'T'", "' '"), "3")
    size = "10" if form == "%Y-%m-%d" else "19"
    shown = call("substring", call("toString", moment), "1", size)
    same = operator("=", (shown, call("replaceOne", value, "'T'", "' '")))
    code = ErrorCode.INVALID_FUNCTION_ARGUMENT
    impossible = guard(f"NOT ifNull({same}, 0) AND isNotNull({value})", code, "Cannot parse the date", moment)
    formed = call("match", value, string(f"^{pattern}$"))
    return unsupported_value(
        f"(NOT {formed} AND match({value}, '[0-9]'))", "This form of a date in date_parse", impossible
    )


def _with_timezone(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    zone, kind = literal_text(arguments[1], "A time zone"), scope.type_of(arguments[0])
    known_zone(zone, node)
    if kind.base != "timestamp":
        raise unsupported(f"with_timezone of {kind}", node)
    return local_in_zone(scope.value(arguments[0]), kind.numbers[0], zone)


FUNCTIONS: Mapping[str, Function] = {
    "with_timezone": _with_timezone,
    "now": _call_now,
    "current_timezone": _current_timezone,
    "to_unixtime": _to_unixtime,
    "from_unixtime": _from_unixtime,
    "to_iso8601": _to_iso8601,
    "date_format": _date_format,
    "format_datetime": _format_datetime,
    "date_parse": _date_parse,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {
    exp.CurrentTimestamp: current_timestamp,
    exp.Localtimestamp: local_timestamp,
    exp.CurrentDate: current_date,
    exp.AtTimeZone: at_time_zone,
}
