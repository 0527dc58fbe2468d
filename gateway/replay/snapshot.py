"""What a catalog knows, as data for another process, and the catalog that is made of it there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from catalog.cache import CatalogCache
from catalog.objects import SchemaName, Table, TableName

_AT_ONCE = 200
"""Tables in one message: writing it takes the event loop a few milliseconds."""
Describe = Callable[[TableName], Awaitable[Table | None]]


@dataclass(slots=True)
class Known:
    """One catalog: which engine serves it, its schemas, and its tables as far as they are known."""

    catalog: str
    engine: str
    schemas: frozenset[str] = frozenset()
    tables: list[Table] = field(default_factory=list)


async def known_parts(catalog: CatalogCache) -> AsyncIterator[Known]:
    """Yield what a catalog knows in parts of bounded size, with a turn of the loop between them."""
    for name in catalog.catalogs:
        engine, tables = catalog.source_of(name) or "", catalog.tables(name)
        for start in range(0, max(len(tables), 1), _AT_ONCE):
            yield Known(name, engine, catalog.schemas(name), tables[start : start + _AT_ONCE])
            await asyncio.sleep(0)


class Snapshot:
    """One catalog as it was when it was sent; a table that is not in it is asked for."""

    def __init__(self, known: Known, describe: Describe) -> None:
        """Start with the first part."""
        self.name: str = known.engine
        self.catalogs: tuple[str, ...] = (known.catalog,)
        self.known = known
        self._describe = describe

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        """Return the schemas."""
        return [SchemaName(catalog, schema) for schema in sorted(self.known.schemas)]

    async def tables(self, catalog: str) -> Sequence[Table]:
        """Return the tables that were sent."""
        return self.known.tables

    async def describe(self, name: TableName) -> Table | None:
        """Ask for one that was not."""
        return await self._describe(name)


async def rebuilt(parts: Sequence[Known], describe: Describe) -> CatalogCache:
    """Return a catalog of the parts that were sent."""
    sources: dict[str, Snapshot] = {}
    for part in parts:
        if part.catalog in sources:
            sources[part.catalog].known.tables.extend(part.tables)
        else:
            sources[part.catalog] = Snapshot(part, describe)
    catalog = CatalogCache(sources.values())
    await catalog.refresh_all()
    return catalog
