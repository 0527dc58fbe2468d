"""Make a find smaller: fewer and lower choices for its statement, then fewer rules in its policy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

from tests.fuzz.policies import Policy

StatementStays = Callable[[list[int]], Awaitable[list[int] | None]]
"""Draw a statement again; return the choices that were really drawn if the find is still there."""
PolicyStays = Callable[[Policy], Awaitable[bool]]
"""Tell whether the find is still there under another policy."""


class Budget:
    """Count how often a find may still be tried; a number, not a time, so that a busy machine shrinks as well."""

    def __init__(self, tries: int) -> None:
        self._left = tries

    def take(self) -> bool:
        """Tell whether there is another try, and take it."""
        self._left -= 1
        return self._left >= 0


async def shrink_statement(found: list[int], stays: StatementStays, budget: Budget) -> list[int]:
    """Return the smallest choices found."""
    best, before = found, None
    while best != before:
        before = best
        for width in (32, 8, 3, 2, 1):
            best = await _pass(best, width, stays, budget)
    return best


async def _pass(best: list[int], width: int, stays: StatementStays, budget: Budget) -> list[int]:
    at = 0
    while at < len(best):
        for candidate in _simpler(best, at, width):
            if not budget.take():
                return best
            drawn = await stays(candidate)
            if drawn is not None and _weight(drawn) < _weight(best):
                best = drawn
                break
        else:
            at += width
    return best


def _simpler(numbers: list[int], at: int, width: int) -> Iterator[list[int]]:
    """Yield lists that are simpler at one place: cut, set to nothing, or lowered."""
    before, here, after = numbers[:at], numbers[at : at + width], numbers[at + width :]
    yield before + after
    if any(here):
        yield before + [0] * len(here) + after
    if width == 1 and here[0] > 1:
        yield [*before, here[0] // 2, *after]
        yield [*before, here[0] - 1, *after]


def _weight(numbers: list[int]) -> tuple[int, int]:
    return len(numbers), sum(numbers)


async def shrink_policy(policy: Policy, stays: PolicyStays, budget: Budget) -> Policy:
    """Return a policy without the rules that the find does not need."""
    best = policy
    for smaller in _without_parts(policy):
        candidate = smaller(best)
        if candidate == best:
            continue
        if not budget.take():
            return best
        if await stays(candidate):
            best = candidate
    return best


def _without_parts(policy: Policy) -> Iterator[Callable[[Policy], Policy]]:
    """Yield ways to leave something out: what belongs to one table, then single rules, then roles."""
    tables = {rule.table for rules in (policy.grants, policy.filters, policy.masks) for rule in rules}
    for table in sorted(tables):
        yield lambda p, t=table: replace(  # type: ignore[misc]  # a lambda bound to this turn
            p,
            filters=[f for f in p.filters if f.table != t],
            masks=[m for m in p.masks if m.table != t],
            protected=[r for r in p.protected if r.table != t],
        )
    for name in ("protected", "masks", "filters", "grants"):
        for rule in getattr(policy, name):
            yield lambda p, n=name, r=rule: replace(p, **{n: [each for each in getattr(p, n) if each is not r]})  # type: ignore[misc]  # a lambda bound to this turn
    yield lambda p: replace(p, chosen="ALL")
    for role in policy.roles:
        yield lambda p, r=role: replace(p, roles=tuple(each for each in p.roles if each != r))  # type: ignore[misc]  # a lambda bound to this turn
