"""What a command needs to simulate without a gateway: policies of files and store, tables of engines or declared."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.cache import CatalogCache, Source
from catalog.dialect.limits import Limits
from catalog.objects import SchemaName, Table
from gateway.config import Config, ConfigError
from gateway.engines import make_engine, make_engines
from gateway.events import EventBus
from gateway.house import add_stored, system_engine
from gateway.mask_types import types_on
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.models import Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.planning.past import shown_by
from gateway.planning.pinning import pin_by
from gateway.policy_files import PolicyFiles
from gateway.simulation.cases import DeclaredTable
from gateway.simulation.declared import declared_sources, lake_backend, making
from gateway.simulation.policy_sets import all_open
from gateway.simulation.question import Question, received
from gateway.simulation.running import Runner
from gateway.views.known import NO_VIEWS, KnownViews
from gateway.views.opening import look_once
from policies.index import PolicySet


@dataclass(frozen=True, slots=True)
class Offline:
    """A pipeline, the policies in force, and what runs statements."""

    pipeline: Pipeline
    policies: PolicySet
    runner: Runner


@dataclass(slots=True)
class Seen:
    """What is known of materialized views."""

    known: KnownViews = NO_VIEWS


@asynccontextmanager
async def offline(
    config: Config | None,
    *,
    files_only: bool = False,
    policies: Sequence[Path] = (),
    declared: Mapping[str, DeclaredTable] | None = None,
    file: str = "",
    views: bool = False,
) -> AsyncIterator[Offline]:
    """Build what simulations need, of a configuration or of what a file of tests declares; close it afterwards.

    `policies` and `declared` take the place of the configured files and engines; with both, no configuration is
    needed. `views` has the configured materialized views looked at once, so that plans are answered from them. Raises
    Refusal where the store does not answer, ConfigError, PolicyError.
    """
    if config is None and (not policies or declared is None):
        raise ConfigError(["without a configuration, name policies and declare tables"])
    async with AsyncExitStack() as stack:
        sources, filled = declared_sources(declared or {}, file)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) if filled else Path()
        engines = [make_engine(lake_backend(name, folder), name) for name in sorted(filled)]
        if declared is None and config is not None:
            engines = make_engines(config)
        kinds = {**{e.name: e.kind for e in engines}, **{s.name: s.kind for s in sources}, SYSTEM: "system"}
        paths = tuple(policies) or (config.policies if config is not None else ())
        files = PolicyFiles(paths, EventBus().publish, type_of=types_on(kinds))
        if config is not None and not files_only and not policies:
            await add_stored(files, config)
        made: list[Source] = [*engines, *sources]
        cache = CatalogCache(made, describe_seconds=config.catalogs.describe_seconds if config is not None else 10.0)
        current = files.current()
        default = _default(config, kinds)
        by_name = {**{engine.name: engine for engine in engines}, SYSTEM: system_engine()}
        seen = Seen()
        pipeline = Pipeline(
            lambda: current,
            cache,
            EngineKinds(kinds, default),
            Limits(),
            cache_entries=0,
            views=lambda: seen.known,
            pin=pin_by(by_name),
            shown=shown_by(by_name),
        )
        for engine in engines:
            stack.push_async_callback(engine.close)
            await engine.start()
        found = Offline(pipeline, current, Runner(by_name, cache))
        for tables in filled.values():
            await _fill(found, tables, declared or {})
        for name in cache.catalogs:
            await cache.refresh(name)
        if views and config is not None and config.materialized_views.enabled:
            seen.known = await look_once(config, by_name, cache)
        yield found


def _default(config: Config | None, kinds: Mapping[str, str]) -> str:
    wanted = (config.default_engine or config.engines[0].name) if config is not None else ""
    return wanted if wanted in kinds else next(iter(kinds))


async def _fill(grounds: Offline, tables: Sequence[Table], declared: Mapping[str, DeclaredTable]) -> None:
    """Make declared tables with their rows, by statements as anybody would who may do everything."""
    rows = {name.lower(): written.rows or [] for name, written in declared.items()}
    policies = all_open(grounds.policies)
    pipeline = grounds.pipeline.under(policies)
    schemas = {SchemaName(table.name.catalog, table.name.schema) for table in tables}
    statements = [f'CREATE SCHEMA "{s.catalog}"."{s.schema}"' for s in sorted(schemas)]
    statements += [text for table in tables for text in making(table, rows[str(table.name)])]
    for sql in statements:
        asked = received(Question("penstock", sql), policies)
        planned = await pipeline.plan(asked)
        if not isinstance(planned, Planned):
            raise planned.refusal
        await grounds.runner.carry_out(planned.plan, asked, policies)
        for name in planned.plan.invalidates:
            await grounds.runner.catalog.invalidate(name)
