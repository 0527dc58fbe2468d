"""What callers are told of budgets and caps while their statements run: warnings, and how to get more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.budgets.model import Hold, Want
from gateway.coaching.words import amount, brief, moment, seconds
from policies.budgets.judging import Breach
from policies.budgets.model import Account, Budget, Cap


def likely_over(breach: Breach, *, hidden: bool) -> str:
    """Warn of a cap that a statement likely goes beyond; `hidden` keeps its own figure back: `policies.cost.told`."""
    cap = brief(breach.cap.id)
    if breach.unit == "seconds":
        takes, limit = seconds(breach.figure.likely), seconds(breach.limit)
    else:
        takes, limit = amount(breach.figure.likely, breach.unit), amount(breach.limit, breach.unit)
    ends = "" if breach.cap.mode == "observe" else ", where it would be ended" if breach.unit != "rows" else ""
    if hidden:
        return f"This query likely takes more than cap {cap} allows, {limit} a query{ends}."
    return f"This query likely takes {takes}; cap {cap} allows {limit} a query{ends}."


def spending_much(wants: Iterable[Want], holds: Iterable[Hold], *, hidden: bool) -> Iterator[str]:
    """Yield warnings of accounts with likely too little for a statement, or beyond their soft limits."""
    for want, hold in zip(wants, holds, strict=True):
        if hold.account.id != want.account.id:
            continue  # an override's: who has it knows
        budget, used = want.account.budget, _used(hold)
        left = hold.amount if budget.mode == "enforce" else budget.hard - used
        if left < want.likely:
            yield nearly_out(want.account, want.likely, left, hidden=hidden)
        elif budget.soft is not None and used + want.likely > budget.soft:
            yield beyond_soft(want.account, used)


def _used(hold: Hold) -> int:
    """Return what an account had spent when this worker last looked, and what was settled here since."""
    lease = hold.lease
    seen = lease.seen.spent if lease.seen is not None else 0
    return seen + max(0, lease.spent - lease.settled)


def nearly_out(account: Account, likely: int, left: int, *, hidden: bool) -> str:
    """Warn of an account that likely has too little left for a statement; `hidden` keeps its own figure back."""
    unit = account.budget.unit
    until = moment(account.period_end, account.budget.zone)
    has = f"budget {whose(account)} has {amount(max(left, 0), unit)} left"
    takes = "more than is left" if hidden else amount(likely, unit)
    return f"This query likely takes {takes}; {has} until {until}."


def beyond_soft(account: Account, spent: int) -> str:
    """Warn of an account of which more than the soft limit is spent."""
    budget = account.budget
    until = moment(account.period_end, budget.zone)
    return (
        f"Budget {whose(account)} has spent {amount(spent, budget.unit)} of {amount(budget.hard, budget.unit)}; it "
        f"begins anew at {until}."
    )


def whose(account: Account) -> str:
    """Name a budget and who holds the account."""
    return f"{brief(account.budget.id, 30)} ({brief(account.holder or 'who names none', 24)})"


def override_hint(limit: Budget | Cap, holder: str, fingerprint: str) -> str:
    """Say how more is allowed, and by whom."""
    approver = f"{brief(limit.owner)} or a steward" if limit.owner else "a steward"
    target = f"--holder {brief(holder, 60)}" if holder else f"--fingerprint {fingerprint}"
    return (
        f"{approver} may override {brief(limit.id)}, with a reason and an end: "
        f"penstock budget override {brief(limit.id, 60)} {target} --help"
    )
