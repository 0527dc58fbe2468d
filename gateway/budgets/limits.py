"""What limits a caller now: his accounts and caps, found once for a while and not for every statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policies.budgets.model import Account, Cap, accounts
from policies.decisions import Subject
from policies.index import PolicySet

_MOST = 10_000
"""Callers kept at once; then all are forgotten and found again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The accounts that a caller's statements are paid from, and the caps that each is held to."""

    accounts: tuple[Account, ...] = ()
    caps: tuple[Cap, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything limits him."""
        return bool(self.accounts or self.caps)


@dataclass(frozen=True, slots=True)
class _Kept:
    limits: Limits
    policies: PolicySet
    since: float
    until: float


class LimitsOf:
    """Find what limits callers under the policies in force. What was found holds until policies or periods turn."""

    def __init__(self, policies: Callable[[], PolicySet]) -> None:
        """Ask `policies` for those in force."""
        self._policies = policies
        self._kept: dict[Subject, _Kept] = {}

    def __call__(self, subject: Subject) -> Limits:
        """Return what limits a caller now."""
        policies = self._policies()
        kept, now = self._kept.get(subject), policies.clock.moment().now
        if kept is None or kept.policies is not policies or not kept.since <= now < kept.until:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            kept = self._kept[subject] = _found(policies, subject, now)
        return kept.limits


def _found(policies: PolicySet, subject: Subject, now: float) -> _Kept:
    budgets, caps = policies.limits_for(subject)
    limits = Limits(accounts(budgets, subject, now), caps)
    turns = [*_turns(policies), *(edge for each in limits.accounts for edge in (each.period_start, each.period_end))]
    since = max((turn for turn in turns if turn <= now), default=float("-inf"))
    until = min((turn for turn in turns if turn > now), default=float("inf"))
    return _Kept(limits, policies, since, until)


def _turns(policies: PolicySet) -> Iterable[float]:
    """Yield when any budget or cap begins or ends to hold."""
    known = policies.budgets
    for scope in (*(each.scope for each in known.budgets), *(each.scope for each in known.caps)):
        yield scope.bounds.start
        yield scope.bounds.end
