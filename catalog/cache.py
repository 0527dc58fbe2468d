"""What exists, kept in memory: read in the background, completed on demand, never waited for twice.

A lookup is a dictionary access. A name that is not there is asked for once (single flight), so a table created
elsewhere is found at first use; a refresh keeps the very object of a table that did not change, so plans made from
it stay valid.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, Table, TableName


class Source(Protocol):
    """Describe what an engine has; see `engines.base.Engine`."""

    name: str
    catalogs: tuple[str, ...]

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """List the schemas of a catalog."""
        ...

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Describe every table of a catalog."""
        ...

    async def describe(self, name: TableName) -> Table | None:
        """Describe one table now."""
        ...


@dataclass(frozen=True, slots=True)
class Listing:
    """One catalog as last read."""

    schemas: frozenset[str]
    tables: Mapping[TableName, Table]
    read_at: float


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Report one refresh of one catalog, for metrics and logs."""

    catalog: str
    seconds: float
    tables: int
    error: str | None = None


class CatalogCache:
    """Hold the tables of all engines; one per worker."""

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        refresh_seconds: float = 60.0,
        describe_seconds: float = 10.0,
        missing_seconds: float = 1.0,
        listing_seconds: float = 300.0,
        observe: Callable[[Refreshed], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Map each catalog to its source; a name that was not found is not asked again for `missing_seconds`."""
        self._sources = {catalog: source for source in sources for catalog in source.catalogs}
        self._refresh_seconds = refresh_seconds
        self._describe_seconds = describe_seconds
        self._missing_seconds = missing_seconds
        self._listing_seconds = listing_seconds
        self._observe = observe
        self._clock = clock
        self._listings: dict[str, Listing] = {}
        self._tables: dict[TableName, Table] = {}
        self._missing: dict[TableName, float] = {}
        self._described_at: dict[TableName, float] = {}
        self._flights: dict[TableName, asyncio.Task[Table | None]] = {}
        self._refreshers: list[asyncio.Task[None]] = []
        self._read_from: dict[str, float] = {}
        self._generation = 0
        self._tried: set[str] = set()

    @property
    def catalogs(self) -> tuple[str, ...]:
        """Return the names of all catalogs, sorted."""
        return tuple(sorted(self._sources))

    @property
    def generation(self) -> int:
        """Return a number that grows whenever anything in the catalog changed."""
        return self._generation

    @property
    def complete(self) -> bool:
        """Tell whether every catalog has been read at least once."""
        return all(catalog in self._listings for catalog in self._sources)

    @property
    def tried(self) -> bool:
        """Tell whether every catalog has been read, or could not be, at least once."""
        return self._tried == set(self._sources)

    def source_of(self, catalog: str) -> str | None:
        """Return the name of the engine that serves a catalog."""
        source = self._sources.get(catalog)
        return source.name if source else None

    def get(self, name: TableName) -> Table | None:
        """Return a table that is known now."""
        return self._tables.get(name)

    def schemas(self, catalog: str) -> frozenset[str]:
        """Return the schemas of a catalog as last read."""
        listing = self._listings.get(catalog)
        found = listing.schemas if listing else frozenset()
        return found | {name.schema for name in self._tables if name.catalog == catalog}

    def tables(self, catalog: str, schema: str | None = None) -> list[Table]:
        """Return the tables of a catalog (or of one schema), sorted by name."""
        found = (t for n, t in self._tables.items() if n.catalog == catalog and schema in (None, n.schema))
        return sorted(found, key=lambda table: table.name)

    async def fetch(self, name: TableName) -> Table | None:
        """Return a table, asking its engine once if it is not known. Raises what the engine raises."""
        table = self._tables.get(name)
        if table is not None:
            return table
        source = self._sources.get(name.catalog)
        if source is None or self._missing.get(name, 0.0) > self._clock():
            return None
        return await self._describe(source, name)

    async def invalidate(self, name: TableName) -> None:
        """Read one table again now, since it was changed; later lookups see the new state."""
        source = self._sources.get(name.catalog)
        self._missing.pop(name, None)
        if source is not None:
            self._flights.pop(name, None)  # an answer from before the change must not win
            try:
                await self._describe(source, name)
            except BaseException:
                self._forget(name)  # what is known of it is wrong: the next one who asks will ask the engine
                raise

    async def invalidate_catalog(self, catalog: str) -> None:
        """Read the schemas of a catalog again now, since some came or went; tables of those gone are forgotten."""
        source = self._sources.get(catalog)
        if source is None:
            return
        start = self._clock()
        found = await asyncio.wait_for(source.schemas(catalog), self._describe_seconds)
        names = frozenset(schema.schema for schema in found)
        listing = self._listings.get(catalog)
        tables = listing.tables if listing is not None else {}
        for name in [n for n in self._tables if n.catalog == catalog and n.schema not in names]:
            self._forget(name)
        self._described_at.update({name: start for name in tables if name.schema not in names})
        self._listings[catalog] = Listing(names, tables, start)
        self._generation += 1

    async def refresh_all(self) -> None:
        """Read every catalog again now."""
        await asyncio.gather(*(self.refresh(catalog) for catalog in self._sources))

    async def _describe(self, source: Source, name: TableName) -> Table | None:
        flight = self._flights.get(name)
        if flight is None:
            flight = asyncio.create_task(self._fly(source, name))
            self._flights[name] = flight
            flight.add_done_callback(lambda done: self._landed(name, done))
        # Shielded: one caller that gives up must not cancel the others' answer.
        return await asyncio.shield(flight)

    async def _fly(self, source: Source, name: TableName) -> Table | None:
        self._described_at[name] = self._clock()
        try:
            table = await asyncio.wait_for(source.describe(name), self._describe_seconds)
        except TimeoutError:
            raise Refusal(
                ErrorCode.NO_NODES_AVAILABLE,
                f"the engine behind catalog '{name.catalog}' did not describe a table in time",
                hint="Try again in a moment.",
            ) from None
        if self._flights.get(name) is asyncio.current_task():  # else something younger is under way, or here
            self._put(name, table)
        return table

    def _landed(self, name: TableName, done: asyncio.Task[Table | None]) -> None:
        if self._flights.get(name) is done:
            del self._flights[name]
        if not done.cancelled():
            done.exception()  # every waiter saw it; do not warn that it was never retrieved

    def _put(self, name: TableName, table: Table | None) -> None:
        known = self._tables.get(name)
        if table is None:
            self._remember_missing(name)
            self._forget(name)
        elif known is None or known != table:
            self._missing.pop(name, None)
            self._tables[name] = table
            self._generation += 1

    def _forget(self, name: TableName) -> None:
        if self._tables.pop(name, None) is not None:
            self._generation += 1

    def _remember_missing(self, name: TableName) -> None:
        if len(self._missing) >= 10_000:  # names that clients make up must not grow the process
            self._missing.clear()
        self._missing[name] = self._clock() + self._missing_seconds

    async def refresh(self, catalog: str) -> Refreshed:
        """Read one catalog whole; unchanged tables keep their objects. Errors keep the last good listing."""
        source = self._sources[catalog]
        start = self._clock()
        try:
            async with asyncio.timeout(self._listing_seconds):
                schemas = await source.schemas(catalog)
                tables = await source.tables(catalog)
        except Refusal as refusal:
            report = Refreshed(catalog, self._clock() - start, 0, refusal.detail or refusal.message)
        except TimeoutError:
            report = Refreshed(catalog, self._clock() - start, 0, f"no answer within {self._listing_seconds:g} s")
        except Exception as error:  # noqa: BLE001  (whatever one engine does, the catalogs stay fresh)
            report = Refreshed(catalog, self._clock() - start, 0, type(error).__name__)
        else:
            self._adopt(catalog, schemas, tables, start)
            report = Refreshed(catalog, self._clock() - start, len(tables))
        self._tried.add(catalog)
        self._observe(report)
        return report

    def _adopt(self, catalog: str, schemas: Sequence[SchemaName], tables: Sequence[Table], start: float) -> None:
        if start < self._read_from.get(catalog, start):
            return  # another reading began later and is here already
        self._read_from[catalog] = start
        found = {table.name: table for table in tables}
        # What was described on demand while the listing was being read is younger than the listing.
        younger = {name for name, at in self._described_at.items() if at >= start}
        for name, table in found.items():
            if name not in younger:
                self._put(name, table)
        gone = [name for name in self._tables if name.catalog == catalog and name not in found]
        for name in gone:
            if name not in younger:
                self._forget(name)
        for name in [n for n in self._described_at if n.catalog == catalog and n not in younger]:
            del self._described_at[name]
        names = frozenset(schema.schema for schema in schemas)
        previous = self._listings.get(catalog)
        if previous is not None and previous.read_at > start:
            names = previous.schemas  # read again meanwhile, since some came or went
        if previous is None or previous.schemas != names:
            self._generation += 1
        self._listings[catalog] = Listing(names, found, max(start, previous.read_at if previous else start))

    async def start(self) -> None:
        """Begin the background refresh of every catalog; returns at once."""
        self._refreshers = [asyncio.create_task(self._keep_fresh(catalog)) for catalog in self._sources]

    async def _keep_fresh(self, catalog: str) -> None:
        first = asyncio.create_task(self.refresh(catalog))
        try:
            await asyncio.wait({first}, timeout=self._describe_seconds)
            self._tried.add(catalog)  # an engine that hangs is down: the others' tables are served meanwhile
            report = await first
        finally:
            first.cancel()
        while True:
            await asyncio.sleep(self._refresh_seconds if report.error is None else min(5.0, self._refresh_seconds))
            report = await self.refresh(catalog)

    async def close(self) -> None:
        """Stop the background refresh."""
        for task in (*self._refreshers, *self._flights.values()):
            task.cancel()
        await asyncio.gather(*self._refreshers, *self._flights.values(), return_exceptions=True)
        self._refreshers = []
