"""A house without listeners: the real pipeline, policies and catalog over tables that the tests declare."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import Column, SchemaName, Table, TableName, View
from catalog.types import parse_type
from gateway.models import NotPlanned, Plan, Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.policy_files import load_policy_files
from gateway.received import Principal, Received, Session

POLICIES = Path(__file__).parents[2] / "fixtures" / "planning" / "policies.yaml"
TABLES = {
    "lake.sales.orders": "order_id bigint, region varchar, amount decimal(12,2), email varchar, card varchar",
    "lake.sales.customers": "customer_id bigint, name varchar(20), region varchar",
    "lake.hr.salaries": "person varchar, salary bigint",
    "lake.sandbox.t": "x bigint, y varchar",
    'lake.sandbox.a"b': "x bigint",
    "marts.hourly.prices": "node varchar, price double",
}
VIEWS = {
    "lake.sandbox.v": "SELECT x FROM lake.sandbox.t",
    "lake.sandbox.of_orders": "SELECT order_id AS x FROM lake.sales.orders",
    "lake.sandbox.of_pay": "SELECT salary AS x FROM lake.hr.salaries",
    "lake.sandbox.stored": "SELECT x FROM lake.sandbox.t",
}
"""Views, each with the one column `x`; what is stored is materialized."""
ENGINES = {"lake": "trino", "marts": "clickhouse"}


class Declared:
    """A source of tables for one engine."""

    def __init__(self, catalog: str) -> None:
        self.name = f"{catalog}_engine"
        self.catalogs = (catalog,)
        self.there = {t.name: t for t in _declared(self.name) if t.name.catalog == catalog}

    async def schemas(self, catalog: str) -> Sequence[SchemaName]:
        return sorted({SchemaName(n.catalog, n.schema) for n in self.there})

    async def tables(self, catalog: str) -> Sequence[Table]:
        return list(self.there.values())

    async def describe(self, name: TableName) -> Table | None:
        return self.there.get(name)


def _declared(engine: str) -> list[Table]:
    found = []
    for dotted, layout in TABLES.items():
        catalog, schema, table = dotted.split(".")
        columns = []
        for part in layout.replace("(12,2)", "(12;2)").split(", "):
            name, kind = part.split(" ", 1)
            columns.append(Column(name, parse_type(kind.replace(";", ","))))
        found.append(Table(TableName(catalog, schema, table), tuple(columns), engine))
    return found + [_view(dotted, body, engine) for dotted, body in VIEWS.items()]


def _view(dotted: str, body: str, engine: str) -> Table:
    catalog, schema, name = dotted.split(".")
    kind: Literal["view", "materialized view"] = "materialized view" if name == "stored" else "view"
    columns = (Column("x", parse_type("bigint")),)
    return Table(TableName(catalog, schema, name), columns, engine, kind, view=View(body, None, None))


async def make_pipeline(kinds: dict[str, str] | None = None) -> tuple[Pipeline, CatalogCache]:
    sources = [Declared(catalog) for catalog in ENGINES]
    cache = CatalogCache(sources)
    for catalog in cache.catalogs:
        await cache.refresh(catalog)
    policies = load_policy_files([POLICIES])
    engines = {f"{catalog}_engine": kind for catalog, kind in {**ENGINES, **(kinds or {})}.items()}
    return Pipeline(
        lambda: policies, cache, EngineKinds({**engines, "system": "system"}, "lake_engine"), Limits()
    ), cache


async def plan(sql: str, user: str = "ana", pipeline: Pipeline | None = None, **session: object) -> Plan | NotPlanned:
    pipeline = pipeline or (await make_pipeline())[0]
    policies = load_policy_files([POLICIES])
    principal = Principal(user, user, policies.roles_of(user), policies.attributes_of(user), "test")
    known = Session(**{"catalog": "lake", "schema": "sales", **session})  # type: ignore[arg-type]  # the words of a test
    planned = await pipeline.plan(Received("q", sql, principal, known, time.time()))
    return planned.plan if isinstance(planned, Planned) else planned
