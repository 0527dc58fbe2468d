"""Compile budgets and caps of all documents; what is wrong with them is noted with its place."""

from __future__ import annotations

from collections.abc import Sequence

from policies.budgets.amounts import nano, size, soft_of
from policies.budgets.entries import BudgetEntry, CapEntry, Spenders
from policies.budgets.matching import Budgets
from policies.budgets.model import Budget, Cap, Whose
from policies.rules import EVERYBODY, keys_of
from policies.sources import Compiling, Source, each
from policies.whom import bounds_of


def compile_budgets(sources: Sequence[Source], work: Compiling) -> Budgets:
    """Return the budgets and caps of all documents; an id stands once, whatever the two are valid for."""
    budgets, caps = [], []
    for _, origin, entry in each(sources, "budgets", lambda d: d.budgets):
        work.known(entry, origin)
        work.identify(entry.id, origin)
        budgets.append(_budget(entry))
    for _, origin, cap in each(sources, "caps", lambda d: d.caps):
        work.known(cap, origin)
        work.identify(cap.id, origin)
        caps.append(_cap(cap))
    return Budgets(tuple(budgets), tuple(caps))


def _budget(entry: BudgetEntry) -> Budget:
    soft = soft_of(entry.soft, entry.unit, entry.hard) if entry.soft is not None else None
    return Budget(
        entry.id,
        _whose(entry),
        entry.each,
        entry.unit,
        entry.period,
        entry.zone,
        entry.hard,
        soft,
        entry.mode,
        entry.owner,
    )


def _cap(entry: CapEntry) -> Cap:
    return Cap(
        entry.id,
        _whose(entry),
        nano(entry.usd) if entry.usd is not None else None,
        size(entry.bytes) if entry.bytes is not None else None,
        entry.rows,
        entry.seconds,
        entry.mode,
        entry.owner,
    )


def _whose(entry: Spenders) -> Whose:
    named = keys_of(entry.roles, entry.users, entry.groups)
    partners = entry.partners if isinstance(entry.partners, str) else frozenset(entry.partners)
    if not named and not partners:
        named = (EVERYBODY,)
    return Whose(frozenset(named), partners, entry.sources, bounds_of(entry, entry.when))
