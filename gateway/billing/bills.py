"""A statement's bill: what was read for it, at the price of its engine, shared among the tables that it read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from catalog.errors import Refusal
from gateway.billing.price_book import PriceBook, Rate
from gateway.budgets.model import Word
from gateway.models import NotPlanned, Plan, Planned
from gateway.protocols.trino.ports import Ended
from gateway.usage_record import Bill, Charge
from policies.cost.estimate import Estimate
from policies.cost.money import MOST, split
from policies.decisions import Subject

Basis = Literal["measured", "estimated", "result size", "none"]
Charging = Callable[[Ended, int, int, Word], tuple[Charge, ...]]
"""Settle what was reserved for a statement: told the nanodollars and bytes that it came to, and whether that is its
engine's last word, say what budgets bore."""

NOT_MEASURED = "the engine said nothing of what it read"
NO_PRICE = "no price held"
NOT_OVER = "budgets bear all that was held: the engine had not finished the statement when its worker left"


def no_budgets(_: Ended, __: int, ___: int, ____: Word) -> tuple[Charge, ...]:
    """Charge nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class Billing:
    """What bills are made from. Engines named in `free` are the gateway's own, and read nothing that is paid for."""

    book: PriceBook
    region_of: Callable[[str], str]
    """Where an engine stands; empty where that is not known."""
    is_partner: Callable[[Subject], bool]
    charge: Charging = no_budgets
    free: frozenset[str] = frozenset()
    accounting: frozenset[str] = frozenset()
    """Engines that can be asked afterwards."""

    def settle(self, ended: Ended) -> Bill | None:
        """Say what a statement cost and let go of what was reserved for it; None where nothing ran. Raises nothing."""
        if ended.engine is None or ended.engine in self.free or not ended.begun:
            charges = self.charge(ended, 0, 0, "last")
            return Bill(0, 0, "none", charges=charges) if charges else None
        return self._bill(ended, ended.engine)

    def rate(self, engine: str, region: str, received_at: float, *, partner: bool) -> Rate | None:
        """Return the price that held when a statement was received; None where there was none."""
        try:
            return self.book.rate(engine, region, received_at, partner=partner)
        except Refusal:
            return None

    def _bill(self, ended: Ended, engine: str) -> Bill:
        estimate = ended.planned.estimate if ended.planned is not None else None
        size, basis = billed_bytes(ended, estimate)
        region = self.region_of(engine)
        received = ended.received
        rate = self.rate(engine, region, received.received_at, partner=self.is_partner(received.subject))
        nano = rate.price(size) if rate is not None else 0
        word = self._word(ended, basis)
        charges = self.charge(ended, nano, size, word)
        notes = [NOT_MEASURED] if basis in ("estimated", "result size") else []
        notes += [NO_PRICE] if rate is None else []
        notes += [NOT_OVER] if word == "leaving" and charges else []
        return Bill(
            nano=nano,
            bytes=size,
            basis=basis,
            rate=rate.name if rate is not None else "",
            region=region,
            shares=shares(nano, tables_read(_plan_of(ended), estimate)),
            charges=charges,
            note="; ".join(notes),
        )

    def _word(self, ended: Ended, basis: Basis) -> Word:
        """Tell whether an engine will say more of a statement, as `late` asks it."""
        if ended.engine not in self.accounting or (ended.outcome == "FINISHED" and basis == "measured"):
            return "last"
        return "leaving" if ended.outcome == "CUT_OFF" else "open"


def billed_bytes(ended: Ended, estimate: Estimate | None) -> tuple[int, Basis]:
    """Return how many bytes are billed, and what says so: the engine, else the estimate, else the result's size.

    One that was cancelled or failed pays for what had been read; where its engine did not say, late actuals correct it.
    """
    if ended.scanned_bytes is not None:
        return min(max(ended.scanned_bytes, 0), MOST), "measured"
    likely = estimate.bytes.likely if estimate is not None and estimate.kind != "unknown" else math.nan
    if math.isfinite(likely) and likely >= 0:
        return min(math.ceil(likely), MOST), "estimated"
    return (min(ended.bytes, MOST), "result size") if ended.bytes > 0 else (0, "none")


def tables_read(plan: Plan | None, estimate: Estimate | None) -> tuple[tuple[str, float], ...]:
    """Return each table of a statement once, with the bytes that it was expected to read of it.

    Where nothing was estimated, or a table's figure is unknown or endless, all count the same. A replica that ended
    what another one began knows no tables.
    """
    weights: dict[str, float] = {}
    for each in estimate.scans if estimate is not None else ():
        name = str(each.scan.table)
        weights[name] = weights.get(name, 0.0) + each.bytes.likely
    if not weights:
        return tuple(
            (name, 1.0) for name in dict.fromkeys(str(access.name) for access in (plan.tables if plan else ()))
        )
    if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()):
        return tuple((name, 1.0) for name in weights)
    return tuple(weights.items())


def shares(nano: int, tables: Sequence[tuple[str, float]]) -> tuple[tuple[str, int], ...]:
    """Split a sum among tables; the parts add up to it. What read no table is one share without a name."""
    if not tables:
        return (("", nano),) if nano else ()
    if len(tables) == 1:  # as most have
        return ((tables[0][0], nano),)
    return tuple(zip((name for name, _ in tables), split(nano, [weight for _, weight in tables]), strict=True))


def _plan_of(ended: Ended) -> Plan | None:
    planned: Planned | NotPlanned | None = ended.planned
    return planned.plan if isinstance(planned, Planned) else None
