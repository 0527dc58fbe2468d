"""What became of advice: offers that their receiver takes up, and what that saved, by the bills of both.

Only measured bills count: what the original costs is known from its own last measured run. One that never ran saves
nothing that anybody could prove, however well its estimate is calibrated.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.coaching.model import Alternative
from gateway.usage_record import UsageRecord

TAKEN_UP_SECONDS = 3600.0
_MOST = 5000
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Saved:
    """A cheaper statement that was run in the place of another."""

    kind: str
    original: str
    """The fingerprint of what it was run in the place of."""
    nano: int
    """What it cost itself."""
    by_autofix: bool


@dataclass(frozen=True, slots=True)
class _Offer:
    kind: str
    original: str
    at: float


class Offers:
    """Remember offers and measured costs, bounded; one per worker."""

    def __init__(self) -> None:
        """Start with none."""
        self._offers: OrderedDict[tuple[str, str], _Offer] = OrderedDict()
        self._rewritten: OrderedDict[str, _Offer] = OrderedDict()
        self._measured: OrderedDict[str, int] = OrderedDict()

    def offered(self, user: str, original: str, alternatives: Iterable[Alternative], at: float) -> None:
        """Remember what a user was told that he could run in the place of a statement, by its fingerprint."""
        for each in alternatives:
            if each.fingerprint and each.fingerprint != original:
                _put(self._offers, (user, each.fingerprint), _Offer(each.kind, original, at))

    def rewritten(self, query_id: str, original: str, kind: str, at: float) -> None:
        """Remember that a statement runs in a cheaper form, as its session asked for."""
        _put(self._rewritten, query_id, _Offer(kind, original, at))

    def ended(self, record: UsageRecord) -> Saved | None:
        """Take a statement's end; return what it was the cheaper form of, if its bill was measured."""
        rewritten = self._rewritten.pop(record.query_id, None)
        bill = record.bill
        if record.outcome != "FINISHED" or bill is None or bill.basis != "measured":
            return None
        _put(self._measured, record.fingerprint, bill.nano)
        if rewritten is not None:
            return Saved(rewritten.kind, rewritten.original, bill.nano, by_autofix=True)
        offer = self._offers.pop((record.user, record.fingerprint), None)
        if offer is None or record.received_at > offer.at + TAKEN_UP_SECONDS:
            return None
        return Saved(offer.kind, offer.original, bill.nano, by_autofix=False)

    def measured(self, fingerprint: str) -> int | None:
        """Return what a statement of that form cost last on this worker."""
        return self._measured.get(fingerprint)


def _put(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > _MOST:
        kept.popitem(last=False)
