"""What became of advice: offers that their receiver takes up, and what that saved, by the bills of both.

Only bills count. What the original costs is known from its own last measured run, else from an estimate that was
calibrated by runs of its like; an original of which neither is known counts as nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.coaching.model import Alternative
from gateway.usage_record import UsageRecord
from policies.cost.estimate import Estimate

TAKEN_UP_SECONDS = 3600.0
_MOST = 5000
K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Original:
    """What a statement would have cost, had it run as it was sent."""

    fingerprint: str
    nano: int | None
    """By a calibrated estimate; None where there is none."""

    @classmethod
    def of(cls, fingerprint: str, estimate: Estimate) -> Original:
        """Take what is known of a statement before it runs."""
        known = estimate.kind in ("calibrated", "exact")
        return cls(fingerprint, int(estimate.nano.likely) if known else None)


@dataclass(frozen=True, slots=True)
class Saved:
    """A cheaper statement that was run in the place of another."""

    kind: str
    original: Original
    nano: int
    """What it cost itself."""
    by_autofix: bool


@dataclass(frozen=True, slots=True)
class _Offer:
    kind: str
    original: Original
    at: float


class Offers:
    """Remember offers and measured costs, bounded; one per worker."""

    def __init__(self) -> None:
        """Start with none."""
        self._offers: OrderedDict[tuple[str, str], _Offer] = OrderedDict()
        self._rewritten: OrderedDict[str, _Offer] = OrderedDict()
        self._measured: OrderedDict[str, int] = OrderedDict()

    def offered(self, user: str, original: Original, alternatives: Iterable[Alternative], at: float) -> None:
        """Remember what a user was told that he could run."""
        for each in alternatives:
            if each.fingerprint and each.fingerprint != original.fingerprint:
                _put(self._offers, (user, each.fingerprint), _Offer(each.kind, original, at))

    def rewritten(self, query_id: str, original: Original, kind: str, at: float) -> None:
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
