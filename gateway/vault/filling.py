"""Fill the vault ahead: the values of a column that it does not keep yet, sealed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.objects import Column, Table, TableName
from engines.base import Engine
from gateway.vault.reading import distinct_values
from gateway.vault.store import Sealed, VaultStore
from policies.faults import Unfit
from policies.index import PolicySet
from policies.vault import Vaulted, token_masks, vaulted

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of one column: how many different values it has, and how many of them the vault did not keep."""

    table: TableName
    column: str
    values: int
    added: int


@dataclass(frozen=True, slots=True)
class Place:
    """A column to keep the values of, for one tenant."""

    table: TableName
    column: str
    tenant: str | None = None


def places(policies: PolicySet) -> tuple[Place, ...]:
    """Return all columns whose tokens can be turned back, for each tenant that the policies' known users belong to."""
    found: dict[Place, None] = {}
    for table, by_column in policies.masks.items():
        for column in by_column:
            for spec in token_masks(policies, table, column):
                key = policies.keys.get(spec.key)
                for tenant in _tenants(policies, key.tenant if key is not None else None):
                    found[Place(table, column, tenant)] = None
    return tuple(found)


def _tenants(policies: PolicySet, attribute: str | None) -> tuple[str | None, ...]:
    if attribute is None:
        return (None,)
    people = policies.directory.people.values()
    return tuple(sorted({value for person in people for name, value in person.attributes if name == attribute}))


async def fill(
    place: Place, policies: PolicySet, catalog: CatalogCache, engines: Mapping[str, Engine], store: VaultStore
) -> Filled:
    """Seal what the vault does not keep of a column yet. Raises Unfit, Refusal, VaultError."""
    table, column = await find_column(place.table, place.column, catalog)
    specs = token_masks(policies, table.name, column.name)
    if not specs:
        raise Unfit(f"no mask of kind token with `vault: true` is on {table.name}.{column.name}")
    spaces = [vaulted(spec, column.type, policies.keys, place.tenant) for spec in specs]
    return await _keep(place, spaces, distinct_values(table, column, catalog, engines), store)


async def find_column(name: TableName, column: str, catalog: CatalogCache) -> tuple[Table, Column]:
    """Return a table and its column. Raises Unfit where there is none."""
    table = await catalog.fetch(name)
    if table is None:
        raise Unfit(f"there is no table {name}")
    found = table.by_name.get(column)
    if found is None:
        raise Unfit(f"{name} has no column `{column}`")
    return table, found


async def _keep(place: Place, spaces: Sequence[Vaulted], pages: AsyncIterable[list[str]], store: VaultStore) -> Filled:
    values = added = 0
    async for page in pages:
        values += len(page)
        for start in range(0, len(page), _AT_ONCE):
            for space in spaces:
                added += await _add(space, page[start : start + _AT_ONCE], store)
    return Filled(place.table, place.column, values, added)


async def _add(space: Vaulted, values: Sequence[str], store: VaultStore) -> int:
    by_digest = {space.digest(value): value for value in values}
    unknown = await store.unknown(space.space, sorted(by_digest))

    def sealed() -> list[Sealed]:
        return [Sealed(space.space, digest, space.seal(by_digest[digest])) for digest in sorted(unknown)]

    await store.add(await asyncio.to_thread(sealed))
    return len(unknown)
