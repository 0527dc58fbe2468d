"""Units of time: where each begins, and the next."""

from __future__ import annotations

from datetime import datetime, timedelta

_SHORT = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DAYS = ("day", "week", "month", "quarter", "year")
UNITS = ("second", "minute", "hour", *DAYS)
_MIDNIGHT = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def start_of(moment: datetime, unit: str) -> datetime:
    """Round down to a unit, as date_trunc does."""
    if unit in _SHORT:
        size = _SHORT[unit]
        since = moment - moment.replace(**_MIDNIGHT)  # type: ignore[arg-type]  # the names are arguments of replace
        return moment - since % size
    day = moment.replace(**_MIDNIGHT)  # type: ignore[arg-type]  # as above
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=day.weekday())
    size_in_months = _MONTHS[unit]
    return day.replace(day=1, month=(day.month - 1) // size_in_months * size_in_months + 1)


def following(start: datetime, unit: str) -> datetime | None:
    """Return where the next unit begins; None beyond the calendar."""
    try:
        if unit in _SHORT:
            return start + _SHORT[unit]
        if unit in ("day", "week"):
            return start + timedelta(days=7 if unit == "week" else 1)
        months = start.year * 12 + start.month - 1 + _MONTHS[unit]
        return start.replace(year=months // 12, month=months % 12 + 1)
    except (ValueError, OverflowError):
        return None
