"""Periods of budgets by local calendars: every moment lies in exactly one, and each ends where the next begins.

A day begins at the first moment of its date and lasts 23 to 25 hours where clocks are changed. Weeks begin on Monday.
Hours are counted from the day's beginning, so that none is cut in two or counted twice by a change of the clocks.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Period = Literal["hour", "day", "week", "month"]
_DAY = timedelta(days=1)
_HOUR = 3600.0


class Span(NamedTuple):
    """A period: what it is called, and its first and last moment (excluded), in Unix seconds."""

    label: str
    """`2026-11-26`, `2026-W48`, `2026-11`; an hour by its beginning in UTC, `2026-11-26T14:00Z`."""
    start: float
    end: float


def period_of(period: Period, zone: str, at: float) -> Span:
    """Return the period that a moment lies in. Raises ValueError or OverflowError for moments out of all calendars."""
    today = _date(zone, at)
    if period == "hour":
        return _hour(zone, today, at)
    if period == "day":
        return _span(today.isoformat(), zone, today, today + _DAY)
    if period == "week":
        monday = today - timedelta(days=today.weekday())
        year, week, _ = monday.isocalendar()
        return _span(f"{year}-W{week:02}", zone, monday, monday + timedelta(days=7))
    first = today.replace(day=1)
    return _span(f"{first:%Y-%m}", zone, first, (first + timedelta(days=31)).replace(day=1))


def _span(label: str, zone: str, first: date, after: date) -> Span:
    return Span(label, _midnight(zone, first), _midnight(zone, after))


def _hour(zone: str, today: date, at: float) -> Span:
    begun, over = _midnight(zone, today), _midnight(zone, today + _DAY)
    start = begun + (at - begun) // _HOUR * _HOUR
    return Span(f"{datetime.fromtimestamp(start, UTC):%Y-%m-%dT%H:%MZ}", start, min(start + _HOUR, over))


def _date(zone: str, at: float) -> date:
    """Return the date that a moment belongs to.

    Where clocks go back over midnight, the old date shows again after the new one has begun; it stays the new one.
    """
    found = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
    while at >= _midnight(zone, found + _DAY):
        found += _DAY
    return found


@lru_cache(maxsize=4096)
def _midnight(zone: str, day: date) -> float:
    """Return the first moment of a date; where clocks jump over midnight, the moment of the jump."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).timestamp()
