"""Choices: everything random is drawn from one list of numbers, so that a find can be drawn again, and made smaller.

Zero is always the simplest choice: no subquery, no filter, the first column. A shorter list with smaller numbers is a
simpler find.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Draw numbers: first those that are given, then at random, or zeros where there is no chance left."""

    def __init__(self, given: Sequence[int] = (), random: Random | None = None) -> None:
        self._given = given
        self._random = random
        self.drawn: list[int] = []

    def below(self, limit: int) -> int:
        """Draw a number from 0 up to but not including `limit`."""
        at = len(self.drawn)
        if at < len(self._given):
            number = min(max(self._given[at], 0), limit - 1)
        else:
            number = self._random.randrange(limit) if self._random is not None else 0
        self.drawn.append(number)
        return number

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of several; the first is the simplest."""
        return options[self.below(len(options))]

    def weighted(self, options: Sequence[tuple[int, T]]) -> T:
        """Draw one of several by their weights; the first is the simplest."""
        number = self.below(sum(weight for weight, _ in options))
        for weight, option in options:
            number -= weight
            if number < 0:
                return option
        raise AssertionError("the weights add up")

    def chance(self, percent: int) -> bool:
        """Draw yes in so many of a hundred cases; no is the simplest."""
        return self.below(100) >= 100 - percent

    def some(self, options: Sequence[T], percent: int = 50) -> list[T]:
        """Draw a part of several, in their order."""
        return [option for option in options if self.chance(percent)]

    def number(self, low: int, high: int) -> int:
        """Draw from a range, both ends included; the low end is the simplest."""
        return low + self.below(high - low + 1)
