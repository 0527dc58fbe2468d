"""`/usage`: what a partner used in a period, and its cost: what the audit's `sharing.access` entries add up to."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Auditor
from gateway.admin.api.moments import Moment, moment_of
from gateway.admin.api.problems import unfit
from gateway.admin.api.registry import PARTNER_NAME, missing, read, settings_of
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.partners.usage import Sum, used
from policies.cost.money import TERABYTE, dollars

router = APIRouter(tags=["partners"])

Usd = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$", description="Exact: parts add up.", examples=["0.0125"])]

_BASIS = "the bills of statements, and the entries that corrected them"


class Amounts(BaseModel):
    """How much."""

    statements: int
    rows: int = Field(description="Rows that went to the partner.")
    bytes: int = Field(description="Bytes that went to the partner.")
    scanned_bytes: int = Field(description="Bytes read for it, as far as engines say.")
    billed_bytes: int = Field(description="Bytes that bills are for.")
    cost_usd: Usd

    @classmethod
    def of(cls, found: Sum) -> Amounts:
        """Return a sum as JSON shows it."""
        return cls(
            statements=found.statements,
            rows=found.rows,
            bytes=found.bytes,
            scanned_bytes=found.scanned_bytes,
            billed_bytes=found.billed_bytes,
            cost_usd=f"{dollars(found.nano):.9f}",
        )


class Day(Amounts):
    """What one day came to."""

    day: str = Field(description="In UTC.", examples=["2027-01-31"])


class Dataset(Amounts):
    """What one table came to. A statement over several counts with each; its sizes are split evenly."""

    dataset_name: str | None = Field(description="null: statements that touched no table.")


class Completeness(BaseModel):
    """Up to when nothing is missing."""

    complete_until: datetime = Field(description="Whatever ended before on the worker that answers is in here.")
    other_workers_lag_seconds: float = Field(
        description="What ended on other workers may be missing for so long, while the store answers them."
    )


class Price(BaseModel):
    """What the cost is worked out from."""

    usd_per_tb: Usd | None = Field(
        description="The partners' own price, or the one price that there is; null: by book."
    )
    terabyte: int
    basis: str


class Usage(Amounts):
    """What a partner used in a period, in all and by its parts."""

    partner_id: str
    begin: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to", description="Not itself in the period.")
    by_dataset: list[Dataset]
    by_day: list[Day]
    by_outcome: dict[str, int] = Field(description="Statements by how they ended.")
    price: Price
    completeness: Completeness


@router.get("/usage", operation_id="get_usage")
@router.get("/usage/", include_in_schema=False)
async def get_usage(
    _: Auditor,
    rooms: WithRooms,
    partner_id: Annotated[str, Query(pattern=PARTNER_NAME, description="Whose.")],
    begin: Annotated[Moment | None, Query(alias="from", description="This month's beginning by default.")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The next month's beginning by default.")] = None,
) -> Usage:
    """Tell what a partner used: statements, rows, bytes and their cost, in all, by dataset and by day."""
    first, last = period(begin, end)
    house = rooms.house
    asked_at = time.time()
    flushed = await house.recorder.flush()
    if await read(house.partners.partner(partner_id)) is None:
        raise missing(f"partner {partner_id}")
    found = await read(used(house.partners, partner_id, first.timestamp(), last.timestamp()))
    usd = _usd_per_tb(rooms)
    return Usage(
        partner_id=partner_id,
        begin=first,
        end=last,
        **Amounts.of(found.total).model_dump(),
        by_dataset=[
            Dataset(dataset_name=name or None, **Amounts.of(each).model_dump())
            for name, each in sorted(found.by_dataset.items())
        ],
        by_day=[Day(day=day, **Amounts.of(each).model_dump()) for day, each in sorted(found.by_day.items())],
        by_outcome=dict(sorted(found.by_outcome.items())),
        price=Price(usd_per_tb=None if usd is None else f"{usd:f}", terabyte=TERABYTE, basis=_BASIS),
        completeness=completeness(rooms, asked_at, flushed=flushed),
    )


def _usd_per_tb(rooms: Rooms) -> Decimal | None:
    own, prices = settings_of(rooms).usd_per_tb, rooms.house.config.prices
    return own if own is not None else None if prices.entries else prices.default_usd_per_tb


def completeness(rooms: Rooms, asked_at: float, *, flushed: bool) -> Completeness:
    """Say up to when usage is whole; `flushed` is whether this worker's rows are all in the store."""
    recorder = rooms.house.recorder
    return Completeness(
        complete_until=moment_of(asked_at if flushed else asked_at - recorder.status().lag_seconds),
        other_workers_lag_seconds=recorder.longest_wait,
    )


def period(begin: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """Return a half-open period: the current month where nothing is named. Raises Problem 422."""
    first = begin or (end or datetime.now(UTC)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = end or _next_month(first if begin is None else max(first, datetime.now(UTC)))
    if first > last:
        raise unfit("to", "the period ends before it begins", "Let `from` come before `to`.")
    return first, last


def _next_month(moment: datetime) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month, 12)
    try:
        return moment.replace(year=year, month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
    except ValueError:  # in December of the last year that there is
        return datetime.max.replace(tzinfo=UTC)
