"""What statements cost and may cost, as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from gateway.usage_record import UsageRecord


class BillAdjusted(msgspec.Struct, frozen=True):
    """A statement's bill was corrected by an entry: by so much, and by so much for each table."""

    record: UsageRecord
    nano: int
    bytes: int
    shares: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class BudgetRefused:
    """A statement was refused, or stopped, since a budget or cap has no room for it."""

    limit: str
    """The budget's or cap's id."""
    kind: Literal["budget", "cap"]
    unit: str
    """What ran out: `usd`, `bytes`, `rows` or `seconds`."""
    stopped: bool = False
    """It had begun, and was ended midway."""


@dataclass(frozen=True, slots=True)
class BudgetMeasured:
    """An account in use, as the store had it a moment ago; in dollars or bytes."""

    budget: str
    holder: str
    unit: str
    limit: float
    spent: float
    reserved: float


@dataclass(frozen=True, slots=True)
class LeasesOrphaned:
    """Parts of budgets went back whose workers were not heard of; what their statements took is not known."""

    workers: int
    leases: int


@dataclass(frozen=True, slots=True)
class OverrideUsed:
    """A statement runs that only an override let pass."""

    limit: str
    """The id of the budget or cap that was overridden."""


@dataclass(frozen=True, slots=True)
class EstimateAsked:
    """An engine was asked what a statement would read, in so many seconds."""

    engine: str
    result: Literal["answered", "late", "failed"]
    """`late`: its statement no longer waited for it."""
    seconds: float


@dataclass(frozen=True, slots=True)
class CoachAdvised:
    """A statement went on its way with advice: a hint, or in a cheaper form that its session asks for."""

    way: Literal["hint", "autofix"]
    kind: str
    """What it was about: `partition_filter`, `fewer_columns`, ..."""


@dataclass(frozen=True, slots=True)
class AdviceFollowed:
    """A cheaper form that the coach offered, or put in place by autofix, was run and billed by what it read."""

    kind: str
    by_autofix: bool
    saved_nano: int | None
    """What the original costs, by its own bill or a calibrated estimate, less this bill; None where it is not known."""
