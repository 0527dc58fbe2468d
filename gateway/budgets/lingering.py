"""What statements held that have ended, until their engines' last word: they may have read more than is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.budgets.lending import Lender
from gateway.budgets.model import Reservation, in_unit

LINGERING_SECONDS = 600.0
"""After so long no engine is asked any more what a statement took (see `billing.late.PAUSES`)."""
_MOST = 10_000


class _Kept(NamedTuple):
    reservation: Reservation
    taken: Mapping[str, int]
    """By account: what was charged at its end."""
    until: float


class Lingering:
    """Keep the rest of reservations whose statements have ended. All methods belong to the ledger's event loop."""

    def __init__(self, lender: Lender) -> None:
        """Keep nothing yet."""
        self._lender = lender
        self._kept: dict[str, _Kept] = {}

    def keep(self, reservation: Reservation, taken: Mapping[str, int]) -> None:
        """Keep what a reservation holds still."""
        until = self._lender.monotonic() + LINGERING_SECONDS
        self._kept[reservation.query_id] = _Kept(reservation, taken, until)
        if len(self._kept) > _MOST:
            self._let_go(next(iter(self._kept)))

    def keeps(self, account: str) -> bool:
        """Tell whether anything of an account is kept."""
        return any(
            hold.account.id == account and hold.amount
            for kept in self._kept.values()
            for hold in kept.reservation.holds
        )

    def leases_of(self, query_id: str) -> Mapping[str, str]:
        """Return, by account, the leases that a statement's rest is kept in."""
        kept = self._kept.get(query_id)
        return {hold.account.id: hold.lease.id for hold in kept.reservation.holds} if kept is not None else {}

    def end(self, query_id: str, nano: int, size: int) -> None:
        """Count what a statement took beyond what was charged at its end, and let go of the rest."""
        kept = self._kept.pop(query_id, None)
        for hold in kept.reservation.holds if kept is not None else ():
            self._lender.settle(hold, max(0, in_unit(hold, nano, size) - kept.taken[hold.account.id] if kept else 0))

    def expire(self) -> None:
        """Let go of what was kept for too long."""
        now = self._lender.monotonic()
        for query_id in [query_id for query_id, kept in self._kept.items() if kept.until < now]:
            self._let_go(query_id)

    def _let_go(self, query_id: str) -> None:
        kept = self._kept.pop(query_id)
        for hold in kept.reservation.holds:
            self._lender.settle(hold, 0)
