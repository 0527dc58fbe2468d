"""Names of datasets mean one table, or are refused with all that they may mean."""

from __future__ import annotations

import pytest

from catalog.cache import CatalogCache
from catalog.objects import SchemaName, Table, TableName
from gateway.partners.names import Unread, Unresolved, parts_of, resolve


class Source:
    """An engine that has these tables, and one that is away while it has none."""

    name = "engine"

    def __init__(self, catalog: str, *tables: str) -> None:
        self.catalogs = (catalog,)
        self._tables = [Table(TableName(catalog, *table.split(".")), (), self.name) for table in tables]

    async def schemas(self, catalog: str) -> list[SchemaName]:
        if not self._tables:
            raise OSError("away")
        return [SchemaName(catalog, table.name.schema) for table in self._tables]

    async def tables(self, catalog: str) -> list[Table]:
        return self._tables

    async def describe(self, name: TableName) -> Table | None:
        return next((table for table in self._tables if table.name == name), None)


async def known(*sources: Source) -> CatalogCache:
    cache = CatalogCache(sources)
    await cache.refresh_all()
    return cache


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["lmp_prices", "LMP_PRICES", "curated.lmp_prices", "lake.Curated.lmp_prices"])
async def test_a_name_in_one_to_three_parts_finds_its_table(name: str) -> None:
    cache = await known(Source("lake", "curated.lmp_prices", "curated.nodes"), Source("marts", "hourly.lmp"))
    assert (await resolve(name, cache)).name == ("lake", "curated", "lmp_prices")


@pytest.mark.asyncio
async def test_a_name_that_may_mean_several_is_refused_with_all_of_them() -> None:
    cache = await known(Source("lake", "curated.prices", "raw.prices"), Source("marts", "curated.prices"))
    with pytest.raises(Unresolved, match=r"3 tables: lake.curated.prices, lake.raw.prices, marts.curated.prices"):
        await resolve("prices", cache)
    with pytest.raises(Unresolved, match="2 tables"):
        await resolve("curated.prices", cache)
    assert (await resolve("raw.prices", cache)).name.schema == "raw"


@pytest.mark.asyncio
async def test_while_a_catalog_is_unread_only_full_names_are_sure() -> None:
    cache = await known(Source("lake", "curated.prices"), Source("away"))
    with pytest.raises(Unread):
        await resolve("prices", cache)
    assert (await resolve("lake.curated.prices", cache)).name.catalog == "lake"


@pytest.mark.asyncio
async def test_listings_of_what_exists_are_not_shared() -> None:
    cache = await known(Source("lake", "information_schema.tables", "curated.prices"))
    for name in ("tables", "information_schema.tables", "lake.information_schema.tables"):
        with pytest.raises(Unresolved, match="there is no table"):
            await resolve(name, cache)


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "a.b.c.d", 'a."b"', "a\x00b", "a\nb", "x" * 256])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(Unresolved, match="is no table's name"):
        parts_of(name)
