"""The policies in force: files and stored documents, read as a whole or not at all, and again when either changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Refusal
from gateway.events import PolicyReloaded
from gateway.policy_store.kept import KeptCopy
from gateway.policy_store.store import PolicyStore, PolicyStoreError, Version
from policies.entitlements import NO_PARTNERS, PartnerAccess
from policies.expressions import TypeOf
from policies.faults import PolicyError
from policies.index import PolicySet
from policies.reload import Files, StoredDocument, join_policies, load_policies, read_files
from rewrite_rules.analysis import analyze_expression

__all__ = ["PolicyError", "PolicyFiles", "compile_together", "load_policy_files"]

_WATCH_SECONDS = 0.5
"""A file is read when it stayed the same for so long: half of a file may be good policy that lacks its filters."""
_FOLLOW_SECONDS = 2.0
"""How often the store is asked what is live; who changes it tells the others at once, as far as they are reached."""
_START_SECONDS = 3.0
"""How long a start waits for the store."""

Stamp = tuple[tuple[int, ...], ...]
Live = tuple[Version, ...]


def load_policy_files(paths: Sequence[Path]) -> PolicySet:
    """Return the policies of these files. Raises PolicyError with every fault."""
    return load_policies(paths, parse_expression, type_of=analyze_expression)


def compile_together(files: Files, live: Sequence[Version], type_of: TypeOf = analyze_expression) -> PolicySet:
    """Return the policies of files and stored documents. Raises PolicyError with every fault."""
    stored = [StoredDocument(each.name, each.document) for each in live]
    return join_policies(files, stored, parse_expression, type_of=type_of)


class PolicyFiles:
    """Hold the policies in force; a statement keeps the set it began with."""

    def __init__(
        self,
        paths: Sequence[Path],
        publish: Callable[[PolicyReloaded], None],
        store: PolicyStore | None = None,
        copy: KeptCopy | None = None,
        type_of: TypeOf = analyze_expression,
    ) -> None:
        """Read the files, and what this host last knew of the store. Raises PolicyError: nothing starts without."""
        self.store = store
        self.type_of = type_of
        """Types what policies say of tables."""
        self._paths = tuple(paths)
        self._publish = publish
        self._copy = copy
        self._seen = _stamp(self._paths)
        self._files = read_files(self._paths)
        self._live: Live | None = () if store is None else copy.read() if copy is not None else None
        self._current = compile_together(self._files, self._live or (), type_of)
        self._refused: dict[str, str] | None = None
        """The heads of the store that do not compile with the files: told once, not at every look."""
        self._access = NO_PARTNERS
        self._joined = (self._current, self._access, self._current)
        self.lock = asyncio.Lock()
        """Held by whoever changes what is in force."""
        self._tasks: list[asyncio.Task[None]] = []

    def current(self) -> PolicySet:
        """Return the policies in force now, over what partners were given."""
        alone, access, joined = self._joined
        if alone is not self._current or access is not self._access:
            joined = self._current.with_partners(self._access)
            self._joined = (self._current, self._access, joined)
        return joined

    def share(self, access: PartnerAccess) -> None:
        """Put in force what partners were given."""
        self._access = access

    def governing(self) -> PolicySet:
        """Return the policies to plan by. Raises Refusal while the stored ones were never read: they may hide more."""
        if self._live is None:
            raise Refusal(
                ErrorCode.SERVER_STARTING_UP,
                "The gateway does not know all policies yet: the policy store does not answer.",
                hint="Try again in a few minutes.",
            )
        return self.current()

    @property
    def known(self) -> bool:
        """Tell whether all policies are known."""
        return self._live is not None

    @property
    def files(self) -> Files:
        """Return the files in force."""
        return self._files

    @property
    def live(self) -> Live:
        """Return the stored documents in force."""
        return self._live or ()

    async def reload(self, paths: Sequence[Path] | None = None) -> bool:
        """Read the files, or others instead, off the loop; the last good policies stay in force when one is bad."""
        async with self.lock:
            start = time.monotonic()
            chosen = self._paths if paths is None else tuple(paths)
            seen = await asyncio.to_thread(_stamp, chosen)
            try:
                files = await asyncio.to_thread(read_files, chosen)
                found = await asyncio.to_thread(compile_together, files, self._live or (), self.type_of)
            except Exception as error:  # noqa: BLE001  (whatever a bad file brings about, the last good ones stay)
                self._publish(PolicyReloaded(False, self._current.version, time.monotonic() - start, _faults(error)))
                if chosen == self._paths:
                    self._seen = seen
                return False
            self._paths, self._seen, self._files, self._current = chosen, seen, files, found
            self._refused = None  # with these files it may be another matter
            self._publish(PolicyReloaded(True, found.version, time.monotonic() - start))
            return True

    async def refresh(self) -> None:
        """Take over what is live in the store, if it changed. Raises PolicyStoreError; the last good policies stay."""
        async with self.lock:
            await self.follow_store()

    async def follow_store(self) -> None:
        """Do as `refresh` does, for who holds the lock already."""
        if self.store is None:
            return
        heads = dict(await self.store.heads())
        if heads == self._refused or (self._live is not None and heads == _heads(self._live)):
            return
        live, start = await self.store.live(), time.monotonic()
        try:
            found = await asyncio.to_thread(compile_together, self._files, live, self.type_of)
        except Exception as error:  # noqa: BLE001  (whatever a stored document brings about, the last good ones stay)
            self._refused = _heads(live)
            self._publish(PolicyReloaded(False, self._current.version, time.monotonic() - start, _faults(error)))
            return
        await self.accept(live, found, time.monotonic() - start)

    async def accept(self, live: Live, compiled: PolicySet, seconds: float) -> None:
        """Put stored documents in force, for who holds the lock."""
        changed = self._live is None or compiled.version != self._current.version
        self._live, self._current, self._refused = live, compiled, None
        if self._copy is not None:
            with suppress(OSError):  # a full disk must not keep policies from changing; the next change tries again
                await asyncio.to_thread(self._copy.write, live)
        if changed:
            self._publish(PolicyReloaded(True, compiled.version, seconds))

    async def start(self) -> None:
        """Read the store, waiting for it a moment at most, and begin to watch it and the files."""
        self._publish(PolicyReloaded(True, self._current.version, 0.0))
        if self.store is not None:
            with suppress(PolicyStoreError, TimeoutError):
                async with asyncio.timeout(_START_SECONDS):
                    await self.refresh()
            self._tasks.append(asyncio.create_task(self._follow()))
        self._tasks.append(asyncio.create_task(self._watch()))

    async def close(self) -> None:
        """Stop watching."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.store is not None:
            await self.store.close()

    async def _watch(self) -> None:
        before = self._seen
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            now = await asyncio.to_thread(_stamp, self._paths)
            if now == before and now != self._seen:
                await self.reload()
            before = now

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_SECONDS)
            with suppress(PolicyStoreError):
                await self.refresh()


def _heads(live: Live) -> dict[str, str]:
    return {each.name: each.id for each in live}


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
