"""Which account would be short for a statement, by what the store says: a forecast, for only the ledger decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.budgets.balances import Balance
from gateway.budgets.model import Short, Want


def first_short(wants: Iterable[Want], balances: Mapping[str, Balance]) -> Short | None:
    """Return the first account that has less left than a statement takes at least; one not used yet has it all."""
    for want in wants:
        account, balance = want.account, balances.get(want.account.id)
        used, reserved = (balance.spent, balance.reserved) if balance is not None else (0, 0)
        left = max(0, account.limit - used - reserved)
        if account.budget.mode == "enforce" and want.low > left:
            return Short(account, account.limit, used, reserved, left)
    return None
