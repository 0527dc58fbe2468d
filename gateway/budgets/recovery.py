"""Statements that a worker's death cut off: charged by what their engine says they took, or let go with a note."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from catalog.errors import Refusal
from engines.base import Engine
from engines.estimates import AccountingEngine, Actuals
from gateway.budgets.settling import amount_of, unit_of
from gateway.usage_record import Bill, Charge, UsageRecord
from policies.cost.money import split

_ASKED_SECONDS = 5.0
"""How long an engine is asked what a statement took."""
_AGAIN_SECONDS = 0.5
UNKNOWN = "released: the engine does not know what the statement took"
UNASKED = "released: the engine keeps no account of what it did"
SILENT = "released: the engine did not say what the statement took"
RUNNING = "charged as reserved: the engine had not finished the statement"


class Price(NamedTuple):
    """What so many bytes of a statement cost, and by which entry of the price book."""

    nano: int
    rate: str
    region: str


@dataclass(frozen=True, slots=True)
class CutOff:
    """Judge what statements took that were cut off. One per worker."""

    engines: Mapping[str, Engine]
    price: Callable[[UsageRecord, int], Price]
    seconds: float = _ASKED_SECONDS

    async def judge(self, record: UsageRecord) -> UsageRecord:
        """Return the row of a statement with a bill for what it held. Raises nothing."""
        bill = record.bill
        if bill is None or not bill.charges:
            return record
        engine: object = self.engines.get(record.engine or "")
        if not isinstance(engine, AccountingEngine):
            return _released(record, bill, UNASKED)
        try:
            actuals = await self._ask(engine, record)
        except (Refusal, TimeoutError):
            return _released(record, bill, SILENT)
        if actuals is None:
            return _released(record, bill, UNKNOWN)
        if actuals.final and actuals.scanned_bytes is not None:
            return self._charged(record, bill.charges, actuals.scanned_bytes)
        return self._as_reserved(record, bill.charges, actuals.scanned_bytes or 0)

    async def _ask(self, engine: AccountingEngine, record: UsageRecord) -> Actuals | None:
        """Ask until the engine has the last word, for a bounded time. Raises Refusal, TimeoutError."""
        found: Actuals | None = None
        deadline = asyncio.get_running_loop().time() + self.seconds
        async with asyncio.timeout(2 * self.seconds):
            while True:
                try:
                    found = await engine.actuals(record.query_id, record.engine_query_id)
                except Refusal:
                    if asyncio.get_running_loop().time() >= deadline:
                        raise
                else:
                    if found is None or found.final:
                        return found
                if asyncio.get_running_loop().time() >= deadline:
                    return found
                await asyncio.sleep(_AGAIN_SECONDS)

    def _charged(self, record: UsageRecord, charges: tuple[Charge, ...], size: int) -> UsageRecord:
        price = self.price(record, size)
        bill = _bill(record, price, size, "measured")
        told = tuple(msgspec.structs.replace(each, charged=amount_of(bill, each.account)) for each in charges)
        return msgspec.structs.replace(record, scanned_bytes=size, bill=msgspec.structs.replace(bill, charges=told))

    def _as_reserved(self, record: UsageRecord, charges: tuple[Charge, ...], so_far: int) -> UsageRecord:
        """Charge all that was held: more it cannot take, and what it did not take goes back with its real row."""
        size = max([so_far, *(each.reserved for each in charges if unit_of(each.account) == "bytes")])
        price = self.price(record, size)
        nano = max([price.nano, *(each.reserved for each in charges if unit_of(each.account) != "bytes")])
        bill = _bill(record, price._replace(nano=nano), size, "estimated")
        told = tuple(msgspec.structs.replace(each, charged=each.reserved) for each in charges)
        return msgspec.structs.replace(record, bill=msgspec.structs.replace(bill, charges=told, note=RUNNING))


def _bill(record: UsageRecord, price: Price, size: int, basis: Literal["measured", "estimated"]) -> Bill:
    tables = list(dict.fromkeys(name for name, _, __ in record.tables)) or [""]
    shares = tuple(zip(tables, split(price.nano, [1.0] * len(tables)), strict=True)) if price.nano else ()
    return Bill(price.nano, size, basis, price.rate, price.region, shares=shares)


def _released(record: UsageRecord, bill: Bill, note: str) -> UsageRecord:
    return msgspec.structs.replace(record, bill=msgspec.structs.replace(bill, note=note))
