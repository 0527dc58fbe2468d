"""The stage `budget`: nothing runs that is over a cap, or that some account has no money for.

A statement whose leases are here is admitted without waiting for anybody.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from catalog.errors import ErrorCode, Refusal
from gateway.audit.entries import Entry
from gateway.billing.price_book import Rate
from gateway.budgets.balances import Balances
from gateway.budgets.bounds import Bounds
from gateway.budgets.foreseeing import first_short
from gateway.budgets.ledger import Ledger
from gateway.budgets.limits import LimitsOf
from gateway.budgets.model import Hold, Reservation, Short, Want
from gateway.budgets.overrides import Override, told
from gateway.budgets.running import Running, Watch, bounds_of, watched
from gateway.budgets.telling import likely_over, override_hint, spending_much
from gateway.budgets.wants import UNPRICED, cap_bytes, least, readable, shortest, tightest_first, wanted
from gateway.coaching.model import NO_ADVICE, Advice, Advise, Room
from gateway.coaching.refusals import over_budget, over_cap, unbounded
from gateway.events import BudgetRefused, Event, OverrideUsed
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Plan, Planned
from gateway.protocols.trino.ports import Ended
from gateway.received import Received
from gateway.usage_record import Bill
from policies.budgets.judging import Breach, breaches
from policies.budgets.model import Account, Budget, Cap
from policies.cost.estimate import Estimate
from policies.index import PolicySet


async def _all_settled() -> bool:
    return False


async def _no_advice(_: Planned, __: Received, ___: Room) -> Advice:
    return NO_ADVICE


@dataclass(frozen=True, slots=True)
class GatePorts:
    """What the gate asks of other rooms."""

    policies: Callable[[], PolicySet]
    ledger: Ledger
    rate_of: Callable[[Plan, Received], Rate]
    """The price of a plan's engine for a caller. Raises Refusal where there is none."""
    overrides: Callable[[], tuple[Override, ...]] = lambda: ()
    balances: Balances | None = None
    advise: Advise = _no_advice
    note: Callable[[Entry], None] = lambda _: None
    publish: Callable[[Event], None] = lambda _: None
    monotonic: Callable[[], float] = time.monotonic
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class _Case:
    """One statement at the gate."""

    planned: Planned
    received: Received
    estimate: Estimate

    @property
    def askers(self) -> frozenset[str]:
        """Return who asks, and for whom."""
        return frozenset({self.received.principal.user, self.received.principal.authenticated})


class Gate:
    """Admit statements, and watch what they read. One per worker."""

    def __init__(self, ports: GatePorts, overrun: float = 0.0) -> None:
        """Let statements go beyond what they hold by the share `overrun`."""
        self._ports = ports
        self._overrun = overrun
        self._limits = LimitsOf(ports.policies)
        self._running: dict[str, Running] = {}
        self._settled: Callable[[], Awaitable[bool]] = _all_settled

    def meet(self, settled: Callable[[], Awaitable[bool]]) -> None:
        """Learn how to wait for statements that have ended and whose engines still count; it tells whether any did."""
        self._settled = settled

    async def admit(self, planned: Planned, received: Received) -> Planned:
        """Let a statement pass that keeps to its caps and has the money. Raises Refusal."""
        plan = planned.plan
        if plan.route == "local" or (plan.explained is not None and planned.estimate is None):
            return planned
        limits = self._limits(received.subject)
        if not limits:
            return planned
        case = _Case(planned, received, planned.estimate or UNPRICED)
        lifted = self._lifted(limits.caps, case)
        if plan.engine == SYSTEM:
            self._time(limits.caps, lifted, received.query_id)
            return planned
        found = breaches(limits.caps, case.estimate)
        await self._hold_to_caps([each for each in found if each.cap.id not in lifted], case)
        wants = self._wants(limits.accounts, case)
        wants, reservation, used = await self._pay(wants, case)
        used += {each.cap.id: lifted[each.cap.id] for each in found if each.cap.id in lifted}.values()
        caps = [cap for cap in limits.caps if cap.id not in lifted and cap.mode == "enforce"]
        self._begin(reservation, caps, used, case)
        hidden, over = case.estimate.rows_hidden, [each for each in found if not each.refuses]
        warnings = (
            *(likely_over(each, hidden=hidden) for each in over if each.cap.id not in lifted),
            *spending_much(wants, self._used(reservation), hidden=hidden),
        )
        return msgspec.structs.replace(planned, warnings=(*planned.warnings, *warnings)) if warnings else planned

    async def foresee(self, planned: Planned, received: Received) -> Refusal | None:
        """Say why a priced statement would be refused if it came now, by what the store says of its accounts.

        Nothing is held for it. Raises StoreAway.
        """
        limits = self._limits(received.subject)
        if not limits or planned.estimate is None:
            return None
        case = _Case(planned, received, planned.estimate)
        lifted = self._lifted(limits.caps, case)
        for breach in breaches(limits.caps, case.estimate):
            if breach.refuses and breach.cap.id not in lifted:
                return await self._over(breach, case)
        wants = self._wants(limits.accounts, case)
        balances = await self._ports.balances.of([each.account.id for each in wants]) if self._ports.balances else {}
        short = first_short(wants, balances)
        if short is None or self._next_override(short.account, set(), case) is not None:
            return None
        return await self._told(short, short.account, case)

    def cap(self, query_id: str) -> int | None:
        """Return how many bytes a statement's engine may read for it; None for as many as it needs."""
        running = self._running.get(query_id)
        return running.most_bytes if running is not None else None

    def watch(self, query_id: str, scanned: int) -> Refusal | None:
        """Say why a statement goes no further, told what was read for it so far."""
        running = self._running.get(query_id)
        if running is None:
            return None
        live = self._ports.overrides() if running.overrides else ()
        stop = watched(running, scanned, Watch(self._ports.ledger, self._overrun, self._ports.monotonic(), live))
        if stop is None:
            return None
        self._ports.publish(stop.event)
        return stop.refusal

    def bounds(self, query_id: str) -> Bounds | None:
        """Return what a statement is held to by whoever serves it should this worker be gone; None for nothing."""
        running = self._running.get(query_id)
        if running is None:
            return None
        return bounds_of(running, self._overrun, self._ports.monotonic(), self._ports.clock())

    def release(self, query_id: str) -> None:
        """Let go of what a statement holds that ended before it was admitted."""
        self._running.pop(query_id, None)
        self._ports.ledger.release(query_id)

    def noted(self, ended: Ended, bill: Bill | None) -> Bill | None:
        """Return a statement's bill with the overrides that it used, and forget the statement."""
        running = self._running.pop(ended.received.query_id, None)
        if running is None or bill is None or not running.overrides:
            return bill
        notes = [bill.note] if bill.note else []
        notes += [f"override {each.id} of {each.limit_id}" for each in running.overrides]
        return msgspec.structs.replace(bill, note="; ".join(notes))

    # --- caps ---------------------------------------------------------------------------------------------------

    def _lifted(self, caps: Sequence[Cap], case: _Case) -> dict[str, Override]:
        """Return the overrides that lift caps for a statement, by the cap."""
        live = self._ports.overrides()
        lifted: dict[str, Override] = {}
        for cap in caps if live else ():
            for each in live:
                if self._serves(each, cap, case.received.principal.user, case):
                    lifted.setdefault(cap.id, each)
        return lifted

    async def _hold_to_caps(self, found: Sequence[Breach], case: _Case) -> None:
        for breach in found:
            if breach.refuses:
                self._ports.publish(BudgetRefused(breach.cap.id, "cap", breach.unit))
                raise await self._over(breach, case)

    async def _over(self, breach: Breach, case: _Case) -> Refusal:
        estimate, cap = case.estimate, breach.cap
        room = Room(
            nano=int(breach.limit) if breach.unit == "usd" else None,
            bytes=int(breach.limit) if breach.unit == "bytes" else None,
        )
        advice = await self._ports.advise(case.planned, case.received, room)
        query_id = case.received.query_id
        hint = override_hint(cap, case.received.principal.user, case.planned.fingerprint)
        if breach.how == "unbounded":
            return unbounded(estimate, advice, query_id=query_id, override=hint)
        return over_cap(cap.id, breach.unit, int(breach.limit), estimate, advice, query_id=query_id, override=hint)

    # --- accounts -----------------------------------------------------------------------------------------------

    def _wants(self, accounts: Sequence[Account], case: _Case) -> list[Want]:
        rate = self._ports.rate_of(case.planned.plan, case.received).nano_per_tb if accounts else 0
        return tightest_first(wanted(account, case.estimate, rate) for account in accounts)

    async def _pay(self, wants: list[Want], case: _Case) -> tuple[list[Want], Reservation | None, list[Override]]:
        """Reserve of the accounts; where nobody knows what is left, without those that only count."""
        try:
            return wants, *await self._reserve(wants, case, wait=True)
        except Refusal as refusal:
            enforced = [want for want in wants if want.account.budget.mode == "enforce"]
            if len(enforced) == len(wants) or refusal.code is not ErrorCode.SERVER_STARTING_UP:
                raise
            return enforced, *await self._reserve(enforced, case)

    async def _reserve(
        self, wants: list[Want], case: _Case, *, wait: bool = False
    ) -> tuple[Reservation | None, list[Override]]:
        """Reserve of all accounts, in place of one that is short of an override's; the first that is short refuses.

        With `wait` nobody is refused for what statements hold that are over and only to be settled.
        """
        if not wants:
            return None, []
        query_id = case.received.query_id
        first: dict[str, Short] = {}
        standing_in: dict[str, Override] = {}
        tried: set[tuple[str, str]] = set()
        asked = list(wants)
        while True:
            found = self._ports.ledger.reserve(query_id, asked) or await self._ports.ledger.reserve_slowly(
                query_id, asked
            )
            if isinstance(found, Reservation):
                return found, list(standing_in.values())
            place = next(n for n, want in enumerate(asked) if want.account.id == found.account.id)
            account = wants[place].account
            short = first.setdefault(account.id, found)
            override = self._next_override(account, tried, case)
            if override is None:
                if wait and await self._settled():
                    return await self._reserve(wants, case)
                raise await self._short(short, account, case)
            tried.add((account.id, override.id))
            standing_in[account.id] = override
            asked[place] = asked[place]._replace(account=override.account(account.budget))

    def _next_override(self, account: Account, tried: set[tuple[str, str]], case: _Case) -> Override | None:
        for each in self._ports.overrides():
            if (account.id, each.id) not in tried and self._serves(each, account.budget, account.holder, case):
                return each
        return None

    def _serves(self, override: Override, limit: Budget | Cap, holder: str, case: _Case) -> bool:
        return override.serves(limit, holder, case.planned.fingerprint, case.askers)

    async def _short(self, short: Short, account: Account, case: _Case) -> Refusal:
        """Return the refusal of a statement that an account has too little for."""
        self._ports.publish(BudgetRefused(account.budget.id, "budget", account.budget.unit))
        return await self._told(short, account, case)

    async def _told(self, short: Short, account: Account, case: _Case) -> Refusal:
        budget = account.budget
        room = Room(nano=short.left) if budget.unit == "usd" else Room(bytes=short.left)
        advice = await self._ports.advise(case.planned, case.received, room)
        hint = override_hint(budget, account.holder, case.planned.fingerprint)
        return over_budget(short, case.estimate, account, advice, query_id=case.received.query_id, override=hint)

    # --- what is known of a statement while it runs -------------------------------------------------------------

    def _time(self, caps: Sequence[Cap], lifted: Mapping[str, Override], query_id: str) -> None:
        """Hold what the gateway answers from its own tables to its time alone: it costs nothing, and may take long."""
        timed = shortest(cap for cap in caps if cap.id not in lifted and cap.mode == "enforce")
        if timed is not None:
            self._running[query_id] = Running(query_id, None, 0, None, None, None, timed, self._ports.monotonic())

    def _begin(
        self, reservation: Reservation | None, caps: Sequence[Cap], used: Sequence[Override], case: _Case
    ) -> None:
        query_id, principal = case.received.query_id, case.received.principal
        rate = self._ports.rate_of(case.planned.plan, case.received).nano_per_tb
        held = least(readable(hold, rate, self._overrun) for hold in (reservation.holds if reservation else ()))
        by_bytes = {limit: cap for cap in caps if (limit := cap_bytes(cap, rate)) is not None}
        fewest = min(by_bytes, default=None)
        capped = by_bytes[fewest] if fewest is not None else None
        self._running[query_id] = Running(
            query_id, reservation, rate, held, capped, fewest, shortest(caps), self._ports.monotonic(), tuple(used)
        )
        for each in used:
            self._ports.note(told("budget.override.used", each, principal.user, query_id=query_id))
            self._ports.publish(OverrideUsed(each.limit_id))

    def _used(self, reservation: Reservation | None) -> Sequence[Hold]:
        """Return what a statement holds; its accounts are in use."""
        holds = reservation.holds if reservation is not None else ()
        if self._ports.balances is not None:
            for hold in holds:
                self._ports.balances.used(hold.account)
        return holds
