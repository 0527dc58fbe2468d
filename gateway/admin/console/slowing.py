"""Slow who fails to log in: a few failures are free, then one in some seconds, counted by address."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_FREE = 10.0
_SECONDS = 6.0
"""After so long one more failure is free."""
_ADDRESSES = 4_096


class Failures:
    """A bucket of free failures for each address; the addresses heard of last are remembered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody."""
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_of(self, address: str) -> int:
        """Return after how many seconds an address may try; 0 for now."""
        left = self._now(address)
        return 0 if left >= 1 else math.ceil((1 - left) * _SECONDS)

    def failed(self, address: str) -> None:
        """Count a failure."""
        left = self._now(address) - 1
        self._left.pop(address, None)
        while len(self._left) >= _ADDRESSES:
            self._left.popitem(last=False)
        self._left[address] = (left, self._clock())

    def _now(self, address: str) -> float:
        left, at = self._left.get(address, (_FREE, self._clock()))
        return min(_FREE, left + (self._clock() - at) / _SECONDS)
