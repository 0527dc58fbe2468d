"""The vault as the command line and background tasks use it: opened from the configuration, closed behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from catalog.cache import CatalogCache
from engines.base import Engine
from gateway.config import Config
from gateway.engines import make_engines
from gateway.policy_files import compile_together
from gateway.policy_store.store import read_only
from gateway.vault.store import VaultStore
from policies.index import PolicySet
from policies.reload import read_files


@dataclass(frozen=True, slots=True)
class OpenVault:
    """The vault, and what it takes to fill it and to judge who may look into it."""

    policies: PolicySet
    catalog: CatalogCache
    engines: Mapping[str, Engine]
    store: VaultStore


@asynccontextmanager
async def open_vault(config: Config) -> AsyncIterator[OpenVault]:
    """Open the vault. Raises PolicyError, PolicyStoreError, ValueError, OSError."""
    url = config.store.url.get_secret_value()
    policies = compile_together(read_files(config.policies), await read_only(url))
    engines = {engine.name: engine for engine in make_engines(config)}
    async with AsyncExitStack() as stack:
        store = VaultStore(url)
        stack.push_async_callback(store.close)
        for engine in engines.values():
            stack.push_async_callback(engine.close)
            await engine.start()
        catalog = CatalogCache(engines.values(), describe_seconds=config.catalogs.describe_seconds)
        stack.push_async_callback(catalog.close)
        yield OpenVault(policies, catalog, engines, store)
