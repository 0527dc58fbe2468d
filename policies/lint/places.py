"""Where values can lie among constants: at each, in each gap between two, below and above all."""

from __future__ import annotations

from decimal import Decimal

from policies.lint.constants import Constant


class Unclear(Exception):  # noqa: N818  (no fault: the condition is left alone)
    """Nothing certain can be said."""


def places(constants: set[Constant], peers: int, *, strings: bool = False) -> list[Constant]:
    """Return values at, between and around constants, `peers` in each gap. Raises Unclear where kinds are mixed."""
    kinds = {type(value) for value in constants} | ({str} if strings else set())
    if len(kinds) > 1:
        raise Unclear
    if kinds == {bool}:
        return [False, True]
    if kinds == {str}:
        return _texts(sorted(str(value) for value in constants), peers)
    return _numbers(sorted(value for value in constants if isinstance(value, Decimal)), peers)


def _texts(known: list[str], peers: int) -> list[Constant]:
    """Return texts at and right behind each of some, and the empty one, which is the least."""
    found: list[Constant] = []
    for start in dict.fromkeys(("", *known)):
        found += [start, *(start + "\0" * depth for depth in range(1, peers + 1))]
    return list(dict.fromkeys(found))


def _numbers(known: list[Decimal], peers: int) -> list[Constant]:
    if not known:
        return [Decimal(depth) for depth in range(peers)]
    found: list[Constant] = [known[0] - depth for depth in range(peers, 0, -1)]
    for number, value in enumerate(known):
        found.append(value)
        after = known[number + 1] if number + 1 < len(known) else value + peers + 1
        found += [value + (after - value) * depth / (peers + 1) for depth in range(1, peers + 1)]
    return found
