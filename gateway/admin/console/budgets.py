"""Pages of budgets: of each what its holders used, hold and have left, and when it begins anew; caps, and overrides."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from starlette.responses import Response

from gateway.admin.api.budgets import (
    LIMIT_ID,
    AccountShown,
    LimitShown,
    list_accounts,
    list_budgets,
    sees,
    visible,
)
from gateway.admin.api.overrides import OverrideShown
from gateway.admin.api.problems import Problem
from gateway.admin.console.visiting import Visit
from gateway.coaching.words import moment

_PAGE = 20
_HOLDERS = 5
"""Accounts that the list shows of each budget; its own page has them all."""


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account, and how it stands."""

    account: AccountShown
    taken: int
    """Of a hundred parts of its limit, used and reserved."""
    standing: str
    """`good`, `wait` beyond the soft limit, `bad` where nothing is left; empty where nothing stops it."""
    resets: str
    """When it begins anew, where the budget's calendar hangs."""


@dataclass(frozen=True, slots=True)
class Card:
    """A budget or a cap with its accounts."""

    limit: LimitShown
    rows: Sequence[AccountRow] = ()
    more: str | None = None


async def listing(visit: Visit) -> Response:
    """Show budgets and caps by id, a page of them, with those holders of each that come first."""
    found = await list_budgets(visit.caller, visit.rooms, visit.position("after"), _PAGE)
    cards = [await _card(visit, each, "", _HOLDERS) for each in found.items]
    return visit.page(
        "budgets.html",
        budgets=[each for each in cards if each.limit.kind == "budget"],
        caps=[each.limit for each in cards if each.limit.kind == "cap"],
        overrides=_live(visit, None),
        next=visit.address(after=found.next),
    )


async def one(visit: Visit) -> Response:
    """Show a budget or a cap with all its holders, a page of them, and the overrides of it that hold."""
    name = visit.request.path_params["id"]
    if not re.fullmatch(LIMIT_ID, name):
        raise Problem(404, "not_found", "There is no budget or cap of that name that you may see.")
    limit = LimitShown.of(visible(visit.caller, visit.rooms, name))
    card = await _card(visit, limit, visit.position("after"), _PAGE)
    return visit.page("budget.html", card=card, overrides=_live(visit, name), next=visit.address(after=card.more))


async def _card(visit: Visit, limit: LimitShown, after: str, count: int) -> Card:
    if limit.kind == "cap":
        return Card(limit)
    found = await list_accounts(limit.id, visit.caller, visit.rooms, after, count)
    return Card(limit, [_row(each, limit) for each in found.items], found.next)


def _live(visit: Visit, budget: str | None) -> list[OverrideShown]:
    """Return the overrides that hold of what the caller may see, or of one budget or cap alone."""
    every = visit.rooms.house.policies.current().budgets.every
    seen = {each.id for each in every if sees(visit.caller, each)} & ({budget} if budget else {e.id for e in every})
    live = visit.rooms.spending.budgets.overrides.live()
    return [OverrideShown.of(each) for each in live if each.limit_id in seen]


def _row(account: AccountShown, limit: LimitShown) -> AccountRow:
    """Return an account as its row shows it."""
    resets = moment(account.resets_at.timestamp(), limit.zone or "UTC")
    if account.limit is None or account.left is None:
        return AccountRow(account, 0, "", resets)
    whole, used, held = (Decimal(each) for each in (account.limit, account.used, account.reserved))
    taken = min(100, int(100 * (used + held) / whole)) if whole else 100
    soft = Decimal(limit.soft) if limit.soft is not None and account.override is None else None
    low = soft is not None and used + held > soft
    return AccountRow(account, taken, "bad" if Decimal(account.left) <= 0 else "wait" if low else "good", resets)
