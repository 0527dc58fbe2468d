"""Literals of dates and times: read, cut to a unit, and moved on by one, as Trino's date_trunc does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_MOMENT = re.compile(r"(DATE|TIMESTAMP) '(\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?)( UTC)?'")
_SPANS = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
UNITS = frozenset({*_SPANS, *_DAYS, *_MONTHS})
"""What times are cut to here."""


def read_moment(literal: str) -> datetime:
    """Read a literal of a date or time, in UTC where it has a zone. Raises ValueError for anything else."""
    match = _MOMENT.fullmatch(literal)
    if match is None:
        raise ValueError(literal)
    return datetime.fromisoformat(match[2])


def written_as(literal: str, moment: datetime) -> str:
    """Write a moment as another literal is written: a date, a timestamp, or one in UTC."""
    if literal.startswith("DATE"):
        return f"DATE '{moment.date()}'"
    zone = " UTC" if literal.endswith(" UTC'") else ""
    return f"TIMESTAMP '{moment.date()} {moment:%H:%M:%S.%f}{zone}'"


def date_of(moment: datetime) -> str:
    """Write the day of a moment."""
    return f"DATE '{moment.date()}'"


def cut(moment: datetime, unit: str) -> datetime:
    """Return when the unit began that a moment lies in; weeks begin on Monday. Raises OverflowError."""
    day = datetime.combine(moment.date(), datetime.min.time())
    if unit in _SPANS:
        return day + (moment - day) // _SPANS[unit] * _SPANS[unit]
    if unit in _DAYS:
        return day - timedelta(days=day.weekday()) if unit == "week" else day
    months = _MONTHS[unit]
    return datetime(day.year, (day.month - 1) // months * months + 1, 1)  # noqa: DTZ001  (arithmetic on local times)


def next_of(begin: datetime, unit: str) -> datetime:
    """Return when the unit after that begins which begins then. Raises OverflowError, ValueError past the year 9999."""
    if unit in _SPANS:
        return begin + _SPANS[unit]
    if unit in _DAYS:
        return begin + timedelta(days=_DAYS[unit])
    months = begin.year * 12 + begin.month - 1 + _MONTHS[unit]
    return datetime(months // 12, months % 12 + 1, 1)  # noqa: DTZ001  (arithmetic on local times)
