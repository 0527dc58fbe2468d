"""For whom and for which tables policies are exported: what the configured Trino clusters have now."""

from __future__ import annotations

from catalog.cache import CatalogCache
from catalog.objects import SchemaName
from gateway.config import Config
from gateway.engines import make_engines
from gateway.events import EventBus
from gateway.house import add_stored
from gateway.policy_files import PolicyFiles
from policies.exports.model import Extent


async def trino_extent(config: Config, evaluator: str | None = None) -> Extent:
    """Ask the Trino clusters what tables they have. Raises Refusal, ConfigError, PolicyError."""
    policies = PolicyFiles(config.policies, EventBus().publish)
    await add_stored(policies, config)
    engines = [engine for engine in make_engines(config) if engine.kind == "trino"]
    cache = CatalogCache(engines, describe_seconds=config.catalogs.describe_seconds)
    for engine in engines:
        await engine.start()
    try:
        for catalog in cache.catalogs:
            await cache.refresh(catalog)
        schemas = [SchemaName(catalog, schema) for catalog in cache.catalogs for schema in cache.schemas(catalog)]
        tables = [table for catalog in cache.catalogs for table in cache.tables(catalog)]
    finally:
        for engine in engines:
            await engine.close()
    return Extent(policies.current(), sorted(tables, key=lambda table: table.name), sorted(schemas), evaluator)
