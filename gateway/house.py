"""The house, assembled: everything one worker needs, built from the configuration and closed in reverse order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from catalog.cache import CatalogCache, Refreshed
from catalog.dialect.limits import Limits
from catalog.dialect.worker import ParseWorkers
from catalog.errors import ErrorCode, Refusal
from catalog.objects import Table
from engines.base import Engine, EngineStatement
from gateway.audit.anchors import Anchors
from gateway.audit.keeping import audit_folder, open_keeping
from gateway.audit.links import ChainKeys
from gateway.audit.reading import AuditReader
from gateway.audit.watching import Watch
from gateway.auth.authenticator import Authenticator
from gateway.config import Config
from gateway.engines import make_engines
from gateway.events import CatalogRefreshed, CatalogRefreshFailed, EventBus
from gateway.execute import caller_view, engine_statement
from gateway.mask_types import types_on
from gateway.metadata.layouts import ENGINE as SYSTEM
from gateway.metadata.visible import View
from gateway.models import Plan
from gateway.partners.database import RegistryError
from gateway.partners.following import Following, KnownPartners
from gateway.partners.offline import stored_access
from gateway.partners.store import PartnerStore
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.planning.past import shown_by
from gateway.planning.pinning import pin_by
from gateway.policy_files import PolicyFiles, compile_together
from gateway.policy_store.kept import KeptCopy
from gateway.policy_store.store import PolicyStore, PolicyStoreError, read_only
from gateway.received import Received
from gateway.recording.recorder import Recorder
from gateway.recording.settings import RecordingSettings
from gateway.rewriting.shadow.quarantines import QuarantineStore
from gateway.usage_tables.layouts import is_usage
from gateway.usage_tables.opening import stored_table
from gateway.vault.store import VaultStore
from gateway.views.layouts import is_view_table
from gateway.views.opening import ViewRooms, make_views, open_views
from gateway.views.registry import Views
from gateway.views.telling import ViewTables


@dataclass(frozen=True, slots=True)
class House:
    """One worker's rooms. Nothing here holds state of a statement."""

    config: Config
    bus: EventBus
    policies: PolicyFiles
    engines: Mapping[str, Engine]
    catalog: CatalogCache
    pipeline: Pipeline
    authenticator: Authenticator
    recorder: Recorder
    vault: VaultStore
    partners: PartnerStore
    following: Following
    audit: AuditReader
    views: Views | None = None
    """What is known of materialized views; None where nothing looks for them."""
    view_rooms: ViewRooms | None = None
    """What knows it."""

    def statement(self, plan: Plan, received: Received) -> EngineStatement:
        """Return what an engine is handed for a plan."""
        view = caller_view(self.catalog, self.policies.current(), received) if plan.engine == SYSTEM else None
        return engine_statement(plan, received, view)


async def open_house(config: Config, stack: AsyncExitStack, bus: EventBus | None = None) -> House:
    """Build and start everything but the listeners; `stack` closes it. Raises ConfigError, PolicyError, OSError."""
    bus = bus or EventBus()
    url = config.store.url.get_secret_value()
    engines = {engine.name: engine for engine in make_engines(config)}
    types = types_on({engine.name: engine.kind for engine in engines.values()})
    recorder = Recorder(recording_settings(config), bus, judged=True)
    stored = PolicyStore(url, chain=recorder.chain, appended=recorder.appended) if config.store.policies else None
    policies = PolicyFiles(config.policies, bus.publish, stored, KeptCopy(config.data_dir, url), types)
    catalog = CatalogCache(
        engines.values(),
        refresh_seconds=config.catalogs.refresh_seconds,
        describe_seconds=config.catalogs.describe_seconds,
        observe=lambda report: bus.publish(_refresh_event(report)),
    )
    quarantines = QuarantineStore(url, chain=recorder.chain, appended=recorder.appended)
    rooms = make_views(config, engines, catalog, quarantines, bus.publish)
    tables = ViewTables(rooms.views.known, lambda: rooms.prover.standings(rooms.looking.versions))
    engines[SYSTEM] = system_engine(lambda table, view: stored_table(url, table, view), tables)
    limits = Limits(config.limits.max_sql_bytes, config.limits.max_depth, config.limits.max_nodes)
    parsers = ParseWorkers(limits=limits, deadline=config.limits.parse_seconds)
    pipeline = Pipeline(
        policies.governing,
        catalog,
        EngineKinds({e.name: e.kind for e in engines.values()}, config.default_engine or config.engines[0].name),
        limits,
        parser=parsers,
        inline_bytes=config.limits.inline_parse_bytes,
        cache_entries=config.limits.plan_cache_entries,
        outlines=config.pricing.mode != "off",
        views=rooms.views.known,
        pin=pin_by(engines),
        shown=shown_by(engines),
    )
    await open_keeping(config.audit, audit_folder(config.data_dir), url, bus, stack)
    watch = Watch(bus, recorder.note)
    authenticator = Authenticator(config, policies.current)
    await recorder.start()
    stack.push_async_callback(recorder.close)
    vault = VaultStore(url)
    stack.push_async_callback(vault.close)
    partners = PartnerStore(url, chain=recorder.chain, appended=recorder.appended)
    stack.push_async_callback(partners.close)
    audit = AuditReader(url)
    stack.push_async_callback(audit.close)
    following = Following(
        partners,
        lambda: authenticator.partner_tokens.config,
        policies.share,
        KnownPartners(config.data_dir, url),
    )
    watch.start()
    stack.push_async_callback(watch.close)
    stack.push_async_callback(parsers.close)
    for engine in engines.values():
        stack.push_async_callback(engine.close)
        await engine.start()
    stack.push_async_callback(policies.close)
    await policies.start()
    stack.push_async_callback(following.close)
    await following.start()
    await catalog.start()
    stack.push_async_callback(catalog.close)
    stack.push_async_callback(quarantines.close)
    await open_views(rooms, stack, enabled=config.materialized_views.enabled)
    return House(
        config,
        bus,
        policies,
        engines,
        catalog,
        pipeline,
        authenticator,
        recorder,
        vault,
        partners,
        following,
        audit,
        rooms.views,
        rooms,
    )


def recording_settings(config: Config) -> RecordingSettings:
    """Return how statements are recorded."""
    return RecordingSettings(
        folder=config.data_dir / "journal",
        store_url=config.store.url.get_secret_value(),
        on_full=config.store.on_full,
        max_bytes=config.store.journal_bytes,
        # Space comes back by whole segments: a journal of one segment would stay full for ever.
        segment_bytes=min(1 << 20, config.store.journal_bytes // 4),
        audit_keys=ChainKeys.of(config.audit.secrets),
        audit_reads=config.audit.reads,
        audit_seen=Anchors(audit_folder(config.data_dir), config.store.url.get_secret_value()).last(),
    )


def _no_usage(_: Table, __: View) -> object:
    raise Refusal(ErrorCode.NOT_SUPPORTED, "Usage is told by a gateway only, which keeps it.")


def _no_views(_: Table, __: View) -> object:
    raise Refusal(ErrorCode.NOT_SUPPORTED, "Views are told of by a gateway only, which looks at them.")


def system_engine(
    usage: Callable[[Table, View], object] = _no_usage, views: Callable[[Table, View], object] = _no_views
) -> Engine:
    """Return the engine of what the gateway itself tells: the catalog as the caller sees it, views, and usage."""
    from engines.lake.system import SystemEngine
    from gateway.metadata.rows import system_rows

    def provide(table: Table, statement: EngineStatement) -> object:
        if not isinstance(statement.caller, View):
            raise TypeError("a metadata statement came without its caller")
        if is_view_table(table.name):
            return views(table, statement.caller)
        return (usage if is_usage(table.name) else system_rows)(table, statement.caller)

    return SystemEngine(provide, SYSTEM)


def _refresh_event(report: Refreshed) -> CatalogRefreshed | CatalogRefreshFailed:
    if report.error is not None:
        return CatalogRefreshFailed(report.catalog, report.error)
    return CatalogRefreshed(report.catalog, report.tables, report.seconds)


async def add_stored(policies: PolicyFiles, config: Config) -> None:
    """Put what is stored in force for a command: policies, and what partners were given.

    Raises Refusal where the store does not answer.
    """
    url = config.store.url.get_secret_value()
    try:
        live = await read_only(url) if config.store.policies else ()
        policies.share(await stored_access(url, config.partners.role))
    except (PolicyStoreError, RegistryError, SQLAlchemyError, OSError):
        message = "The policy store does not answer, so that not all policies are known."
        raise Refusal(ErrorCode.SERVER_STARTING_UP, message) from None
    if live:
        await policies.accept(live, compile_together(policies.files, live), 0.0)
