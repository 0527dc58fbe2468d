"""The error-rate breaker: who makes many statements fail on values of tables under policy is slowed, then refused.

A failure that depends on data (a division, a cast, a subquery of too many rows) tells one bit of it. Policies keep such
bits from being about hidden rows; the breaker keeps somebody from asking a thousand times whether they do. A statement
that was refused before an engine had it (a typo, an unknown column) tells nothing and counts nothing; neither does one
that only read what no filter or mask restricts. Source: policy-semantics section 7.

Workers of one replica share what they counted: each appends to a file of its own for a principal, and reads the others'
a moment later.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path

from catalog.errors import ErrorCode, Refusal
from gateway.config.breaker import Breaker as Settings
from gateway.events import Event, ProbingNoticed
from gateway.received import Principal
from gateway.usage_record import UsageRecord

DATA_DEPENDENT = frozenset(
    {
        "DIVISION_BY_ZERO",
        "INVALID_CAST_ARGUMENT",
        "INVALID_FUNCTION_ARGUMENT",
        "NUMERIC_VALUE_OUT_OF_RANGE",
        "SUBQUERY_MULTIPLE_ROWS",
        "CONSTRAINT_VIOLATION",
        "GENERIC_USER_ERROR",
        "INVALID_ROW_FILTER",
        "JSON_INPUT_CONVERSION_ERROR",
        "JSON_OUTPUT_CONVERSION_ERROR",
        "JSON_VALUE_RESULT_ERROR",
        "PATH_EVALUATION_ERROR",
        "MERGE_TARGET_ROW_MULTIPLE_MATCHES",
        "EXCEEDED_FUNCTION_MEMORY_LIMIT",
    }
)
"""Errors by which a statement ends for one value and not for another."""
_RESTRICTED = ("row_filter", "column_mask")
_MOST_PRINCIPALS = 10_000
_READ_SECONDS = 1.0


class Breaker:
    """Count the failures of principals, and say what becomes of their statements; one per worker."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        publish: Callable[[Event], None],
        *,
        worker: str = "",
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Share counts in `folder` under the name of this worker."""
        self._settings = settings
        self._folder = folder
        self._publish = publish
        self._worker = worker or str(os.getpid())
        self._clock = clock
        self._sleep = sleep
        self._own: OrderedDict[str, deque[float]] = OrderedDict()
        self._others: Mapping[str, tuple[float, ...]] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Future[None] | None = None
        self._noticed: dict[str, str] = {}

    def failed(self, record: UsageRecord) -> None:
        """Count a statement that ended, if it failed on values that policy restricts."""
        if not self._settings.enabled or not is_probe(record):
            return
        key, now = _key(record.user, record.authenticated), self._clock()
        times = self._own.setdefault(key, deque(maxlen=self._settings.refuse_after))
        times.append(now)
        self._own.move_to_end(key)
        if len(self._own) > _MOST_PRINCIPALS:
            self._own.popitem(last=False)
        with contextlib.suppress(OSError):  # the others learn less; this worker counts all the same
            _append(self._folder, f"{key}.{self._worker}", now)

    async def admit(self, principal: Principal) -> None:
        """Let a statement pass, later or not at all. Raises Refusal QUERY_REJECTED."""
        if not self._settings.enabled:
            return
        now = self._clock()
        self._read_others(now)
        if not self._own and not self._others:
            return
        key = _key(principal.user, principal.authenticated)
        times = self._counted(key, now)
        if len(times) < self._settings.slow_after:
            self._noticed.pop(key, None)
            return
        left = max(times) + self._settings.refuse_seconds - now
        if len(times) >= self._settings.refuse_after and left > 0:
            self._notice(key, principal, len(times), "refused")
            raise _refused(left)
        self._notice(key, principal, len(times), "slowed")
        await self._sleep(self._settings.delay_seconds)

    def _counted(self, key: str, now: float) -> list[float]:
        since = now - self._settings.window_seconds
        return [at for at in (*self._own.get(key, ()), *self._others.get(key, ())) if at > since]

    def _notice(self, key: str, principal: Principal, failures: int, verdict: str) -> None:
        """Publish what becomes of a principal's statements, once until it changes."""
        if self._noticed.get(key) == verdict:
            return
        if len(self._noticed) > _MOST_PRINCIPALS:
            self._noticed.clear()
        self._noticed[key] = verdict
        self._publish(ProbingNoticed(principal.user, principal.authenticated, failures, verdict))

    def _read_others(self, now: float) -> None:
        """Begin to read what other workers counted, where that was not done just now."""
        if now - self._read_at < _READ_SECONDS or (self._reading is not None and not self._reading.done()):
            return
        self._read_at = now
        self._reading = asyncio.ensure_future(self._read(now))

    async def _read(self, now: float) -> None:
        kept = max(self._settings.window_seconds, self._settings.refuse_seconds)
        with contextlib.suppress(OSError):
            self._others = await asyncio.to_thread(_others, self._folder, f".{self._worker}", now - kept)


def is_probe(record: UsageRecord) -> bool:
    """Tell whether a statement failed in an engine on values of tables that a filter or mask restricts."""
    return (
        record.outcome == "FAILED"
        and record.engine is not None
        and record.error_code in DATA_DEPENDENT
        and any(reason.startswith(_RESTRICTED) for reason in record.reasons)
    )


def _key(user: str, authenticated: str) -> str:
    """Return the name of a principal's counts: who proved itself and for whom it asks, without saying either."""
    return blake2b(f"{authenticated}\0{user}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _refused(seconds: float) -> Refusal:
    return Refusal(
        ErrorCode.QUERY_REJECTED,
        f"Too many of your statements failed on values of restricted tables. Try again in {int(seconds) + 1} seconds.",
        hint="Let values that do not fit give NULL: TRY, TRY_CAST, NULLIF.",
    )


def _append(folder: Path, name: str, at: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a", encoding="ascii") as file:
        file.write(f"{at:.3f}\n")


def _others(folder: Path, own: str, since: float) -> dict[str, tuple[float, ...]]:
    """Return what other workers counted since a time; files that tell nothing newer are taken away."""
    found: dict[str, tuple[float, ...]] = {}
    if not folder.is_dir():
        return found
    for path in folder.iterdir():
        if path.stat().st_mtime < since:
            path.unlink(missing_ok=True)
        elif path.suffix != own:
            found[path.stem] = (*found.get(path.stem, ()), *_times(path.read_text("ascii").splitlines(), since))
    return found


def _times(lines: Iterable[str], since: float) -> Iterable[float]:
    for line in lines:
        with contextlib.suppress(ValueError):  # a line that is being written
            if (at := float(line)) > since:
                yield at
