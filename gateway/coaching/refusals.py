"""Refusals for price: the number and the fix in the first 200 characters, then all that is known, a line each.

They are QUERY_REJECTED, a user error, which no client sends again. BI tools show about 200 characters of a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from catalog.errors import ErrorCode, Refusal
from catalog.statistics import Interval
from gateway.coaching.model import NO_ADVICE, Advice
from gateway.coaching.telling import advice_lines, price_lines, shortest_fix
from gateway.coaching.words import amount, between, brief, count, moment
from policies.cost.estimate import Estimate
from policies.cost.told import told

SHOWN = 200
"""Characters of a message that BI tools show."""


class BudgetLike(Protocol):
    """What is told of a budget; `policies.budgets.model.Budget` is one."""

    @property
    def id(self) -> str:
        """Return its name."""
        ...

    @property
    def unit(self) -> str:
        """Return what it counts: `usd` (nanodollars) or `bytes`."""
        ...

    @property
    def period(self) -> str:
        """Return for how long it is given."""
        ...

    @property
    def zone(self) -> str:
        """Return whose clock begins its periods."""
        ...


class AccountLike(Protocol):
    """One budget for one holder and one period; `policies.budgets.model.Account` is one."""

    @property
    def budget(self) -> BudgetLike:
        """Return the budget."""
        ...

    @property
    def holder(self) -> str:
        """Return whose it is."""
        ...

    @property
    def period_end(self) -> float:
        """Return when it begins anew, in Unix seconds."""
        ...


class ShortLike(Protocol):
    """What an account lacks for a statement; `gateway.budgets.ledger.Short` is one."""

    @property
    def limit(self) -> int:
        """Return what the account may spend in all."""
        ...

    @property
    def used(self) -> int:
        """Return what was spent."""
        ...

    @property
    def reserved(self) -> int:
        """Return what running statements hold."""
        ...

    @property
    def left(self) -> int:
        """Return what is left."""
        ...


def over_budget(
    short: ShortLike,
    estimate: Estimate,
    account: AccountLike,
    advice: Advice = NO_ADVICE,
    *,
    query_id: str = "",
    override: str = "",
) -> Refusal:
    """Refuse what would cost more than a budget has left, at the very least. `override` says how to get more."""
    estimate = told(estimate)
    budget = account.budget
    unit = budget.unit
    needs = estimate.nano if unit == "usd" else estimate.bytes
    holder = account.holder or "who names none"
    whose = f"{brief(budget.id, 30)} ({brief(holder, 24)})"
    head = f"This query {_takes(needs, unit, short.left)}; budget {whose} has {amount(short.left, unit)} left"
    state = (
        f"Budget {budget.id} of {holder} for the {budget.period}: limit {amount(short.limit, unit)}, "
        f"used {amount(short.used, unit)}, reserved by running queries {amount(short.reserved, unit)}, "
        f"left {amount(short.left, unit)}; it begins anew at {moment(account.period_end, budget.zone)}."
    )
    return _refusal(head, estimate, advice, (state,), query_id, override)


def over_cap(
    cap: str,
    unit: str,
    limit: int,
    estimate: Estimate,
    advice: Advice = NO_ADVICE,
    *,
    query_id: str = "",
    override: str = "",
) -> Refusal:
    """Refuse what is above a limit for single queries. `unit` is `usd` (nanodollars), `bytes` or `rows`."""
    estimate = told(estimate)
    needs = {"usd": estimate.nano, "bytes": estimate.bytes}.get(unit, estimate.widest.rows)
    head = f"This query {_takes(needs, unit, limit)}; cap {brief(cap)} allows {amount(limit, unit)} a query"
    state = f"Cap {cap}: at most {amount(limit, unit)} for one query; this one: {between(needs, unit)}."
    return _refusal(head, estimate, advice, (state,), query_id, override)


def unbounded(estimate: Estimate, advice: Advice = NO_ADVICE, *, query_id: str = "", override: str = "") -> Refusal:
    """Refuse what may make rows without bound, however little it reads."""
    estimate = told(estimate)
    widest = estimate.widest
    by = f" in {brief(widest.operator, 50)}" if widest.operator else ""
    head = f"This query may make rows without bound{by} (likely {count(widest.rows.likely)})"
    return _refusal(head, estimate, advice, (), query_id, override, fix=widest.fix or "join on a condition")


def not_estimable(estimate: Estimate, advice: Advice = NO_ADVICE, *, query_id: str = "", override: str = "") -> Refusal:
    """Refuse what nothing is known of, where the rule is that nothing runs without a price."""
    estimate = told(estimate)
    why = f": {brief(estimate.why, 70)}" if estimate.why else ""
    head = f"The price of this query is not known{why}"
    fix = "collect statistics (ANALYZE) or read a table that has them"
    return _refusal(head, estimate, advice, (), query_id, override, fix=fix)


def _takes(needs: Interval, unit: str, limit: float) -> str:
    """Say by which of its figures a query is beyond a limit."""
    if needs.low == 0 and needs.likely == needs.high:
        return f"may take up to {amount(needs.high, unit)}"
    return (
        f"takes at least {amount(needs.low, unit)}"
        if needs.low > limit
        else f"likely takes {amount(needs.likely, unit)}"
    )


def _refusal(
    head: str,
    estimate: Estimate,
    advice: Advice,
    state: Iterable[str],
    query_id: str,
    override: str,
    fix: str = "",
) -> Refusal:
    first = f"{head}. Fix: {fix or shortest_fix(estimate, advice)}."
    lines = (brief(first, SHOWN), *_rest(estimate, advice, state, query_id, override))
    return Refusal(ErrorCode.QUERY_REJECTED, "\n".join(lines))


def _rest(estimate: Estimate, advice: Advice, state: Iterable[str], query_id: str, override: str) -> Iterator[str]:
    yield from price_lines(estimate)
    yield from state
    yield from advice_lines(estimate, advice)
    yield f"More: {override}" if override else "More: ask who keeps the budgets for an override with a reason."
    if query_id:
        yield f"Request: {query_id}"
