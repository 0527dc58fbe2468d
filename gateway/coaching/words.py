"""Figures as people read them: dollars, bytes, rows, moments. Rounded up where less would be a promise."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from catalog.statistics import Interval
from policies.cost.money import CENT, NANO

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_LONG = 40


def usd(nano: float) -> str:
    """Write money: whole cents from one cent on, two significant digits below."""
    if not math.isfinite(nano):
        return "an unknown amount"
    if nano == 0:
        return "USD 0"
    sign, size = ("-" if nano < 0 else ""), abs(nano)
    if size >= CENT:
        return f"USD {sign}{size / NANO:,.2f}"
    digits = 1 - math.floor(math.log10(size / NANO))
    return f"USD {sign}{size / NANO:.{digits}f}"


def size(count: float) -> str:
    """Write a number of bytes in decimal units with three significant digits at most."""
    if not math.isfinite(count):
        return "an unknown number of bytes"
    value, unit = float(count), 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 or abs(value) >= 100 else f"{value:.3g} {_UNITS[unit]}"


def count(rows: float) -> str:
    """Write a number of rows with two significant digits above a hundred."""
    if not math.isfinite(rows):
        return "without bound"
    if rows < 100:
        return f"{rows:.0f}"
    digits = 1 - math.floor(math.log10(rows))
    return f"{int(round(rows, digits)):,}"


def seconds(span: float) -> str:
    """Write a time span."""
    if not math.isfinite(span):
        return "an unknown time"
    return f"{span:.2g} s" if span < 100 else f"{span / 60:.0f} min"


def amount(value: float, unit: str) -> str:
    """Write an amount of a budget or cap, which counts nanodollars (`usd`), `bytes` or `rows`."""
    match unit:
        case "usd":
            return usd(value)
        case "bytes":
            return size(value)
    return f"{count(value)} {unit}"


def between(figure: Interval, unit: str) -> str:
    """Write an interval: the likely figure, then its ends."""
    if figure.exact:
        return amount(figure.likely, unit)
    high = amount(figure.high, unit) if math.isfinite(figure.high) else "no upper bound"
    return f"{amount(figure.likely, unit)} ({amount(figure.low, unit)} to {high})"


def moment(at: float, zone: str) -> str:
    """Write a moment in a zone and in UTC; in UTC alone where the zone is that, or not known here."""
    if not math.isfinite(at):
        return "never"
    plain = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
    try:
        there = datetime.fromtimestamp(at, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return plain
    return plain if zone in ("UTC", "Etc/UTC", "Z") else f"{there:%Y-%m-%d %H:%M} {zone} ({plain})"


def brief(text: str, longest: int = _LONG) -> str:
    """Return a text on one line, cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3] + "..."
