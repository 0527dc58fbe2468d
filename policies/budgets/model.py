"""What a budget is once it is compiled: whose, how much, over which period; and the accounts that it opens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from policies.bounds import ALWAYS, Bounds, attributes_of
from policies.budgets.periods import Period, period_of
from policies.cost.money import MOST
from policies.decisions import Subject

Unit = Literal["usd", "bytes"]
Mode = Literal["enforce", "observe"]
EVERYONE = "all"
"""What `each` says of a budget that all share; and who holds its account."""
NOBODY = ""
"""Who holds the account of those that name no source, or have no attribute of the kind that accounts are held by."""
UNLIMITED = MOST
"""A limit that stops nothing."""


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom a budget or a cap is about: any of the principals or partners, narrowed by sources and attributes."""

    principals: frozenset[str] = frozenset()
    """As `policies.rules.keys_of` names them."""
    partners: frozenset[str] | Literal["all"] = frozenset()
    sources: tuple[str, ...] = ()
    """What the client may call itself, `superset*` for all that begins so; none: whatever it does."""
    bounds: Bounds = ALWAYS


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be spent over a period: by each holder, or by all together."""

    id: str
    scope: Whose
    each: str
    """`user`, `source`, `partner`, `all`, or the attribute whose values hold an account each."""
    unit: Unit
    period: Period
    zone: str
    hard: int
    """Nanodollars or bytes."""
    soft: int | None = None
    """From here on people are warned."""
    mode: Mode = "enforce"
    owner: str | None = None
    """Who may see and override it besides stewards."""


@dataclass(frozen=True, slots=True)
class Cap:
    """What one statement may take at most; None for what is not limited."""

    id: str
    scope: Whose
    nano: int | None = None
    bytes: int | None = None
    rows: int | None = None
    """Of the widest operator."""
    seconds: float | None = None
    mode: Mode = "enforce"
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One budget for one holder and one period. The id is the same on every replica."""

    id: str
    """`budget/holder/unit/2026-11-26`: each part percent-encoded, the last one names the period."""
    budget: Budget
    holder: str
    period_start: float
    """Unix seconds."""
    period_end: float
    limit: int
    """What holds now, whatever held when the account was opened; `UNLIMITED` where the budget only observes."""
    override: str = ""
    """The id of the override whose account this is; such an account lasts as long as the override."""


def accounts(budgets: Iterable[Budget], subject: Subject, at: float) -> tuple[Account, ...]:
    """Return the accounts that a caller's statement at a moment is paid from: all of them at once."""
    return tuple(account_of(budget, holder, at) for budget in budgets for holder in holders(budget, subject))


def account_of(budget: Budget, holder: str, at: float) -> Account:
    """Return a holder's account of a budget at a moment."""
    label, start, end = period_of(budget.period, budget.zone, at)
    limit = budget.hard if budget.mode == "enforce" else UNLIMITED
    return Account(account_id(budget, holder, label), budget, holder, start, end, limit)


def account_id(budget: Budget, holder: str, label: str) -> str:
    """Return the id of an account: no two budgets, holders, units or periods share one."""
    return "/".join(quote(part, safe="") for part in (budget.id, holder, budget.unit, label))


def holders(budget: Budget, subject: Subject) -> Iterator[str]:
    """Yield who holds the accounts of a budget that a caller spends from; of an ambiguous attribute, each value."""
    if budget.each == EVERYONE:
        yield EVERYONE
    elif budget.each == "source":
        yield subject.source or NOBODY
    elif budget.each in ("user", "partner"):
        yield subject.user
    else:
        yield from sorted(attributes_of(subject).get(budget.each, {NOBODY}))
