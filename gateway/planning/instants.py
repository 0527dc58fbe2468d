"""Instants as people write them in settings, and what statements name that read tables as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from engines.history import Asked
from rewrite_rules.translate_duckdb.moments import instant_micros, zone_of_text
from rewrite_rules.translate_duckdb.relations import LARGEST_INTEGER

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


def asked_of(version: exp.Expr, time_zone: str, now: float) -> Asked | None:
    """Read what `FOR ... AS OF` says; None for what its engine may read otherwise, or refuses."""
    kind, value = str(version.this or "").upper(), version.args.get("expression")
    if str(version.args.get("kind") or "").upper() != "AS OF":
        return None
    if kind == "VERSION" and isinstance(value, exp.Literal):
        if value.is_string:
            return Asked(value.name)
        return Asked(int(value.name)) if value.name.isdigit() and int(value.name) > LARGEST_INTEGER else None
    if kind != "TIMESTAMP" or not isinstance(value, exp.Cast) or not isinstance(value.this, exp.Literal):
        return None
    micros = _micros(value, time_zone)
    future = micros is not None and micros > now * 1_000_000
    return None if micros is None or micros % 1000 or future else Asked(None, micros // 1000)


def _micros(literal: exp.Cast, time_zone: str) -> int | None:
    """Return the instant that a literal names exactly; None where reading it would round it."""
    text, kind = literal.this.name, literal.args["to"]
    digits = int(kind.expressions[0].name) if kind.expressions else 0
    zoned = kind.this == exp.DataType.Type.TIMESTAMPTZ
    if kind.this not in (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ):
        return None
    try:
        micros = instant_micros(text, time_zone)
    except (Refusal, OverflowError):
        return None
    exact = micros % 10 ** max(0, 6 - digits) == 0 and (zoned or zone_of_text(text) is None)
    return micros if exact else None
