"""A policy set that keeps what it was asked: where another set would answer all of it alike, it governs alike.

Planning is a function of the statement, the catalog and the answers of policies, so equal answers need no second plan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from policies.decisions import TableDecision
from policies.showing import Shown, shown

if TYPE_CHECKING:
    from policies.index import PolicySet

_UNSEEN = frozenset({"version", "still_holds"})
"""What planning asks for its own memory, and what leaves no trace in a plan."""
Question = tuple[str, tuple[Any, ...], tuple[tuple[str, Any], ...]]


class Observed:
    """Stand in the place of a policy set and note each question with its answer."""

    def __init__(self, policies: PolicySet) -> None:
        """Note nothing yet."""
        self._policies = policies
        self._answers: dict[Question, object] = {}
        self._whole: dict[str, object] = {}

    def __getattr__(self, name: str) -> Any:
        """Return what the policy set has under a name, with an eye on its use."""
        found = getattr(self._policies, name)
        if name in _UNSEEN:
            return found
        if not callable(found):
            self._whole[name] = found
            return found
        return self._noting(name, found)

    def cache_key(self, *_: object) -> object:
        """Return a key that nobody has used: what others remember was not asked here."""
        return object()

    def answered_alike(self, other: PolicySet) -> bool:
        """Tell whether another set answers everything alike that this one was asked."""
        return all(getattr(other, name) == found for name, found in self._whole.items()) and all(
            told(getattr(other, name)(*given, **dict(named))) == answer
            for (name, given, named), answer in self._answers.items()
        )

    def _noting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def asked(*given: Any, **named: Any) -> Any:
            answer = method(*given, **named)
            self._answers[name, given, tuple(sorted(named.items()))] = told(answer)
            return answer

        return asked


def told(answer: object) -> object:
    """Return an answer in the form in which it is compared: of a decision, what it shows and who knows it ages."""
    return (shown_of(answer), answer.holds) if isinstance(answer, TableDecision) else answer


_known: dict[int, tuple[TableDecision, Shown]] = {}
_MOST_KNOWN = 65_536


def shown_of(decision: TableDecision) -> Shown:
    """Return what a decision shows, worked out once for the very same decision."""
    known = _known.get(id(decision))
    if known is not None and known[0] is decision:
        return known[1]
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    made = shown(decision)
    _known[id(decision)] = (decision, made)
    return made
