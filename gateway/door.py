"""Make a worker's door: the Trino protocol over its house, for clients and for the other workers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Literal

from catalog.objects import TableName
from gateway.attestation.attestor import Attestor
from gateway.audit.entries import Entry
from gateway.breaker import Breaker
from gateway.budgets.opening import giving_back
from gateway.config import Config
from gateway.events import ConnectionClosed, ConnectionOpened, StatementFinished
from gateway.history import with_statements
from gateway.house import House
from gateway.models import NotPlanned, Planned
from gateway.partners.admission import Admission
from gateway.partners.database import RegistryError
from gateway.partners.opening import open_admission
from gateway.policy_store.changing import Alone, change_policies
from gateway.policy_store.edits import PolicyEdit
from gateway.policy_store.store import PolicyStoreError
from gateway.protocols.http import HttpLimits, HttpServer
from gateway.protocols.trino.ids import new_worker_id
from gateway.protocols.trino.ports import DoorSettings, Ports
from gateway.protocols.trino.resource import TrinoDoor
from gateway.protocols.trino.tokens import TokenKey
from gateway.received import Principal, Received
from gateway.rewriting.opening import views_way
from gateway.spending import Spending, capped
from gateway.vault.asked import Reveal
from gateway.vault.revealing import reveal
from gateway.workers import WorkerRegistry


async def open_door(house: House, spending: Spending, stack: AsyncExitStack) -> TrinoDoor:
    """Make the door, and the listener by which other workers reach this one."""
    config = house.config
    worker = new_worker_id()
    keys = [TokenKey(key.id, key.secret.get_secret_value()) for key in config.keys]
    certificate = config.identity.client_certificate
    settings = DoorSettings(
        worker=worker,
        public_url=config.door.public_url,
        trusted_proxies=config.door.trusted_proxies,
        certificate_header=certificate.header if certificate else None,
        abandon_seconds=config.limits.abandon_seconds,
        page_token_seconds=config.limits.page_token_seconds,
        segment_token_seconds=config.limits.segment_token_seconds,
    )
    registry: WorkerRegistry | None = None
    ports = replace(
        _ports(house, open_admission(house, stack, lambda: len(registry.others()) + 1 if registry else 1), spending),
        greeted=lambda who, at: registry.greeted(who, at) if registry else None,
        engine_statement=capped(with_statements(house, lambda: door, asyncio.get_running_loop()), spending.cap),
    )
    door = TrinoDoor(ports, settings, keys, workers=lambda: registry.others() if registry else {})
    peers = HttpServer(door.handle_peer)
    address = f"{config.cluster_host}:{await peers.listen(config.cluster_host, 0)}"
    stack.push_async_callback(peers.close)
    registry = WorkerRegistry(
        config.store.url.get_secret_value(),
        worker,
        address,
        greet=lambda: door.greet(address),
        on_known=house.catalog.refresh_all,  # changes made before the others knew of us were not told to us
    )
    spending.budgets.ledger.meet(lambda: len(registry.others()) + 1, door.call_back)
    spending.budgets.gate.meet(door.settled)
    await registry.start()
    stack.push_async_callback(registry.close)
    door.start()
    stack.push_async_callback(door.close)
    return door


def _ports(house: House, admission: Admission, spending: Spending) -> Ports:
    async def invalidate(names: Sequence[TableName], schemas: bool) -> None:
        for catalog in {name.catalog for name in names} if schemas else ():
            await house.catalog.invalidate_catalog(catalog)
        for name in names:
            if name.table:
                await house.catalog.invalidate(name)

    def may_kill(principal: Principal, way: Literal["view", "kill"]) -> bool:
        return house.policies.current().may_handle_queries(principal.subject, way)

    way = views_way(house, spending)
    attestor = Attestor(house.config.attestation, house.bus.publish)
    breaker = Breaker(house.config.breaker, house.config.data_dir / "probing", house.bus.publish)
    house.bus.subscribe(StatementFinished, lambda event: breaker.failed(event.record))
    house.bus.subscribe(StatementFinished, lambda event: admission.end(event.record.query_id))

    async def plan_any(received: Received) -> Planned | NotPlanned:
        await breaker.admit(received.principal)
        planned = await house.pipeline.plan(received)
        return await way.after_plan(planned, received) if isinstance(planned, Planned) else planned

    async def plan(received: Received) -> Planned | NotPlanned:
        return await admission.plan(received, plan_any)

    async def change(edit: PolicyEdit, received: Received, alone: Alone) -> None:
        principal = received.principal
        acting = "" if principal.user == principal.authenticated else f" (by {principal.authenticated})"
        await change_policies(
            house.policies,
            edit,
            principal.user + acting,
            lambda policies, table: policies.may_manage(received.subject, table),
            alone,
        )

    async def reveal_token(asked: Reveal, received: Received) -> str:
        async def record(entry: Entry) -> None:
            house.recorder.must_note(entry)

        table, policies = await house.catalog.fetch(asked.table), house.policies.governing()
        return await reveal(asked, received.subject, table, policies, house.vault, record, received.query_id)

    async def refresh() -> None:
        with contextlib.suppress(RegistryError, TimeoutError):  # first: what is revoked waits for no policy to compile
            await house.following.refresh()
        with contextlib.suppress(PolicyStoreError):
            await house.policies.refresh()
        with contextlib.suppress(RegistryError, TimeoutError):
            await spending.budgets.overrides.refresh()

    return Ports(
        authenticate=house.authenticator.authenticate,
        plan=plan,
        engine_statement=house.statement,
        over_base=way.over_base,
        engines=house.engines,
        change_policies=change,
        reveal=reveal_token,
        refresh_policies=refresh,
        publish=house.bus.publish,
        admit=house.recorder.admit,
        may_kill=may_kill,
        review=admission.review,
        bound=admission.concerns,
        settle=spending.settle,
        watch=spending.watch,
        bounds=spending.bounds,
        pace=admission.pace,
        attest=attestor.begin,
        invalidate=invalidate,
        release=spending.budgets.gate.release,
        give_back=giving_back(spending.budgets.ledger),
    )


def tls_of(config: Config) -> ssl.SSLContext | None:
    """Return what TLS is served with; None if it is not. Raises OSError for an unusable certificate or key."""
    if config.door.tls is None:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(config.door.tls.certificate, config.door.tls.key)
    return tls


async def listen(
    house: House, door: TrinoDoor, stack: AsyncExitStack, tls: ssl.SSLContext | None, *, share_port: bool
) -> HttpServer:
    """Answer clients at the door. Raises OSError when the port is taken."""
    config = house.config.door
    limits = HttpLimits(
        max_header_bytes=config.max_header_bytes,
        max_body_bytes=house.config.limits.max_sql_bytes * 4,
        idle_seconds=config.idle_seconds,
        read_seconds=config.read_seconds,
    )
    server = HttpServer(
        door.handle,
        limits,
        on_open=lambda: house.bus.publish(ConnectionOpened()),
        on_close=lambda: house.bus.publish(ConnectionClosed()),
    )
    await server.listen(config.host, config.port, tls=tls, reuse_port=share_port)
    stack.push_async_callback(server.close)
    return server
