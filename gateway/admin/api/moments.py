"""Moments in requests: RFC 3339; without a zone they are UTC, and a date alone is its first moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

_FORM = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,12})?)?([Zz]|[+-]\d\d:\d\d)?)?")
_ASKED = "write it as 2027-01-31T18:00:00Z"


def _read(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _FORM.fullmatch(value):
        raise ValueError(f"it is no moment: {_ASKED}")
    try:
        found = datetime.fromisoformat(value.upper())
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"there is no such moment: {_ASKED}") from None
    return found.replace(microsecond=found.microsecond // 1000 * 1000)  # as the store keeps it


Moment = Annotated[
    datetime,
    PlainValidator(_read),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339. Without a zone it is UTC; a date alone is its first moment in UTC.",
        }
    ),
]
"""A moment that a caller names, in UTC."""


def moment_of(seconds: float) -> datetime:
    """Return Unix seconds as JSON shows them."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
