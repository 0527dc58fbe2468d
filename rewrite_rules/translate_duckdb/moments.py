"""Literals of dates and times, read once while translating."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_duckdb.text import unsupported

_MOMENT = re.compile(
    r"\s*([+-]?\d{4,})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,12}))?)?)?\s*(\S.*)?"
)
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[Tt](\d{2})(?::(\d{2})(?::(\d{2})([.,]\d{1,9})?)?)?([Zz]|[+-]\d{2}:\d{2})?)?"
)
_ISO_LIKE = re.compile(r"[+-]?\d{1,9}(-[\dW-]*)?([Tt][\d:.,]*([Zz]|[+-][\d:]*)?)?")
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  (arithmetic on local times)


def zone_of_text(text: str) -> str | None:
    """Return the zone written behind a timestamp, None if there is none."""
    match = _MOMENT.fullmatch(text)
    return match[8] if match else None


def local_literal(text: str, digits: int) -> str | None:
    """Return a plain local timestamp in DuckDB's form; None for what a cast must look at when the query runs."""
    match = _MOMENT.fullmatch(text)
    if match is None or match[8] or len(match[7] or "") > digits or not 1 <= int(match[1]) <= 9999:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        whole = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    except ValueError:
        return None
    return f"{whole.isoformat(' ')}{f'.{match[7]}' if match[7] else ''}"


def instant_micros(text: str, session_zone: str) -> int:
    """Return the microseconds since 1970 of a timestamp written with a zone, or local to the session's.

    Raises Refusal INVALID_LITERAL for what is no timestamp or falls into the gap of a change of clocks.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise _invalid(text)
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction = (match[7] or "").ljust(6, "0")
    if fraction[6:].strip("0"):
        raise unsupported("a timestamp with more than 6 digits and a time zone")
    try:
        local = datetime(year, month, day, hour, minute, second, int(fraction[:6]))  # noqa: DTZ001  (a wall clock, without a zone on purpose)
    except ValueError as error:
        raise unsupported("a timestamp outside the years 1 to 9999") from error
    return (local - _offset(local, match[8] or session_zone, text) - _EPOCH) // timedelta(microseconds=1)


def iso_instant(text: str, session_zone: str) -> tuple[int, str]:
    """Read the ISO 8601 text of from_iso8601_timestamp: microseconds since 1970, cut to milliseconds, and the zone.

    Raises Refusal INVALID_FUNCTION_ARGUMENT for what is none, NOT_SUPPORTED for its rarer forms.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        if _ISO_LIKE.fullmatch(text):
            raise unsupported("this form of an ISO 8601 timestamp")
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f'Invalid format: "{text}"')
    written = (match[8] or "").upper()
    zone = "UTC" if written == "Z" or written[1:] == "00:00" else written or session_zone
    fraction = (match[7] or "")[1:4].ljust(3, "0")
    clock = ":".join((part or "00") for part in match.groups()[3:6])
    moment = f"{match[1]}-{match[2]}-{match[3]} {clock}.{fraction} {zone}"
    try:
        return instant_micros(moment, session_zone), zone
    except Refusal as refusal:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f'Cannot parse "{text}"') from refusal


def _offset(local: datetime, zone: str, text: str) -> timedelta:
    written = _OFFSET.fullmatch(zone)
    if written:
        size = timedelta(hours=int(written[2]), minutes=int(written[3]))
        return size if written[1] == "+" else -size
    if zone in ("UTC", "Z"):
        return timedelta(0)
    try:
        place = ZoneInfo(zone)
    except (ValueError, OSError, LookupError, ImportError) as error:
        raise _invalid(text) from error
    aware = local.replace(tzinfo=place)
    if aware.astimezone(UTC).astimezone(place).replace(tzinfo=None) != local:
        raise _invalid(text)
    return aware.utcoffset() or timedelta(0)


def _invalid(text: str) -> Refusal:
    return Refusal(ErrorCode.INVALID_LITERAL, f"'{text}' is not a valid TIMESTAMP literal")
