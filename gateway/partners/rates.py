"""How often partners may ask: token buckets by partner and by entitlement, shared fairly over workers and replicas.

A worker takes a few tokens from the shared bucket at a time, so that a statement costs a round trip now and then only;
who asked too often is told how long to wait without any. While the store is away each worker gives its own share.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.partners.buckets import BucketsAway, Lease

_LEASE_SECONDS = 0.5
"""For how long a busy partner's worker has enough with what it takes at a time."""
_MOST_TAKEN = 100
_AWAY_SECONDS = 2.0
"""After how long a store that was away is asked again."""
_LOCAL_SECONDS = 10.0
"""How much of its share a worker gives at once when the store is away."""
_MOST_BUCKETS = 10_000


class SharedBuckets(Protocol):
    """The buckets of all; `gateway.partners.buckets.Buckets` are."""

    async def take(self, bucket: str, per_minute: float, wanted: int) -> Lease:
        """Take tokens. Raises BucketsAway."""
        ...


@dataclass(slots=True)
class _Bucket:
    held: int = 0
    """Tokens taken from the shared bucket and not spent yet."""
    empty_until: float = float("-inf")
    local: float | None = None
    """What is left of this worker's own share, while the store is away."""
    local_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Rates:
    """Count what partners ask; one per worker."""

    def __init__(
        self, shared: SharedBuckets, workers: Callable[[], int], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`workers` tells how many share the buckets, this one included."""
        self._shared = shared
        self._workers = workers
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._away_until = float("-inf")

    async def take(self, bucket: str, per_minute: float) -> float:
        """Return 0 if a statement may begin, else after how many seconds one may."""
        found = self._bucket(bucket)
        at_once = self._at_once(found)
        if at_once is not None:
            return at_once
        async with found.lock:  # a flood asks the store once, not once for each of its statements
            at_once = self._at_once(found)
            return at_once if at_once is not None else await self._lease(bucket, found, per_minute)

    def _bucket(self, name: str) -> _Bucket:
        found = self._buckets.get(name)
        if found is None:
            found = self._buckets[name] = _Bucket()
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(name)
        return found

    def _at_once(self, bucket: _Bucket) -> float | None:
        """Return the answer that needs no asking, if there is one."""
        if bucket.held > 0:
            bucket.held -= 1
            return 0.0
        left = bucket.empty_until - self._monotonic()
        return left if left > 0 else None

    async def _lease(self, name: str, bucket: _Bucket, per_minute: float) -> float:
        if self._monotonic() < self._away_until:
            return self._own_share(bucket, per_minute)
        wanted = max(1, min(_MOST_TAKEN, int(per_minute / 60 * _LEASE_SECONDS)))
        try:
            lease = await self._shared.take(name, per_minute, wanted)
        except BucketsAway:
            self._away_until = self._monotonic() + _AWAY_SECONDS
            return self._own_share(bucket, per_minute)
        bucket.local = None
        if lease.tokens:
            bucket.held = lease.tokens - 1
            return 0.0
        bucket.empty_until = self._monotonic() + lease.wait
        return max(lease.wait, 0.001)

    def _own_share(self, bucket: _Bucket, per_minute: float) -> float:
        """Give from what this worker may give alone."""
        now, per_second = self._monotonic(), per_minute / 60 / max(1, self._workers())
        most = max(1.0, per_second * _LOCAL_SECONDS)
        filled = most if bucket.local is None else min(most, bucket.local + (now - bucket.local_at) * per_second)
        bucket.local, bucket.local_at = filled, now
        if filled >= 1:
            bucket.local = filled - 1
            return 0.0
        return (1 - filled) / per_second
