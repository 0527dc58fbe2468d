"""Which rewritten statements are compared: the first of each view, then a share; bounded, and never in their way."""

from __future__ import annotations

import random
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from catalog.objects import TableName
from gateway.models import Planned
from gateway.received import Received
from gateway.usage_record import UsageRecord

MOST_WAITING = 200
_MOST_UNDER_WAY = 5_000
_MOST_VIEWS = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement that was answered from views, to be compared."""

    received: Received
    planned: Planned

    @property
    def views(self) -> tuple[TableName, ...]:
        """Return the views that it read."""
        return self.planned.rewritten.views if self.planned.rewritten is not None else ()


class Line:
    """Statements under way that were chosen, and those that are over and wait to be compared."""

    def __init__(self, share: float, first: int, chance: Callable[[], float] = random.random) -> None:
        """Choose a share of the statements, and the first so many of each version of a view."""
        self._share = share
        self._first = first
        self._chance = chance
        self._seen: Counter[tuple[TableName, float]] = Counter()
        self._under_way: OrderedDict[str, Asked] = OrderedDict()
        self._over: deque[Asked] = deque()
        self.dropped: Counter[TableName] = Counter()
        """Statements that there was no room for, by view."""

    def chosen(self, received: Received, planned: Planned) -> bool:
        """Take note of a rewritten statement that begins; tell whether it will be compared."""
        rewritten = planned.rewritten
        if rewritten is None:
            return False
        if len(self._seen) > _MOST_VIEWS:
            self._seen.clear()  # each is new again: more is compared for a while, not less
        stamps = [(view, rewritten.built_at) for view in rewritten.views]
        fresh = any(self._seen[stamp] < self._first for stamp in stamps)
        self._seen.update(stamps)
        if not fresh and self._chance() >= self._share:
            return False
        self._under_way[received.query_id] = Asked(received, planned)
        while len(self._under_way) > _MOST_UNDER_WAY:
            self._under_way.popitem(last=False)
        return True

    def ended(self, record: UsageRecord) -> bool:
        """Take note of a statement that is over; tell whether it waits to be compared now."""
        asked = self._under_way.pop(record.query_id, None)
        if asked is None or record.outcome != "FINISHED":
            return False
        if len(self._over) >= MOST_WAITING:
            self.dropped.update(asked.views)
            return False
        self._over.append(asked)
        return True

    def next(self) -> Asked | None:
        """Return the statement that waits longest."""
        return self._over.popleft() if self._over else None
