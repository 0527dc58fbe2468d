"""Query ids in Trino's form: `yyyyMMdd_HHmmss_nnnnn_xxxxx`, where the last part names the worker."""

from __future__ import annotations

import re
import secrets
import time
from itertools import count

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
QUERY_ID = re.compile(r"[A-Za-z0-9_]{1,80}")


def new_worker_id() -> str:
    """Return a fresh worker id; one for each start of a worker, so that nobody waits for a dead one's pages."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


class QueryIds:
    """Make ids that no other worker makes, and this one not twice within a day."""

    def __init__(self, worker: str) -> None:
        """Count from nothing."""
        self._worker = worker
        self._numbers = count()
        self._second, self._stamp = -1, ""

    def next(self, now: float) -> str:
        """Return the next id; `now` in Unix seconds."""
        if int(now) != self._second:
            self._second, self._stamp = int(now), time.strftime("%Y%m%d_%H%M%S", time.gmtime(now))
        return f"{self._stamp}_{next(self._numbers) % 100_000:05}_{self._worker}"


def worker_of(query_id: str) -> str:
    """Return the worker part of an id of ours."""
    return query_id.rpartition("_")[2]
