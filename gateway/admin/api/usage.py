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
from gateway.admin.api.rooms import WithRooms
from gateway.partners.usage import TERABYTE, Sum, used

router = APIRouter(tags=["partners"])

Usd = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", description="Exact: parts add up.", examples=["0.0125"])]

_BASIS = "billed_bytes: what engines say they read; where one does not say, the bytes of the result"


class Amounts(BaseModel):
    """How much."""

    statements: int
    rows: int = Field(description="Rows that went to the partner.")
    bytes: int = Field(description="Bytes that went to the partner.")
    scanned_bytes: int = Field(description="Bytes read for it, as far as engines say.")
    billed_bytes: int = Field(description="Scanned bytes; for statements whose engine does not say them, `bytes`.")
    cost_usd: Usd

    @classmethod
    def of(cls, found: Sum, usd_per_tb: Decimal) -> Amounts:
        """Return a sum with its price."""
        return cls(
            statements=found.statements,
            rows=found.rows,
            bytes=found.bytes,
            scanned_bytes=found.scanned_bytes,
            billed_bytes=found.billed_bytes,
            cost_usd=f"{found.cost(usd_per_tb):f}",
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

    usd_per_tb: Usd
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
    first, last = _period(begin, end)
    house = rooms.house
    asked_at = time.time()
    flushed = await house.recorder.flush()
    if await read(house.partners.partner(partner_id)) is None:
        raise missing(f"partner {partner_id}")
    found = await read(used(house.partners, partner_id, first.timestamp(), last.timestamp()))
    usd, recording = settings_of(rooms).usd_per_tb or house.config.prices.default_usd_per_tb, house.recorder.status()
    return Usage(
        partner_id=partner_id,
        begin=first,
        end=last,
        **Amounts.of(found.total, usd).model_dump(),
        by_dataset=[
            Dataset(dataset_name=name or None, **Amounts.of(each, usd).model_dump())
            for name, each in sorted(found.by_dataset.items())
        ],
        by_day=[Day(day=day, **Amounts.of(each, usd).model_dump()) for day, each in sorted(found.by_day.items())],
        by_outcome=dict(sorted(found.by_outcome.items())),
        price=Price(usd_per_tb=f"{usd:f}", terabyte=TERABYTE, basis=_BASIS),
        completeness=Completeness(
            complete_until=moment_of(asked_at if flushed else asked_at - recording.lag_seconds),
            other_workers_lag_seconds=house.recorder.longest_wait,
        ),
    )


def _period(begin: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
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
