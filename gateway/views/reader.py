"""Read base tables whole, for views alone: as every statement runs, with a policy of its own."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from functools import cache

import msgspec

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_expression
from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition
from engines.base import Engine
from gateway.execute import engine_statement
from gateway.models import NotPlanned, Plan
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.received import Principal, Received, Session
from policies.index import PolicySet
from policies.reload import Files, StoredDocument, join_policies

READER = "penstock-views"
"""Whom engines see reading: give this user what the definitions read, and nothing else."""
_POLICY = {"version": 1, "grants": [{"id": "views", "users": [READER], "assets": "*", "allow": ["read"]}]}
_EXACT = frozenset({"PARAMETRIC_DATETIME"})
"""What a client must say to be told times with all their digits."""


@cache
def reader_policies() -> PolicySet:
    """Return the policies by which views are filled: everything, in the clear, for its own user only."""
    return join_policies(Files((), "views"), [StoredDocument("views", json.dumps(_POLICY))], parse_expression)


async def rows_of(
    sql: str,
    definition: Definition,
    catalog: CatalogCache,
    engines: Mapping[str, Engine],
    time_zone: str = "UTC",
    read: Callable[[int], None] = lambda _: None,
) -> AsyncGenerator[bytes, None]:
    """Yield a query's rows page by page, as the protocol writes them; `read` hears of bytes scanned. Raises Refusal."""
    received = _received(sql, definition, time_zone)
    plan = await _planned(received, catalog, engines)
    engine = engines[plan.engine or ""]
    cursor: str | None = (await engine.submit(engine_statement(plan, received), received.query_id)).cursor
    last = cursor
    try:
        while cursor is not None:
            last = cursor
            page = await engine.page(cursor)
            if "error" in page.members:
                raise _failed(page.members["error"])
            cursor = page.next
            read(page.scanned_bytes or 0)
            if "data" in page.members:
                yield page.members["data"]
    finally:
        if cursor is not None:  # it was not read to its end
            with suppress(Refusal):
                await engine.cancel(last or cursor)


async def _planned(received: Received, catalog: CatalogCache, engines: Mapping[str, Engine]) -> Plan:
    kinds = {engine.name: engine.kind for engine in engines.values()}
    pipeline = Pipeline(
        reader_policies, catalog, EngineKinds(kinds, next(iter(kinds))), Limits(), cache_entries=0, outlines=False
    )
    planned = await pipeline.plan(received)
    if isinstance(planned, NotPlanned):
        raise planned.refusal
    return planned.plan


def _failed(error: bytes) -> Refusal:
    """Return the refusal for an error that an engine's page holds."""
    said = msgspec.json.decode(error, type=dict[str, object])
    return Refusal(ErrorCode.GENERIC_EXTERNAL, f"The base could not be read: {said.get('message', 'it failed')}")


def _received(sql: str, definition: Definition, time_zone: str) -> Received:
    session = Session(
        catalog=definition.catalog,
        schema=definition.schema,
        time_zone=time_zone,
        source=READER,
        capabilities=_EXACT,
    )
    return Received(f"view_{uuid.uuid4().hex}", sql, Principal(READER, READER, method="views"), session, time.time())
