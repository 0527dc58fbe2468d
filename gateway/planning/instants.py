"""Instants as people write them in settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_duckdb.moments import instant_micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_of(text: str, time_zone: str) -> datetime:
    """Read a date or a timestamp, with a zone or in the session's, as an instant. Raises Refusal INVALID_LITERAL.

    Both Trino's `2026-11-25 10:00 Europe/Berlin` and ISO 8601's `2026-11-25T09:00:00Z` are understood.
    """
    words = text.strip()
    if words[-1:] in ("Z", "z") and words[-2:-1].isdigit():
        words = f"{words[:-1]} UTC"
    try:
        return _EPOCH + timedelta(microseconds=instant_micros(words, time_zone))
    except OverflowError:
        raise Refusal(ErrorCode.INVALID_LITERAL, f"'{text[:100]}' lies outside the years 1 to 9999") from None
