"""The production pipeline over DuckDB, twice in one process: the world under a policy, and the copy without one."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits as TextLimits
from catalog.errors import Refusal
from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type, type_text
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
from tests.fuzz.tables import duckdb_table
from tests.fuzz.world import CATALOG, SANDBOX, SCHEMA, Relation

ENGINE = "lake"
CAPABILITIES = frozenset({"PARAMETRIC_DATETIME", "PATH"})
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: what the session carries from one statement to the next."""

    roles: tuple[str, ...]
    attributes: Mapping[str, str]
    chosen: str = "ALL"


class Tables:
    """The tables of one house, as an engine would describe them."""

    name = ENGINE
    catalogs = (CATALOG,)

    def __init__(self) -> None:
        self.there: dict[TableName, Table] = {}
        self.known = [SCHEMA, SANDBOX]

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return [SchemaName(catalog, schema) for schema in self.known]

    async def tables(self, catalog: str) -> Sequence[Table]:
        return list(self.there.values())

    async def describe(self, name: TableName) -> Table | None:
        return self.there.get(name)

    def declare(self, schema: str, relation: Relation) -> None:
        name = TableName(CATALOG, schema, relation.name)
        columns = tuple(Column(column, parse_type(kind)) for column, kind in relation.columns.items())
        body = View(relation.view, CATALOG, SCHEMA) if relation.view else None
        self.there[name] = Table(name, columns, ENGINE, "view" if body else "table", view=body)


class House:
    """One pipeline with its policies, its tables and a DuckDB that holds them."""

    def __init__(self, folder: Path) -> None:
        os.environ[KEY_VARIABLE] = KEY
        self._file = folder / f"policy-{next(_numbers)}.yaml"
        self._database: duckdb.DuckDBPyConnection = open_database(Limits(threads=1), [])
        self._policies: PolicySet | None = None

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    async def furnish(
        self,
        relations: Mapping[str, Relation],
        document: Mapping[str, Any],
        *,
        write: bool = True,
        hidden: bool = False,
    ) -> None:
        """Set up tables and policies anew; `hidden` says that the schema itself does not exist."""
        self._tables = Tables()
        if hidden:
            self._tables.known.remove(SCHEMA)
        for relation in relations.values():
            self._tables.declare(SCHEMA, relation)
            if write and not relation.view:
                for sql in duckdb_table(f"{CATALOG}.{SCHEMA}.{relation.name}", relation):
                    self._database.execute(sql)
        self._file.write_text(json.dumps(document))  # JSON is YAML, and quicker to write
        self._policies = load_policy_files([self._file])
        self._cache = CatalogCache([self._tables])
        await self._cache.refresh(CATALOG)
        kinds = EngineKinds({ENGINE: "lake", "system": "system"}, ENGINE)
        policies = self._policies
        self._pipeline = Pipeline(lambda: policies, self._cache, kinds, TextLimits(), cache_entries=0)

    def faults(self) -> list[str]:
        """Return what the policy checks have against the policy: nothing, or the fuzzer draws bad policies."""
        assert self._policies is not None
        return [str(fault) for table in self._tables.there.values() for fault in self._policies.check(table)]

    async def run(self, sql: str, caller: Caller, prepared: Mapping[str, str]) -> Answer:
        """Plan and execute one statement; return all that the client would see of it."""
        received = _received(sql, caller, prepared)
        try:
            planned = await self._pipeline.plan(received)
        except Exception as error:
            return Answer(error=CRASH, message=repr(error), planned=False)
        if isinstance(planned, NotPlanned):
            refusal = planned.refusal
            return Answer(error=refusal.code.name, message=refusal.text, planned=False, seen=_all_of(refusal))
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
        view = caller_view(self._cache, self._policies, received) if plan.engine == "system" else None
        statement = engine_statement(plan, received, view)
        if plan.write is not None:
            return await self._write(plan)
        with translated():
            cursor = open_cursor(self._database, received.session.time_zone)
            try:
                if view is not None:
                    _bind(cursor, statement)
                pages = [part.data for part in run_query(cursor, statement)]
            finally:
                cursor.close()
        columns = columns_json(plan.columns or (), CAPABILITIES)
        shown = tuple((c["name"], c["type"]) for c in json.loads(columns))
        seen = " ".join([columns.decode(), *(page.decode() for page in pages), _noted(plan)])
        return Answer(shown, read_rows(pages), seen=seen, update_type=plan.update_type)

    async def _write(self, plan: Plan) -> Answer:
        """Do what CREATE TABLE AS asks; the sandbox is the only place where anybody may write."""
        write = plan.write
        assert write is not None
        assert write.kind == "create table as", write.kind
        assert isinstance(write.target, TableName)
        names = ", ".join(f'"{column.name}"' for column in write.columns)
        with translated():
            self._database.execute(
                f'CREATE OR REPLACE TABLE "{write.target}" AS SELECT * FROM ({write.query}) AS t({names})'
            )
        self._tables.there[write.target] = Table(write.target, write.columns, ENGINE)
        await self._cache.invalidate(write.target)
        return Answer(update_type=plan.update_type, seen=_noted(plan))


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


def _bind(cursor: duckdb.DuckDBPyConnection, statement: EngineStatement) -> None:
    """Show a cursor the metadata tables that its statement reads, as the gateway's metadata engine does."""
    tables = {table.name: table for table in statement.tables}
    for leaf in find_leaves(statement.sql, tables):
        cursor.register(leaf.identifier, system_rows(tables[leaf.table], statement.caller))  # type: ignore[arg-type]  # the words of a test


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
