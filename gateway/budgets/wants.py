"""From an estimate to what a statement wants of its accounts, and from what it holds to what its engine may read."""

from __future__ import annotations

import math
from collections.abc import Iterable

from catalog.statistics import Interval
from gateway.budgets.model import Hold, Want
from policies.budgets.model import Account, Cap
from policies.cost.estimate import Estimate, Widest
from policies.cost.money import MOST, TERABYTE, price_of

HEADROOM = 1.5
"""How much more than its upper bound a statement holds, where there is enough: it cannot spend beyond what it holds."""
SPARE = 500
"""One part in so many of a limit a statement may hold besides, up to all that its tables have: estimates may be wrong,
and money that is there in plenty is no reason to stop what goes beyond them."""
UNPRICED = Estimate(
    "unknown",
    Interval(0, math.inf, math.inf),
    Widest(Interval(0, math.inf, math.inf)),
    Interval(0, math.inf, math.inf),
    Interval(0, math.inf, math.inf),
    (),
    "",
    "",
    "",
    why="statements are not priced here (`pricing.mode: off`)",
)


def wanted(account: Account, estimate: Estimate, nano_per_tb: int) -> Want:
    """Return what a statement wants of an account.

    What may cost anything wants at least the least there is: where nothing is left, only what is free runs. What was
    learnt makes nothing free: of two statements of one shape, `1 = 2` reads nothing and `1 = 1` all. An account that
    only counts keeps what is expected, however large the upper bound: it has no end that could be reached.
    """
    figure = estimate.nano if account.budget.unit == "usd" else estimate.bytes
    low, likely, high = _whole(figure.low, down=True), _whole(figure.likely), _whole(figure.high)
    if likely > 0 or (estimate.raw or estimate.bytes).high > 0:
        low = max(low, 1)
    if account.budget.mode == "observe":
        return Want(account, low, likely, likely if likely < MOST else low)
    spare = min(_all_there_is(account, estimate, nano_per_tb), account.limit // SPARE)
    return Want(account, low, likely, max(low, likely, spare, min(math.ceil(high * HEADROOM), MOST)))


def _all_there_is(account: Account, estimate: Estimate, nano_per_tb: int) -> int:
    """Return what reading a statement's tables whole would take; all there is where their size is not known."""
    sizes = [each.statistics.bytes if each.statistics is not None else None for each in estimate.scans]
    known = [size for size in sizes if size is not None]
    if not sizes or len(known) < len(sizes):
        return MOST
    whole = sum(size * max(each.scan.times, 1) for size, each in zip(known, estimate.scans, strict=True))
    return price_of(min(whole, MOST), nano_per_tb) if account.budget.unit == "usd" else min(whole, MOST)


def tightest_first(wants: Iterable[Want]) -> list[Want]:
    """Return wants in the order of the share that they take of their accounts' limits: the largest first."""
    return sorted(wants, key=lambda want: (-want.likely / max(want.account.limit, 1), want.account.id))


def readable(hold: Hold, nano_per_tb: int, overrun: float) -> int | None:
    """Return how many bytes may be read for what is held of an account; None where nothing limits them."""
    if hold.account.budget.mode == "observe" or hold.account.limit >= MOST:
        return None
    amount = min(hold.amount + math.floor(hold.amount * overrun), MOST)
    return amount if hold.account.budget.unit == "bytes" else bytes_for(amount, nano_per_tb)


def cap_bytes(cap: Cap, nano_per_tb: int) -> int | None:
    """Return how many bytes a statement may read under a cap; None where nothing limits them."""
    if cap.mode == "observe":
        return None
    by_money = None if cap.nano is None else bytes_for(cap.nano, nano_per_tb)
    return least((cap.bytes, by_money))


def bytes_for(nano: int, nano_per_tb: int) -> int | None:
    """Return how many bytes so much money pays for; None where they cost nothing."""
    return nano * TERABYTE // nano_per_tb if nano_per_tb > 0 else None


def shortest(caps: Iterable[Cap]) -> Cap | None:
    """Return the cap that allows the shortest time; None where none limits it."""
    return min((cap for cap in caps if cap.seconds is not None), key=lambda cap: cap.seconds or 0.0, default=None)


def least(limits: Iterable[int | None]) -> int | None:
    """Return the least of some limits; None where nothing is limited."""
    return min((limit for limit in limits if limit is not None), default=None)


def _whole(value: float, *, down: bool = False) -> int:
    """Return a figure as a whole number; what is none counts as nothing below, and as all there is above."""
    if math.isnan(value):
        return 0 if down else MOST
    bounded = min(max(value, 0.0), float(MOST))
    return min(math.floor(bounded) if down else math.ceil(bounded), MOST)
