"""A world to simulate in: declared tables, policies of every kind, and people who lack one thing or another."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_expression
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.simulation.cases import DeclaredTable
from gateway.simulation.declared import declared_sources
from gateway.simulation.question import Question
from gateway.simulation.simulate import Simulated, simulate
from policies.compile import compile_policies
from policies.faults import Fault
from policies.index import PolicySet
from policies.reload import read_document
from rewrite_rules.analysis import analyze_expression

SECRET = "a secret that keyed masks are made with, 32 bytes or more"
TABLES = {
    "lake.sales.orders": "order_id bigint, region varchar, amount bigint, email varchar, card varchar",
    "lake.sales.customers": "customer_id bigint, name varchar, region varchar",
    "lake.sales.quotes": "symbol varchar, price bigint, quoted_at timestamp(3)",
    "lake.hr.salaries": "person varchar, salary bigint",
    "lake.hr.people": "person varchar, ssn varchar, mail varchar",
    "lake.box.t": "x bigint, y varchar",
}
VIEWS = {"lake.box.v": ("x bigint", "SELECT x FROM lake.box.t")}
POLICIES = """
version: 1
roles: {analyst: , boss: {inherits: [analyst]}, writer: , reader: }
groups: {audit: }
users:
  ana: {roles: [analyst], attributes: {region: EU}}
  bob: {roles: [analyst]}
  eve: {roles: [boss], groups: [audit], attributes: {region: US}}
  wil: {roles: [writer], attributes: {region: EU}}
  rob: {roles: [reader]}
grants:
  - {id: sales, roles: [analyst], assets: lake.sales.*, allow: [read]}
  - {id: some, roles: [reader], assets: lake.sales.orders, allow: [select], columns: [order_id, region]}
  - {id: no-card, roles: [analyst], assets: lake.sales.orders, deny: [select], columns: [card]}
  - {id: hr, groups: [audit], assets: lake.hr.*, allow: [read], when: {region: US}}
  - {id: not-hr, roles: [writer], assets: lake.hr.*, deny: [read]}
  - {id: box, roles: [writer], assets: lake.box.*, allow: [read, write]}
  - {id: tagged, roles: [reader], tag: pii, allow: [select]}
  - {id: ended, roles: [reader], assets: lake.box.t, allow: [read], valid_until: 2020-01-01}
tags:
  - {table: lake.hr.people, columns: {mail: pii.mail}}
protected:
  - {table: lake.sales.orders, open: [order_id, region, amount], sensitive: [email, card]}
row_filters:
  - {id: own-region, table: lake.sales.orders, roles: [analyst], filter: "region = attr('region')"}
  - {id: all-regions, table: lake.sales.orders, roles: [reader], filter: none}
column_masks:
  - {id: no-email, table: lake.sales.orders, column: email, roles: [analyst], mask: {kind: hash, key: pii}}
  - {id: mails, tag: pii, roles: [analyst], mask: redact}
keys: {pii: {env: KEY, engines: [lake_trino]}}
licences:
  - {id: late, table: lake.sales.quotes, no_export: true, embargo: {column: quoted_at, delay: 15m}}
aggregate_only:
  - {id: groups, table: lake.hr.salaries, groups: [audit], min_group_size: 3}
session_properties:
  - {users: [wil], allow: [query_max_run_time]}
"""
PEOPLE = ("ana", "bob", "eve", "wil", "rob", "nobody")


@dataclass(frozen=True, slots=True)
class World:
    """What simulations stand on."""

    pipeline: Pipeline
    policies: PolicySet
    catalog: CatalogCache

    async def simulate(self, user: str, sql: str, **more: object) -> Simulated:
        """Simulate a statement in the schema lake.sales."""
        question = Question(user, sql, **{"catalog": "lake", "schema": "sales", **more})  # type: ignore[arg-type]  # the words of a test
        return await simulate(self, question, self.policies)


def compiled(text: str = POLICIES) -> PolicySet:
    """Compile policies; their keys are the test's."""
    faults: list[Fault] = []
    source = read_document(text, "policies.yaml", faults)
    assert source is not None, faults
    return compile_policies(
        [source], parse_expression, version="1", secrets=lambda _: SECRET, type_of=analyze_expression
    )


async def world(text: str = POLICIES) -> World:
    """Make the world anew."""
    declared = {name: _columns(layout) for name, layout in TABLES.items()}
    declared |= {name: DeclaredTable(columns=_columns(c).columns, view=sql) for name, (c, sql) in VIEWS.items()}  # type: ignore[call-arg]  # pydantic's own aliases
    sources, _ = declared_sources(declared, "")
    cache = CatalogCache(sources)
    for catalog in cache.catalogs:
        await cache.refresh(catalog)
    policies = compiled(text)
    kinds = EngineKinds({**{s.name: s.kind for s in sources}, "system": "system"}, sources[0].name)
    return World(Pipeline(lambda: policies, cache, kinds, Limits()), policies, cache)


def _columns(layout: str) -> DeclaredTable:
    pairs = (part.split(" ", 1) for part in layout.split(", "))
    return DeclaredTable(columns=dict(pairs))  # type: ignore[arg-type, call-arg]  # the words of a test
