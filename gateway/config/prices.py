"""The section that says what reading costs: prices by engine, region and date; see docs/usage.md."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from gateway.config.section import Section

Usd = Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=16, decimal_places=9)]
"""Dollars, to the nanodollar."""


def _moment(value: Any) -> date | datetime:
    """Read a date, which begins at midnight in `prices.zone`, or an instant with its own zone."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no date: {_FORMS}") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"an instant needs its zone: {_FORMS}")
    if not isinstance(value, date):
        raise ValueError(f"it is no date: {_FORMS}")
    return value


_FORMS = "write 2027-01-31, or 2027-01-31T18:00:00Z"
When = Annotated[date | datetime, BeforeValidator(_moment)]


class Price(Section):
    """What a terabyte costs on an engine, in a region, for a time; what is left out holds for all."""

    engine: str | None = Field(default=None, min_length=1)
    region: str | None = Field(default=None, min_length=1, max_length=100)
    begin: When | None = Field(default=None, alias="from")
    until: When | None = None
    """Not itself in the period."""
    usd_per_tb: Usd
    minimum_usd_per_query: Usd = Decimal(0)
    """What a statement that read anything costs at least."""

    def period(self, zone: ZoneInfo) -> tuple[float, float]:
        """Return from when to before when the price holds, in Unix seconds."""
        return _seconds(self.begin, zone, -math.inf), _seconds(self.until, zone, math.inf)

    def __str__(self) -> str:
        """Name what the price is for."""
        return f"{self.engine or 'any engine'}/{self.region or 'any region'}"


class Prices(Section):
    """The price book: the most specific entry wins, an engine before a region."""

    missing: Literal["default", "refuse"] = "default"
    """What becomes of a statement for which no entry holds: the default price, or a refusal."""
    default_usd_per_tb: Usd = Decimal("5.00")
    zone: str = "UTC"
    """In which the dates of entries begin and end."""
    entries: tuple[Price, ...] = Field(default=(), max_length=10_000)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone: write one such as UTC or America/Los_Angeles") from None
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Prices:
        zone, alike = ZoneInfo(self.zone), dict[tuple[str | None, str | None], list[int]]()
        for number, entry in enumerate(self.entries):
            begin, until = entry.period(zone)
            if begin >= until:
                raise ValueError(f"entries[{number}]: it ends before it begins; let `from` come before `until`")
            alike.setdefault((entry.engine, entry.region), []).append(number)
        for numbers in alike.values():
            for one, other in _overlapping(self.entries, numbers, zone):
                raise ValueError(
                    f"entries[{other}]: its time overlaps that of entries[{one}], and both are for "
                    f"{self.entries[one]}; let one end where the other begins"
                )
        return self


def _overlapping(entries: Sequence[Price], numbers: Sequence[int], zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    ordered = sorted(numbers, key=lambda number: entries[number].period(zone))
    for one, other in pairwise(ordered):
        if entries[other].period(zone)[0] < entries[one].period(zone)[1]:
            yield min(one, other), max(one, other)


def _seconds(value: date | datetime | None, zone: ZoneInfo, otherwise: float) -> float:
    """Return the instant; midnight that a clock change leaves out is the first moment of its day."""
    if value is None:
        return otherwise
    if isinstance(value, datetime):
        return value.astimezone(UTC).timestamp()
    return datetime(value.year, value.month, value.day, tzinfo=zone).timestamp()
