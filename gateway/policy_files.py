"""The policies in force: read as a whole or not at all, read again when a file changes or on SIGHUP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from catalog.dialect.parse import parse_expression
from gateway.events import PolicyReloaded
from policies.faults import PolicyError
from policies.index import PolicySet
from policies.reload import load_policies
from rewrite_rules.analysis import analyze_expression

__all__ = ["PolicyError", "PolicyFiles", "load_policy_files"]

_WATCH_SECONDS = 0.5
"""A file is read when it stayed the same for so long: half of a file may be good policy that lacks its filters."""

Stamp = tuple[tuple[int, ...], ...]


def load_policy_files(paths: Sequence[Path]) -> PolicySet:
    """Return the policies of these files. Raises PolicyError with every fault."""
    return load_policies(paths, parse_expression, type_of=analyze_expression)


class PolicyFiles:
    """Hold the policies in force; a statement keeps the set it began with."""

    def __init__(self, paths: Sequence[Path], publish: Callable[[PolicyReloaded], None]) -> None:
        """Read the files. Raises PolicyError: without policies nothing starts."""
        self._paths = tuple(paths)
        self._publish = publish
        self._seen = _stamp(self._paths)
        self._current = load_policy_files(self._paths)
        self._one_at_a_time = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    def current(self) -> PolicySet:
        """Return the policies in force now."""
        return self._current

    async def reload(self, paths: Sequence[Path] | None = None) -> bool:
        """Read the files, or others instead, off the loop; the last good policies stay in force when one is bad."""
        async with self._one_at_a_time:
            start = time.monotonic()
            chosen = self._paths if paths is None else tuple(paths)
            seen = await asyncio.to_thread(_stamp, chosen)
            try:
                found = await asyncio.to_thread(load_policy_files, chosen)
            except Exception as error:  # noqa: BLE001  (whatever a bad file brings about, the last good ones stay)
                self._publish(PolicyReloaded(False, self._current.version, time.monotonic() - start, _faults(error)))
                if chosen == self._paths:
                    self._seen = seen
                return False
            self._paths, self._seen, self._current = chosen, seen, found
            self._publish(PolicyReloaded(True, found.version, time.monotonic() - start))
            return True

    def start(self) -> None:
        """Begin to watch the files."""
        self._publish(PolicyReloaded(True, self._current.version, 0.0))
        self._watcher = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)

    async def _watch(self) -> None:
        before = self._seen
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = await asyncio.to_thread(_stamp, self._paths)
            if now == before and now != self._seen:
                await self.reload()
            before = now


def _faults(error: Exception) -> str:
    """Say what is wrong with the files; of any other error only its type, for its text may hold more."""
    return "; ".join(map(str, error.faults)) if isinstance(error, PolicyError) else type(error).__name__


def _stamp(paths: Sequence[Path]) -> Stamp:
    """Return what tells changed files: which file it is, its times and size; a missing one stands out."""
    return tuple(_stamp_of(path) for path in paths)


def _stamp_of(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return (0, -1)
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
