"""Read a column's different raw values, for the vault alone: as every statement runs, with a policy of its own."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping

from catalog.cache import CatalogCache
from catalog.dialect.generate import generate
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_expression
from catalog.objects import Column, Table
from engines.base import Engine
from gateway.execute import engine_statement
from gateway.models import NotPlanned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.received import Principal, Received, Session
from policies.index import PolicySet
from policies.masks.parts import plain_text
from policies.reload import Files, StoredDocument, join_policies

READER = "penstock-vault"
"""Whom engines see reading: give this user what the vault is to read, and nothing else."""
_POLICY = {"version": 1, "grants": [{"id": "vault", "users": [READER], "assets": "*", "allow": ["read"]}]}


def reader_policies() -> PolicySet:
    """Return the policies by which the vault reads: everything, in the clear, for its own user only."""
    return join_policies(Files((), "vault"), [StoredDocument("vault", json.dumps(_POLICY))], parse_expression)


async def distinct_values(
    table: Table, column: Column, catalog: CatalogCache, engines: Mapping[str, Engine]
) -> AsyncIterator[list[str]]:
    """Yield a column's different values page by page, as the texts that tokens are made of. Raises Refusal."""
    received = _received(table, column)
    policies = reader_policies()
    kinds = EngineKinds({engine.name: engine.kind for engine in engines.values()}, table.engine)
    planned = await Pipeline(lambda: policies, catalog, kinds, Limits()).plan(received)
    if isinstance(planned, NotPlanned):
        raise planned.refusal
    engine = engines[table.engine]
    cursor: str | None = (await engine.submit(engine_statement(planned.plan, received), received.query_id)).cursor
    while cursor is not None:
        page = await engine.page(cursor)
        cursor = page.next
        if "data" in page.members:
            yield [str(row[0]) for row in json.loads(page.members["data"]) if row[0] is not None]


def _received(table: Table, column: Column) -> Received:
    catalog, schema, name = (f'"{part.replace(chr(34), chr(34) * 2)}"' for part in table.name)
    shown = generate(plain_text(column))
    sql = f"SELECT DISTINCT {shown} AS raw FROM {catalog}.{schema}.{name}"  # noqa: S608  (names of the catalog's own)
    session = Session(time_zone="UTC", source="penstock-vault")
    return Received(f"vault_{uuid.uuid4().hex}", sql, Principal(READER, READER, method="vault"), session, time.time())
