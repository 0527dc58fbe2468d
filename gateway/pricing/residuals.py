"""How far estimates were off: what is remembered of one key, newest first in weight, and the rank that covers."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import NormalDist

_KEPT = 32
_DECAY = 0.93
"""What an observation counts of the one after it."""
_WEIGHTS = tuple(_DECAY**age for age in range(_KEPT))


class Residuals:
    """The last logarithmic errors of estimates that share a key: where they lie, and how far apart."""

    __slots__ = ("_values", "center", "seen", "spread")

    def __init__(self) -> None:
        """Begin with none."""
        self._values: deque[float] = deque(maxlen=_KEPT)
        self.center = 0.0
        """Their weighted median."""
        self.spread = 0.0
        """Their weighted root mean square about it."""
        self.seen = 0

    def add(self, value: float) -> None:
        """Take one more; old ones count less and go in the end."""
        self._values.appendleft(value)
        self.seen += 1
        pairs = sorted(zip(self._values, _WEIGHTS, strict=False))
        half, passed = sum(weight for _, weight in pairs) / 2, 0.0
        for found, weight in pairs:
            passed += weight
            if passed >= half:
                self.center = found
                break
        self.spread = math.sqrt(sum(w * (v - self.center) ** 2 for v, w in pairs) / (2 * half))

    @property
    def weight(self) -> float:
        """Return how many observations they are worth."""
        return sum(_WEIGHTS[: len(self._values)])


def at_least(scores: Sequence[float], share: float) -> float:
    """Return the value at or below which at least `share` of the sorted scores lie, and of one more like them.

    The rank is that of conformal prediction, (n + 1) times the share; where there are too few scores to tell, the
    greatest is stretched by a half.
    """
    rank = math.ceil((len(scores) + 1) * share)
    if rank <= len(scores):
        return scores[max(rank, 1) - 1]
    return max(scores[-1] * 1.5, scores[-1])


def normal(share: float) -> float:
    """Return the value below which a share of normally distributed scores lies."""
    return NormalDist().inv_cdf(share)
