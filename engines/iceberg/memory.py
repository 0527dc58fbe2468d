"""Keep what is dear to make and never changes, bounded by the memory it takes; who asks at once waits for one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key, the longest unused dropped first, for any number of threads."""

    def __init__(self, most: int, held: Callable[[V], int]) -> None:
        """Keep at most so many bytes, by what `held` says of each value; the newest is kept whatever its size."""
        self._most = most
        self._held = held
        self._kept: OrderedDict[K, Future[V]] = OrderedDict()
        self._sizes: dict[K, int] = {}
        self._lock = threading.Lock()
        self.bytes = 0
        """The memory that is taken."""
        self.made = 0
        """How many values were made so far."""

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return a value, making it the first time; all who ask meanwhile get the same, or the same failure."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            else:
                mine: Future[V] = Future()
                self._kept[key] = mine
        if found is not None:
            return found.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._kept[key]
            mine.set_exception(error)
            raise
        mine.set_result(value)
        self._note(key, self._held(value))
        return value

    def _note(self, key: K, size: int) -> None:
        with self._lock:
            self.made += 1
            self._sizes[key] = size
            self.bytes += size
            while self.bytes > self._most:
                old = next((each for each in self._kept if each in self._sizes and each != key), None)
                if old is None:
                    return
                self.bytes -= self._sizes.pop(old)
                del self._kept[old]
