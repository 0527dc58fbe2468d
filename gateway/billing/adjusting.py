"""Adjusting entries: what a bill is corrected by once more is known of what its statement read. None is ever edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.billing.price_book import Rate
from gateway.usage_record import Bill
from policies.cost.money import split


@dataclass(frozen=True, slots=True)
class Known:
    """What the books have of a statement: its bill, and what entries have added to it."""

    bill: Bill | None
    tables: tuple[tuple[str, float], ...]
    """Each table, and what was expected to be read of it."""
    entries: int = 0
    nano: int = 0
    bytes: int = 0
    shares: Mapping[str, int] | None = None
    """What entries have added, by table."""
    each: tuple[str, ...] = ()
    """Each entry's name."""

    @property
    def billed(self) -> int:
        """Return what the bill says, in nanodollars."""
        return self.bill.nano if self.bill is not None else 0

    @property
    def read(self) -> int:
        """Return how many bytes it bills."""
        return self.bill.bytes if self.bill is not None else 0


@dataclass(frozen=True, slots=True)
class Correction:
    """What is added to a statement's bill, or taken off where it is below zero. Its shares add up to it."""

    number: int
    nano: int
    bytes: int
    billed: int
    shares: tuple[tuple[str, int], ...]
    reason: str


LATE = "the engine said later what it had read"
ENDED_ELSEWHERE = "another replica ended the statement, and its bill says all"


def correct(known: Known, size: int, rate: Rate | None) -> Correction | None:
    """Return what brings a statement's books to so many bytes at a price; None where they are there already."""
    total = rate.price(size) if rate is not None else 0
    return _towards(known, total, size, _shared(total, known.tables), LATE)


def undo(known: Known) -> Correction | None:
    """Return what takes back all entries of a statement whose bill has come to say all by itself."""
    bill = known.bill or Bill(0, 0, "none")
    return _towards(known, bill.nano, bill.bytes, dict(bill.shares), ENDED_ELSEWHERE)


def _towards(known: Known, total: int, size: int, shares: Mapping[str, int], reason: str) -> Correction | None:
    bill = known.bill or Bill(0, 0, "none")
    nano, read = total - bill.nano - known.nano, size - bill.bytes - known.bytes
    if not nano and not read:
        return None
    there = dict(known.shares or {})
    for name, part in bill.shares:
        there[name] = there.get(name, 0) + part
    moved = {name: shares.get(name, 0) - there.get(name, 0) for name in {**there, **shares}}
    parts = tuple((name, part) for name, part in moved.items() if part)
    return Correction(known.entries + 1, nano, read, known.billed, parts, reason)


def _shared(total: int, tables: Sequence[tuple[str, float]]) -> dict[str, int]:
    if not tables:
        return {"": total}
    return dict(zip((name for name, _ in tables), split(total, [weight for _, weight in tables]), strict=True))
