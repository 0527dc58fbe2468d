"""Time as policies see it: a clock that is asked once a decision, and that never takes a step back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple


class Moment(NamedTuple):
    """Two readings in Unix seconds: what the clock shows, and the latest that it ever showed.

    They differ only after somebody set the clock back. What opens data must be in force at both; what closes it, at
    either: so an entitlement that has ended does not come back with the old time.
    """

    now: float
    latest: float


class Clock:
    """Read the time and remember the latest reading; one for the whole process, whatever policies are reloaded."""

    def __init__(self, read: Callable[[], float] = time.time) -> None:
        """Read the time from `read`, in Unix seconds."""
        self._read = read
        self._latest = float("-inf")
        self._lock = threading.Lock()

    def moment(self) -> Moment:
        """Return the present moment."""
        now = self._read()
        with self._lock:
            if now > self._latest:
                self._latest = now
            return Moment(now, self._latest)


PROCESS_CLOCK = Clock()
"""The clock of policies that nobody gave another."""
