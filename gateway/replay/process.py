"""The gateway's end of a comparing process: start it, hand it work, answer what it asks, end it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from typing import TypeVar

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from gateway.planning.context import EngineKinds
from gateway.replay.messages import Asked, Catalogs, Failed, Progress, Rules, TableAsked, Written, packed, receive
from gateway.replay.snapshot import known_parts
from policies.index import PolicySet

T = TypeVar("T")
_NOT_INHERITED = ("PROMETHEUS_MULTIPROC_DIR", "PENSTOCK_WORKER", "PENSTOCK_LIFELINE")


class ComparisonFailed(Exception):  # noqa: N818  (an answer to a caller, not a crash)
    """The comparing process ended, or could not do its work; the text names the kind of the error only."""


class ComparingProcess:
    """One process that plans statements again. Not for two callers at once."""

    def __init__(self, catalog: CatalogCache, kinds: EngineKinds, limits: Limits) -> None:
        """Start nothing yet."""
        self._catalog = catalog
        self._kinds = kinds
        self._limits = limits
        self._process: Process | None = None
        self._sent_generation: int | None = None

    async def start(self) -> None:
        """Start the process. Raises OSError."""
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway.replay.child", stdin=PIPE, stdout=PIPE, env=environment, limit=1 << 20
        )

    async def set_rules(self, live: PolicySet, drafts: Mapping[str, PolicySet]) -> None:
        """Say which policies to compare. Raises ComparisonFailed."""
        written = {name: Written.of(draft, live.partners) for name, draft in drafts.items()}
        rules = Rules(Written.of(live, live.partners), written, self._kinds, self._limits)
        await self._send(await asyncio.to_thread(packed, rules), type(None))

    async def send_catalog(self) -> None:
        """Say what exists, if that has changed. Raises ComparisonFailed."""
        generation = self._catalog.generation
        if generation == self._sent_generation:
            return
        first = True
        async for part in known_parts(self._catalog):
            await self._send(packed(Catalogs(part, first)), type(None))
            first = False
        self._sent_generation = generation

    async def ask(
        self, message: Asked, answer: type[T], progress: Callable[[int, int], None] = lambda _done, _total: None
    ) -> T:
        """Return the process's answer to a message. Raises ComparisonFailed."""
        return await self._send(packed(message), answer, progress)

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()

    async def _send(
        self,
        message: bytes,
        answer: type[T],
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> T:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ComparisonFailed("it is not running")
        try:
            process.stdin.write(message)
            await process.stdin.drain()
            while True:
                heard = await receive(process.stdout)
                if isinstance(heard, answer):
                    return heard
                await self._attend(heard, process.stdin, progress)
        except (asyncio.IncompleteReadError, OSError, RuntimeError) as error:  # uvloop's word for a closed pipe
            raise ComparisonFailed(type(error).__name__) from None

    async def _attend(
        self, heard: object, answering: asyncio.StreamWriter, progress: Callable[[int, int], None]
    ) -> None:
        """Do what the process asks for while it works. Raises ComparisonFailed for what it could not do."""
        match heard:
            case TableAsked(name):
                try:
                    table: object = await self._catalog.fetch(name)
                except Exception as error:  # noqa: BLE001  (an engine that is away describes nothing)
                    table = Failed(type(error).__name__)
                answering.write(packed(table))
                await answering.drain()
            case Progress(done, total):
                progress(done, total)
            case Failed(error):
                raise ComparisonFailed(error)
            case _:
                raise ComparisonFailed(f"an answer that was not asked for: {type(heard).__name__}")
