"""What a partition's value says of the columns that it is made from, as bounds; where it says nothing, none.

Days of a column without a zone of its own are those of the zone that an insert had, which nobody remembers: such bounds
reach a day further on both sides.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

from catalog.materialized_views import Bound, Region
from catalog.objects import Column, Table

_DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)
_CALL = re.compile(r"^(?P<function>\w+)\((?P<column>\w+)\)$")
_UTC = re.compile(r"DateTime(64)?\((\d+, )?'(UTC|Etc/UTC)'\)")
_WIDE = re.compile(r"\b(DateTime64|Date32)\b")
"""Types with more days than `toDate` can tell apart: it begins anew after 65,536 of them (measured)."""
_CLAMPED = frozenset({"toStartOfMonth", "toStartOfYear", "toMonday", "toStartOfWeek", "toStartOfDay", "toStartOfHour"})
"""What lies beyond the days of a Date, or the seconds of a DateTime, counts as the first or the last (measured)."""
_FIRST, _LAST = datetime(1971, 1, 1), datetime(2105, 1, 1)  # noqa: DTZ001  (times without a zone)
_EXACT = frozenset({"tinyint", "smallint", "integer", "bigint"})
Span = tuple[datetime, datetime]
"""The first moment, and the first that lies behind."""


def partition_region(table: Table, key: str, value: str) -> Region:
    """Enclose the rows of one partition, by the table's partition key and the partition's value."""
    expressions, values = _parts(key), _values(value)
    if len(expressions) != len(values):
        return Region()
    columns = {column.native_name or column.name: column for column in table.columns}
    found = [_bound(each, shown, columns) for each, shown in zip(expressions, values, strict=True)]
    return Region(tuple(bound for bound in found if bound is not None))


def _bound(expression: str, value: str, columns: Mapping[str, Column]) -> Bound | None:
    column = columns.get(expression.strip("`"))
    if column is not None:
        return _of_column(column, value)
    call = _CALL.match(expression)
    column = None if call is None else columns.get(call["column"])
    spans = None if call is None else _SPANS.get(call["function"])
    if column is None or spans is None:
        return None
    wide = _WIDE.search(column.native_type or "") is not None
    if wide and call is not None and call["function"] == "toDate":
        return None
    try:
        span = spans(value)
        clamped = wide and call is not None and call["function"] in _CLAMPED
        return None if clamped and not _FIRST < span[0] < _LAST else _of_span(column, span)
    except (ValueError, OverflowError):
        return None


def _of_column(column: Column, value: str) -> Bound | None:
    """Return the bounds of a column by which rows are told apart as it is."""
    try:
        if column.type.base in _EXACT:
            return Bound(column.name, str(int(value)), str(int(value)))
        if column.type.base == "date":
            return _of_span(column, _days(value))
    except ValueError:
        return None
    if (column.native_type or "") in ("String", "LowCardinality(String)") and value.isprintable():
        text = "'" + value.replace("'", "''") + "'"
        return Bound(column.name, text, text)
    return None


def _of_span(column: Column, span: Span) -> Bound | None:
    first, behind = span
    native = column.native_type or ""
    if column.type.base == "date":
        return Bound(column.name, f"DATE '{first.date()}'", f"DATE '{(behind - _TICK).date()}'")
    if column.type.base not in ("timestamp", "timestamp with time zone") or "Nullable" in native:
        return None
    if not _UTC.search(native):
        first, behind = first - _DAY, behind + _DAY
    zone = " UTC" if column.type.base == "timestamp with time zone" else ""
    low, high = f"{first:%H:%M:%S}", f"{behind:%H:%M:%S}"
    return Bound(column.name, f"TIMESTAMP '{first.date()} {low}{zone}'", f"TIMESTAMP '{behind.date()} {high}{zone}'")


def _days(value: str) -> Span:
    day = datetime.combine(date.fromisoformat(value), datetime.min.time())
    return day, day + _DAY


def _day_number(value: str) -> Span:
    day = datetime.strptime(value, "%Y%m%d")  # noqa: DTZ007  (times without a zone)
    return day, day + _DAY


def _month_number(value: str) -> Span:
    return _month(datetime.strptime(value, "%Y%m"))  # noqa: DTZ007  (times without a zone)


def _year_number(value: str) -> Span:
    return datetime(int(value), 1, 1), datetime(int(value) + 1, 1, 1)  # noqa: DTZ001  (times without a zone)


def _month_of_day(value: str) -> Span:
    return _month(_days(value)[0])


def _year_of_day(value: str) -> Span:
    return _year_number(value[:4])


def _week_of_day(value: str) -> Span:
    return _days(value)[0], _days(value)[0] + 7 * _DAY


def _moment(length: timedelta) -> Callable[[str], Span]:
    def span(value: str) -> Span:
        first = datetime.fromisoformat(value)
        return first, first + length

    return span


def _month(first: datetime) -> Span:
    return first, (first.replace(day=1) + 32 * _DAY).replace(day=1)


_SPANS: Mapping[str, Callable[[str], Span]] = {
    "toDate": _days,
    "toDate32": _days,
    "toYYYYMMDD": _day_number,
    "toYYYYMM": _month_number,
    "toYear": _year_number,
    "toStartOfMonth": _month_of_day,
    "toStartOfYear": _year_of_day,
    "toMonday": _week_of_day,
    "toStartOfWeek": _week_of_day,
    "toStartOfDay": _moment(_DAY),
    "toStartOfHour": _moment(timedelta(hours=1)),
}


def _parts(key: str) -> list[str]:
    """Split a key at the commas outside of brackets."""
    body = key[1:-1] if key.startswith("(") and key.endswith(")") else key
    parts, depth = [""], 0
    for char in body:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _values(value: str) -> list[str]:
    """Read a partition's value as the server shows it."""
    if not (value.startswith("(") and value.endswith(")")):
        return [value]
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return []
    return [str(each) for each in read] if isinstance(read, tuple) else [str(read)]
