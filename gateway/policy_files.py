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

_WATCH_SECONDS = 1.0


def load_policy_files(paths: Sequence[Path]) -> PolicySet:
    """Return the policies of these files. Raises PolicyError with every fault."""
    return load_policies(paths, parse_expression, type_of=analyze_expression)


class PolicyFiles:
    """Hold the policies in force; a statement keeps the set it began with."""

    def __init__(self, paths: Sequence[Path], publish: Callable[[PolicyReloaded], None]) -> None:
        """Read the files. Raises PolicyError: without policies nothing starts."""
        self._paths = tuple(paths)
        self._publish = publish
        self._seen = self._stamp()
        self._current = load_policy_files(self._paths)
        self._watcher: asyncio.Task[None] | None = None

    def current(self) -> PolicySet:
        """Return the policies in force now."""
        return self._current

    async def reload(self) -> bool:
        """Read the files again, off the loop; the last good policies stay in force when a file is bad."""
        start = time.monotonic()
        self._seen = self._stamp()
        try:
            found = await asyncio.to_thread(load_policy_files, self._paths)
        except PolicyError as error:
            text = "; ".join(str(fault) for fault in error.faults)
            self._publish(PolicyReloaded(False, self._current.version, time.monotonic() - start, text))
            return False
        self._current = found
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
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if self._stamp() != self._seen:
                await self.reload()

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        """Return what tells a changed file: its time and size; a missing one stands out."""
        return tuple(_stamp_of(path) for path in self._paths)


def _stamp_of(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, -1)
    return (found.st_mtime_ns, found.st_size)
