"""Which version of each table's data this worker knows: asked for once, again from time to time, and after writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from engines.estimates import EstimatingEngine

_log = logging.getLogger("penstock.pricing")
_IN_USE = 20
"""For how many refreshes a table that nobody asks of is asked about still."""


@dataclass(slots=True)
class _Known:
    """A table as it was asked about last, and what its version was."""

    table: Table
    version: str | None
    used_at: float


class Versions:
    """The versions of tables' data, one engine's; `generation` grows with every change of any of them."""

    def __init__(
        self, engine: EstimatingEngine, refresh_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask nothing yet."""
        self._engine = engine
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._known: dict[TableName, _Known] = {}
        self._asking: dict[TableName, asyncio.Future[None]] = {}
        self._overtaken: set[TableName] = set()
        self.generation = 0

    async def of(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Return the versions of tables, asking for those not known; who asks of the same waits for the same answer.

        A table whose version the engine does not name has an empty one. Raises Refusal.
        """
        while missing := [table for table in tables if not self._is_known(table)]:
            asked = [self._asking[table.name] for table in missing if table.name in self._asking]
            if asked:
                await asyncio.wait(asked)
            else:
                await self._ask(missing)
        self.used(table.name for table in tables)
        return {table.name: self._known[table.name].version or "" for table in tables}

    def current(self, versions: Mapping[TableName, str]) -> bool:
        """Tell whether versions are those that are known now; those of a forgotten table are not."""
        return all(
            (known := self._known.get(name)) is not None and (known.version or "") == version
            for name, version in versions.items()
        )

    def used(self, names: Iterable[TableName]) -> None:
        """Note that tables are in use, so that their versions are kept fresh."""
        now = self._clock()
        for name in names:
            if (known := self._known.get(name)) is not None:
                known.used_at = now

    def forget(self, names: Iterable[TableName]) -> None:
        """Have tables asked about again before anything else is said of them."""
        for name in names:
            self._known.pop(name, None)
            self._overtaken.add(name)  # an answer that is on its way may be from before
            self.generation += 1

    async def refresh(self) -> None:
        """Ask again about the tables in use; let go of the others. An engine that does not answer changes nothing."""
        oldest = self._clock() - _IN_USE * self._refresh_seconds
        for name in [name for name, known in self._known.items() if known.used_at < oldest]:
            del self._known[name]
        tables = [known.table for known in self._known.values()]
        try:
            await self._ask(tables)
        except Refusal as refusal:
            _log.warning("versions of tables were not told: %s", refusal.code.name)

    def _is_known(self, table: Table) -> bool:
        known = self._known.get(table.name)
        return known is not None and known.table is table

    async def _ask(self, tables: Sequence[Table]) -> None:
        if not tables:
            return
        names = {table.name for table in tables}
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.update(dict.fromkeys(names, asked))
        self._overtaken -= names
        try:
            told = await self._engine.data_versions(tables)
            for table in tables:
                if table.name not in self._overtaken:
                    self._note(table, told.get(table.name))
        finally:
            for name in names:
                self._asking.pop(name, None)
            asked.set_result(None)

    def _note(self, table: Table, version: str | None) -> None:
        before = self._known.get(table.name)
        if before is not None and before.version != version:
            self.generation += 1
        self._known[table.name] = _Known(table, version, before.used_at if before is not None else self._clock())
