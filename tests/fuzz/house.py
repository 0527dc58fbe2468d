"""The production pipeline over an engine, several times in one process: the world under a policy, a copy without one."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits as TextLimits
from catalog.errors import Refusal
from catalog.types import type_text
from engines.base import EngineStatement
from engines.lake.database import Limits, open_cursor, open_database
from engines.lake.errors import translated
from engines.lake.queries import run_query
from engines.lake.reading import find_leaves
from engines.rows import columns_json
from gateway.execute import caller_view, engine_statement
from gateway.metadata.rows import system_rows
from gateway.models import LocalAnswer, NotPlanned, Plan
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.received import SYSTEM_ROLES, Principal, Received, Session
from policies.index import PolicySet
from tests.fuzz.answers import CRASH, Answer, read_rows
from tests.fuzz.masks import KEY, KEY_VARIABLE
from tests.fuzz.policies import USER
from tests.fuzz.stores import Store
from tests.fuzz.world import CATALOG, SCHEMA, Relation

CAPABILITIES = frozenset({"PARAMETRIC_DATETIME", "PATH"})
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: what the session carries from one statement to the next."""

    roles: tuple[str, ...]
    attributes: Mapping[str, str]
    chosen: str = "ALL"


class House:
    """One pipeline with its policies, its tables and an engine that holds them."""

    def __init__(self, folder: Path, store: Store) -> None:
        os.environ[KEY_VARIABLE] = KEY
        self._file = folder / f"policy-{next(_numbers)}.yaml"
        self._store = store
        self._metadata: duckdb.DuckDBPyConnection = open_database(Limits(threads=1), [])
        self._policies: PolicySet | None = None

    def close(self) -> None:
        """Close the engine."""
        self._metadata.close()
        self._store.close()

    async def furnish(
        self,
        relations: Mapping[str, Relation],
        document: Mapping[str, Any],
        *,
        write: bool = True,
        hidden: bool = False,
    ) -> None:
        """Set up tables and policies anew; `hidden` says that the schema itself does not exist."""
        kind = self._store.kind
        self._source = await self._store.hold(relations, write=write, hidden=hidden)
        self._file.write_text(json.dumps(document))  # JSON is YAML, and quicker to write
        self._policies = load_policy_files([self._file])
        self._cache = CatalogCache([self._source])
        await self._cache.refresh(CATALOG)
        kinds = EngineKinds({kind: kind, "system": "system"}, kind)
        policies = self._policies
        self._pipeline = Pipeline(lambda: policies, self._cache, kinds, TextLimits(), cache_entries=0)

    async def faults(self) -> list[str]:
        """Return what the policy checks have against the policy: nothing, or the fuzzer draws bad policies."""
        assert self._policies is not None
        tables = [table for table in await self._source.tables(CATALOG) if table.name.schema == SCHEMA]
        return [str(fault) for table in tables for fault in self._policies.check(table)]

    async def run(self, sql: str, caller: Caller, prepared: Mapping[str, str]) -> Answer:
        """Plan and execute one statement; return all that the client would see of it."""
        received = _received(sql, caller, prepared)
        try:
            planned = await self._pipeline.plan(received)
        except Exception as error:
            return Answer(error=CRASH, message=repr(error), planned=False)
        if isinstance(planned, NotPlanned):
            refusal = planned.refusal
            return Answer(
                error=refusal.code.name,
                message=refusal.text,
                planned=False,
                seen=_all_of(refusal),
                detail=refusal.detail or "",
            )
        plan = planned.plan
        if plan.route == "local":
            return _local(plan)
        try:
            return await self._execute(plan, received)
        except Refusal as refusal:
            return Answer(
                error=refusal.code.name,
                message=refusal.text,
                seen=_all_of(refusal) + _noted(plan),
                detail=f"{refusal.detail}\n{plan.sql}",
            )

    async def _execute(self, plan: Plan, received: Received) -> Answer:
        assert self._policies is not None
        if plan.write is not None:
            await self._cache.invalidate(await self._store.create(plan.write, self._source))
            return Answer(update_type=plan.update_type, seen=_noted(plan))
        view = caller_view(self._cache, self._policies, received) if plan.engine == "system" else None
        statement = engine_statement(plan, received, view)
        pages = await self._store.read(statement) if view is None else self._described(statement)
        columns = columns_json(plan.columns or (), CAPABILITIES)
        shown = tuple((c["name"], c["type"]) for c in json.loads(columns))
        seen = " ".join([columns.decode(), *(page.decode() for page in pages), _noted(plan)])
        return Answer(shown, read_rows(pages), seen=seen, update_type=plan.update_type)

    def _described(self, statement: EngineStatement) -> list[bytes]:
        """Read metadata tables, shown to a cursor as the gateway's metadata engine does."""
        tables = {table.name: table for table in statement.tables}
        with translated():
            cursor = open_cursor(self._metadata, statement.time_zone)
            try:
                for leaf in find_leaves(statement.sql, tables):
                    cursor.register(leaf.identifier, system_rows(tables[leaf.table], statement.caller))  # type: ignore[arg-type]  # the words of a test
                return [part.data for part in run_query(cursor, statement) if part.data is not None]
            finally:
                cursor.close()


def _received(sql: str, caller: Caller, prepared: Mapping[str, str]) -> Received:
    chosen = caller.chosen if caller.chosen in ("ALL", "NONE") else f"ROLE{{{caller.chosen}}}"
    principal = Principal(USER, USER, frozenset(caller.roles), tuple(sorted(caller.attributes.items())), "test")
    session = Session(
        catalog=CATALOG,
        schema=SCHEMA,
        capabilities=CAPABILITIES,
        prepared=prepared,
        roles={} if chosen == "ALL" else {SYSTEM_ROLES: chosen},
    )
    return Received("q", sql, principal, session, time.time())


def _local(plan: Plan) -> Answer:
    answer = plan.answer or LocalAnswer()
    columns = tuple((column.name, type_text(column.type)) for column in answer.columns or ())
    rows = [list(row) for row in answer.rows or ()]
    seen = f"{columns} {rows} {answer.headers} {_noted(plan)}"
    return Answer(columns, rows, seen=seen, update_type=answer.update_type or plan.update_type)


def _noted(plan: Plan) -> str:
    """Return what a client sees beside rows: warnings and the headers of the answer."""
    return f"{plan.warnings} {plan.headers}"


def _all_of(refusal: Refusal) -> str:
    return f"{refusal.text} {refusal.hint} {refusal.location}"
