"""Budgets and caps that hold nobody, that are over, that let nothing run, or whose accounts nobody could hold."""

from __future__ import annotations

from collections.abc import Iterator

from policies.budgets.entries import BudgetEntry, CapEntry
from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.sources import each

_BUILT_IN = {"user", "source", "partner", "all"}


def find(scope: Scope) -> Iterator[Finding]:
    """Yield what is odd about budgets and caps."""
    now = scope.policies.clock.moment().now
    for _, origin, entry in each(scope.policies.sources, "budgets", lambda d: d.budgets):
        yield from _over(entry, origin, now)
        yield from _unknown_holders(entry, origin, scope)
        if entry.hard == 0:
            reason = "its limit is zero: nothing that costs anything runs for whom it names"
            yield Finding(
                "spends-nothing", "note", entry.id, origin, reason, "Deny reading by a grant, if that is meant."
            )
    for _, origin, cap in each(scope.policies.sources, "caps", lambda d: d.caps):
        yield from _over(cap, origin, now)


def _over(entry: BudgetEntry | CapEntry, origin: Origin, now: float) -> Iterator[Finding]:
    if entry.valid_until is not None and entry.valid_until.timestamp() <= now:
        reason = f"it has ended ({entry.valid_until:%Y-%m-%d}): it limits nobody any more"
        yield Finding("unreachable", "warning", entry.id, origin, reason, "Remove it, or move its end.")


def _unknown_holders(entry: BudgetEntry, origin: Origin, scope: Scope) -> Iterator[Finding]:
    """Yield a budget by an attribute that nobody has: all would share one account."""
    if scope.claims is None or entry.each in _BUILT_IN:
        return
    known = {name for person in scope.policies.directory.people.values() for name, _ in person.attributes}
    if entry.each not in known | scope.claims:
        reason = f"nobody has the attribute `{entry.each}`, so that all whom it names share one account"
        fix = "Correct the name, give it under `users:`, or list it in an issuer's `attribute_claims`."
        yield Finding("unknown-attribute", "warning", entry.id, origin, reason, fix)
