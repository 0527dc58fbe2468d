"""Ranges that a condition implies: what `year(ts) = 2026` says of `ts` itself, so that files can be left out by it.

Everything here errs to one side: whoever fulfils the condition lies in the range. The range is added to the condition,
never put in its place, so rows that fulfil the one without the other make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlglot import exp

from catalog.objects import TableName
from catalog.types import TrinoType
from gateway.coaching.moments import TEMPORAL, UNITS, Moment, ceiling, floor, later, moment_of, read_moment

_TURNED: Mapping[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}
_FORMATS = {"%Y-%m-%d": "day", "%Y-%m": "month", "%Y": "year"}
_JAVA_FORMATS = {"yyyy-MM-dd": "day", "yyyy-MM": "month", "yyyy": "year"}

_A_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; open at an end that is None. `low` belongs to it, `high` only where it is `closed`."""

    low: datetime | None = None
    high: datetime | None = None
    closed: bool = False

    def widened(self, days: int) -> Span:
        """Return the span with so many days more at both ends."""
        low = later(self.low, "day", -days) if self.low is not None else None
        high = later(self.high, "day", days) if self.high is not None else None
        return replace(self, low=low, high=high)


@dataclass(frozen=True, slots=True)
class Implied:
    """What a condition says of a column."""

    column: exp.Column
    kind: TrinoType
    span: Span


@dataclass(frozen=True, slots=True)
class _Step:
    """A value that a function makes of another: the beginning of the unit that it lies in."""

    inner: exp.Expr
    unit: str
    rounds: bool = False
    """To whole milliseconds, before: what is almost the next unit belongs to it."""


def implied(conditions: Sequence[exp.Expr], time_zone: str, in_utc: frozenset[TableName]) -> Iterator[Implied]:
    """Yield what conditions that all hold say of columns that stand in functions.

    `in_utc` are the tables whose moments with a zone are all in UTC; of others, the zone may differ from value to
    value, and what they say is taken a day wider. So it is where the session's zone decides.
    """
    for condition in conditions:
        for value, span, moments in _compared(condition):
            found = _of_column(value, span)
            if found is not None:
                yield replace(found, span=found.span.widened(_doubt(value, found, moments, time_zone, in_utc)))
    yield from _parts_of_date(conditions, in_utc)


def _doubt(
    value: exp.Expr, found: Implied, moments: Iterable[Moment], time_zone: str, in_utc: frozenset[TableName]
) -> int:
    """Return by how many days zones could move the span."""
    days = 0 if _one_zone(found, in_utc) else 1
    kind = value.meta.get("type")
    zoned = isinstance(kind, TrinoType) and kind.base == "timestamp with time zone"
    if not isinstance(kind, TrinoType) or (time_zone != "UTC" and any(each.zoned != zoned for each in moments)):
        days += 1
    return days


def _one_zone(found: Implied, in_utc: frozenset[TableName]) -> bool:
    resolved = found.column.meta.get("resolved")
    return found.kind.base != "timestamp with time zone" or (resolved is not None and resolved.table in in_utc)


def _compared(condition: exp.Expr) -> Iterator[tuple[exp.Expr, Span, tuple[Moment, ...]]]:
    """Yield the value that a condition holds against moments, the span of these, and the moments themselves."""
    if isinstance(condition, exp.Paren):
        yield from _compared(condition.this)
    elif isinstance(condition, exp.Between):
        if _as_text(condition.this) is not None or condition.args.get("symmetric"):
            return
        low, high = (_moment(condition.this, condition.args[side]) for side in ("low", "high"))
        if low is not None and high is not None:
            yield condition.this, Span(low.at, high.at, closed=True), (low, high)
    elif isinstance(condition, exp.In) and condition.expressions and not condition.args.get("query"):
        listed = [_moment(condition.this, each) for each in condition.expressions]
        moments = tuple(each for each in listed if each is not None)
        if len(moments) == len(listed):
            times = [each.at for each in moments]
            yield condition.this, Span(min(times), max(times), closed=True), moments
    elif type(condition) in _TURNED:
        yield from _by_operator(condition)


def _by_operator(condition: exp.Expr) -> Iterator[tuple[exp.Expr, Span, tuple[Moment, ...]]]:
    value, other, operator = condition.this, condition.expression, type(condition)
    moment = _moment(value, other)
    if moment is None:
        value, other, operator = other, value, _TURNED[operator]
        moment = _moment(value, other)
    if moment is None:
        return
    at = moment.at
    spans: Mapping[type[exp.Expr], Span] = {
        exp.EQ: Span(at, at, closed=True),
        exp.LT: Span(None, at),
        exp.LTE: Span(None, at, closed=True),
        exp.GT: Span(at),
        exp.GTE: Span(at),
    }
    if _as_text(value) is None or operator is exp.EQ:
        yield value, spans[operator], (moment,)


def _moment(value: exp.Expr, written: exp.Expr) -> Moment | None:
    """Return the moment that a value is compared with: of a year's number or a date's text, its beginning."""
    if _year(value) is not None:
        number = written.name if isinstance(written, exp.Literal) and not written.is_string else ""
        return moment_of(f"{number}-01-01") if len(number) == 4 else None
    unit = _as_text(value)
    if unit is None:
        return read_moment(written)
    if not isinstance(written, exp.Literal) or not written.is_string:
        return None
    ends = {"day": "", "month": "-01", "year": "-01-01"}
    found = moment_of(written.name + ends[unit])
    return found if found is not None and len(written.name) == {"day": 10, "month": 7, "year": 4}[unit] else None


def _of_column(value: exp.Expr, span: Span) -> Implied | None:
    """Follow a value inwards, function by function, to the column that it is made of."""
    for _ in range(8):
        step = _step(value)
        if step is None:
            return None
        value, span = step.inner, _before(span, step)
        if isinstance(value, exp.Column):
            kind = value.meta.get("type")
            temporal = isinstance(kind, TrinoType) and kind.base in TEMPORAL
            return Implied(value, kind, span) if temporal and isinstance(kind, TrinoType) else None
    return None


def _before(span: Span, step: _Step) -> Span:
    """Return where a value lies whose unit's beginning lies in the span."""
    low, high, unit = span.low, span.high, step.unit
    if low is not None and step.rounds:
        low -= _A_MILLISECOND
    if high is not None:
        high = later(floor(high, unit), unit) if span.closed else ceiling(high, unit)
    return Span(low, high)


def _step(value: exp.Expr) -> _Step | None:
    if isinstance(value, exp.Paren):
        return _step(value.this)
    inner = _year(value)
    if inner is not None:
        return _Step(inner, "year")
    unit = _as_text(value)
    if unit is not None:
        inner = value.this if isinstance(value, exp.Cast) else value.expressions[0]
        return _Step(inner, unit, rounds=inner.meta["type"].base != "date")
    if type(value) is exp.Cast and value.to.this is exp.DType.DATE:
        return _Step(value.this, "day") if _is_temporal(value.this) else None
    if isinstance(value, exp.Anonymous) and value.name.lower() == "date" and len(value.expressions) == 1:
        return _Step(value.expressions[0], "day") if _is_temporal(value.expressions[0]) else None
    if isinstance(value, exp.Anonymous) and value.name.lower() == "date_trunc" and len(value.expressions) == 2:
        written, inner = value.expressions
        unit = written.name.lower() if isinstance(written, exp.Literal) and written.is_string else ""
        return _Step(inner, unit) if unit in UNITS and _is_temporal(inner) else None
    return None


def _is_temporal(value: exp.Expr) -> bool:
    kind = value.meta.get("type")
    return isinstance(kind, TrinoType) and kind.base in TEMPORAL


def _year(value: exp.Expr) -> exp.Expr | None:
    return _part(value, "year")


def _part(value: exp.Expr, field: str) -> exp.Expr | None:
    """Return what `year(x)` or `EXTRACT(YEAR FROM x)` takes the year of, and so for other fields."""
    if isinstance(value, exp.Extract) and value.this.name.lower() == field:
        return value.expression if _is_temporal(value.expression) else None
    if isinstance(value, exp.Anonymous) and value.name.lower() == field and len(value.expressions) == 1:
        return value.expressions[0] if _is_temporal(value.expressions[0]) else None
    return None


def _as_text(value: exp.Expr) -> str | None:
    """Return the unit that a moment's text is cut to: `CAST(d AS varchar)` of a date, `date_format(ts, '%Y-%m-%d')`."""
    if type(value) is exp.Cast and value.to.this is exp.DType.VARCHAR and not value.to.expressions:
        kind = value.this.meta.get("type")
        return "day" if isinstance(kind, TrinoType) and kind.base == "date" else None
    if not isinstance(value, exp.Anonymous) or len(value.expressions) != 2:
        return None
    formats = {"date_format": _FORMATS, "format_datetime": _JAVA_FORMATS}.get(value.name.lower(), {})
    written = value.expressions[1]
    known = isinstance(written, exp.Literal) and written.is_string and _is_temporal(value.expressions[0])
    return formats.get(written.name) if known else None


def _parts_of_date(conditions: Sequence[exp.Expr], in_utc: frozenset[TableName]) -> Iterator[Implied]:
    """Yield what `year(ts) = 2026 AND month(ts) = 3` says, which is more than the year alone."""
    found: dict[tuple[object, ...], dict[str, int]] = {}
    columns: dict[tuple[object, ...], exp.Column] = {}
    for condition in conditions:
        for field, column, number in _equal_part(condition):
            key = tuple(column.meta["resolved"])
            found.setdefault(key, {})[field] = number
            columns[key] = column
    for key, fields in found.items():
        if not {"year", "month"} <= set(fields):
            continue
        unit = "day" if "day" in fields else "month"
        moment = moment_of(f"{fields['year']:04}-{fields['month']:02}-{fields.get('day', 1):02}")
        if moment is None:
            continue
        column = columns[key]
        made = Implied(column, column.meta["type"], Span(moment.at, later(moment.at, unit)))
        yield made if _one_zone(made, in_utc) else replace(made, span=made.span.widened(1))


def _equal_part(condition: exp.Expr) -> Iterator[tuple[str, exp.Column, int]]:
    if type(condition) is not exp.EQ:
        return
    for value, written in ((condition.this, condition.expression), (condition.expression, condition.this)):
        if not isinstance(written, exp.Literal) or written.is_string or not written.name.isdigit():
            continue
        for field in ("year", "month", "day"):
            inner = _part(value, field)
            if isinstance(inner, exp.Column) and inner.meta.get("resolved") is not None:
                yield field, inner, int(written.name)
