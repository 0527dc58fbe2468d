"""Which budgets and caps hold for a caller. A restriction holds in doubt: who lacks the attribute is held as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from policies.bounds import attributes_of
from policies.budgets.model import Budget, Cap, Whose
from policies.clock import Moment
from policies.decisions import Subject

Limit = TypeVar("Limit", Budget, Cap)


@dataclass(frozen=True, slots=True)
class Spender:
    """A caller as budgets see him."""

    subject: Subject
    principals: frozenset[str]
    """Those of all the roles that he holds: who chooses fewer escapes no budget."""
    partner: bool


@dataclass(frozen=True, slots=True)
class Budgets:
    """All budgets and caps of the policies in force."""

    budgets: tuple[Budget, ...] = ()
    caps: tuple[Cap, ...] = ()

    @property
    def every(self) -> tuple[Budget | Cap, ...]:
        """Return all of them."""
        return (*self.budgets, *self.caps)

    def of(self, spender: Spender, moment: Moment) -> tuple[tuple[Budget, ...], tuple[Cap, ...]]:
        """Return what holds for a caller now."""
        return _matching(self.budgets, spender, moment), _matching(self.caps, spender, moment)


NO_BUDGETS = Budgets()


def _matching(limits: Sequence[Limit], spender: Spender, moment: Moment) -> tuple[Limit, ...]:
    return tuple(limit for limit in limits if _held(limit, spender) and in_force(limit.scope, spender, moment))


def _held(limit: Budget | Cap, spender: Spender) -> bool:
    """Tell whether a limit names a caller, whatever the time."""
    scope = limit.scope
    if isinstance(limit, Budget) and limit.each == "partner" and not spender.partner:
        return False
    named = bool(scope.principals & spender.principals)
    named = named or (spender.partner and (scope.partners == "all" or spender.subject.user in scope.partners))
    return named and (not scope.sources or any(_from(source, spender.subject.source) for source in scope.sources))


def in_force(scope: Whose, spender: Spender, moment: Moment) -> bool:
    """Tell whether a limit that names a caller holds for his attributes, at either reading of the clock."""
    return scope.bounds.closes(attributes_of(spender.subject), moment)


def _from(pattern: str, source: str) -> bool:
    return source.startswith(pattern[:-1]) if pattern.endswith("*") else source == pattern
