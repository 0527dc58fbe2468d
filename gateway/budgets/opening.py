"""Open a worker's ledger over its house, and let the journal know what statements hold of budgets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from catalog.errors import Refusal
from gateway.billing.bills import Billing
from gateway.budgets.ledger import Ledger
from gateway.budgets.lending import LendingSettings
from gateway.budgets.recovery import CutOff, Price
from gateway.budgets.store import LedgerStore, Orphan
from gateway.events import LeasesOrphaned
from gateway.house import House
from gateway.recording.bounded import StoreAway
from gateway.usage_record import UsageRecord


async def open_ledger(house: House, stack: AsyncExitStack) -> Ledger:
    """Return the ledger, which knows of no other worker yet; `stack` closes it."""
    budgets = house.config.budgets

    def orphaned(leases: Sequence[Orphan]) -> None:
        house.bus.publish(LeasesOrphaned(len({each.worker for each in leases}), len(leases)))

    store = LedgerStore(house.config.store.url.get_secret_value())
    stack.push_async_callback(store.close)
    settings = LendingSettings(budgets.orphan_seconds, budgets.store_down)
    ledger = Ledger(store, house.recorder.journal_name, settings, orphaned=orphaned)
    stack.push_async_callback(ledger.close)
    await ledger.start()
    return ledger


def judge_cut_off(house: House, ledger: Ledger, billing: Billing) -> None:
    """Let journals keep what statements hold, and charge those that dead workers left by what engines say of them."""
    house.recorder.judge_by(ledger.holds, CutOff(house.engines, pricing_by(house, billing)).judge)


def pricing_by(house: House, billing: Billing) -> Callable[[UsageRecord, int], Price]:
    """Return what tells the price of a recorded statement."""

    def price(record: UsageRecord, size: int) -> Price:
        engine = record.engine or ""
        region = billing.region_of(engine)
        partner = record.user in house.policies.current().partners
        try:
            rate = billing.book.rate(engine, region, record.received_at, partner=partner)
        except Refusal:
            return Price(0, "", region)
        return Price(rate.price(size), rate.name, region)

    return price


def giving_back(ledger: Ledger) -> Callable[[Sequence[str]], Awaitable[bool]]:
    """Return how this worker answers others that need what it does not use; False where the store did not take it."""

    async def give_back(accounts: Sequence[str]) -> bool:
        try:
            await ledger.give_back(accounts)
        except StoreAway:
            return False
        return True

    return give_back
