"""Plans follow the policy model: they age with it, carry its terms, and tags reach through views."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import ENGINES, Declared

from catalog.cache import CatalogCache
from catalog.dialect.limits import Limits
from catalog.objects import Column, TableName
from catalog.types import VARCHAR, timestamp
from gateway.execute import engine_statement
from gateway.metadata.visible import View
from gateway.models import NotPlanned, Planned
from gateway.pipeline import Pipeline
from gateway.planning.context import EngineKinds
from gateway.received import Principal, Received, Session
from policies.index import PolicySet
from tests.policies.asking import Hands, load

ORDERS = TableName("lake", "sales", "orders")


class House:
    """A pipeline over declared tables, with a clock that the test sets."""

    def __init__(self, text: str) -> None:
        self.hands = Hands()
        self.policies: PolicySet = load(text, self.hands)
        self.sources = [Declared(catalog) for catalog in ENGINES]
        self.catalog = CatalogCache(self.sources)
        self.stale = True
        engines = {f"{catalog}_engine": kind for catalog, kind in ENGINES.items()}
        self.pipeline = Pipeline(
            lambda: self.policies, self.catalog, EngineKinds({**engines, "system": "system"}, "lake_engine"), Limits()
        )

    async def plan(self, sql: str, *roles: str, source: str | None = None, by: str = "u") -> Planned | NotPlanned:
        for catalog in self.catalog.catalogs:
            if self.stale:
                await self.catalog.refresh(catalog)
        self.stale = False
        return await self.pipeline.plan(received(sql, *roles, source=source, by=by))

    def grow(self, *columns: Column) -> None:
        """Give lake.sales.orders more columns, as somebody does at the engine."""
        there = self.sources[0].there
        table = there[ORDERS]
        there[ORDERS] = type(table)(ORDERS, (*table.columns, *columns), table.engine)
        self.stale = True


def received(sql: str, *roles: str, source: str | None = None, by: str = "u") -> Received:
    session = Session(catalog="lake", schema="sales", source=source, data_encodings=("json+zstd",))
    return Received("q", sql, Principal("u", by, frozenset(roles)), session, time.time())


def text(planned: Planned | NotPlanned) -> str:
    return (planned.plan.governed_sql or "") if isinstance(planned, Planned) else f"refused: {planned.refusal.text}"


@pytest.mark.asyncio
async def test_a_cached_plan_ends_with_the_entitlement_at_the_very_moment() -> None:
    house = House("grants: [{roles: [reader], assets: lake.*, allow: [read], valid_until: 2027-01-01T12:00:10Z}]")
    first, again = [await house.plan("SELECT region FROM orders", "reader") for _ in range(2)]
    assert isinstance(first, Planned)
    assert isinstance(again, Planned)
    assert again.cached
    house.hands.set("2027-01-01T12:00:10+00:00")
    assert "refused" in text(await house.plan("SELECT region FROM orders", "reader"))
    house.hands.set("2027-01-01T12:00:00+00:00")
    assert "refused" in text(await house.plan("SELECT region FROM orders", "reader"))


EMBARGO = """
grants: [{roles: [reader], assets: lake.*, allow: [read]}]
licences: [{id: nymex, table: lake.sales.orders, embargo: {column: traded_at, delay: 15m}}]
"""


@pytest.mark.asyncio
async def test_an_embargo_moves_on_by_the_second_and_never_with_an_old_plan() -> None:
    house = House(EMBARGO)
    house.grow(Column("traded_at", timestamp(6, zone=True)))
    sql = "SELECT region FROM orders"
    first = await house.plan(sql, "reader")
    limit = "\"traded_at\" <= CAST('{}' AS TIMESTAMP(6) WITH TIME ZONE)"
    assert limit.format("2027-01-01 11:45:00 UTC") in text(first)
    house.hands.set("2027-01-01T12:00:00.900+00:00")
    same = await house.plan(sql, "reader")
    house.hands.set("2027-01-01T12:00:01+00:00")
    later = await house.plan(sql, "reader")
    assert isinstance(same, Planned)
    assert isinstance(later, Planned)
    assert (same.cached, later.cached) == (True, False)
    assert limit.format("2027-01-01 11:45:01 UTC") in text(later)
    house.hands.set("2027-01-01T11:00:00+00:00")
    assert limit.format("2027-01-01 10:45:00 UTC") in text(await house.plan(sql, "reader")), "nor after a step back"


@pytest.mark.asyncio
async def test_a_plan_without_an_embargo_does_not_age() -> None:
    house = House(EMBARGO)
    await house.plan("SELECT name FROM customers", "reader")
    house.hands.set("2027-01-01T13:00:00+00:00")
    again = await house.plan("SELECT name FROM customers", "reader")
    assert isinstance(again, Planned)
    assert again.cached


@pytest.mark.asyncio
async def test_an_embargo_on_a_column_that_is_missing_or_no_timestamp_refuses() -> None:
    house = House(EMBARGO)
    assert "does not exist" in text(await house.plan("SELECT region FROM orders", "reader"))
    house.grow(Column("traded_at", VARCHAR))
    assert "does not exist" in text(await house.plan("SELECT region FROM orders", "reader"))


TERMS = """
grants:
  - {roles: [reader], assets: lake.*, allow: [read, write, create_view]}
licences: [{table: lake.sales.orders, no_export: true}]
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE lake.sandbox.copy AS SELECT region FROM orders",
        "INSERT INTO lake.sandbox.t (y) SELECT region FROM orders",
        "INSERT INTO lake.sandbox.t (y) SELECT name FROM customers WHERE region IN (SELECT region FROM orders)",
        "INSERT INTO lake.sandbox.t SELECT x, 'a' FROM lake.sandbox.of_orders",
        "DELETE FROM lake.sandbox.t WHERE y IN (SELECT region FROM orders)",
        "UPDATE lake.sandbox.t SET y = (SELECT max(region) FROM orders)",
        "MERGE INTO lake.sandbox.t USING orders o ON x = o.order_id WHEN MATCHED THEN UPDATE SET y = o.region",
        "CREATE VIEW lake.sandbox.w AS SELECT region FROM orders",
        "EXECUTE IMMEDIATE 'CREATE TABLE lake.sandbox.copy AS SELECT region FROM orders'",
    ],
)
async def test_what_must_not_be_exported_is_written_nowhere_else(sql: str) -> None:
    assert "licence terms forbid export" in text(await House(TERMS).plan(sql, "reader"))


@pytest.mark.asyncio
async def test_what_must_not_be_exported_is_read_in_plain_pages_and_changed_in_place() -> None:
    house = House(TERMS)
    for sql, encoded in (("SELECT region FROM orders", False), ("SELECT name FROM customers", True)):
        planned = await house.plan(sql, "reader")
        assert isinstance(planned, Planned)
        headers = dict(engine_statement(planned.plan, received(sql, "reader")).headers)
        assert ("X-Trino-Query-Data-Encoding" in headers) is encoded
    assert "refused" not in text(await house.plan("DELETE FROM orders WHERE region = 'x'", "reader"))


@pytest.mark.asyncio
async def test_display_only_data_is_for_the_listed_application_and_its_own_account() -> None:
    house = House("""
grants: [{roles: [reader], assets: lake.*, allow: [read]}]
licences: [{table: lake.sales.*, display_only: {sources: [superset], trusted: [bi]}}]
""")
    sql = "SELECT region FROM orders"
    assert "refused" not in text(await house.plan(sql, "reader", source="superset", by="bi"))
    for source, by in (
        ("superset", "u"),
        ("dbeaver", "bi"),
        (None, "bi"),
        ("superset", "superset"),
        ("Superset", "bi"),
    ):
        assert "does not exist" in text(await house.plan(sql, "reader", source=source, by=by)), (source, by)


@pytest.mark.asyncio
async def test_tags_reach_through_views() -> None:
    house = House("""
grants: [{roles: [reader], assets: lake.*, allow: [read]}, {roles: [reader], tag: pii.card, deny: [select]}]
tags: [{table: lake.sandbox.t, columns: {x: pii.id}}, {table: lake.sales.orders, columns: {order_id: [pii.card]}}]
column_masks: [{tag: pii.id, roles: [reader], mask: redact}]
""")
    masked = text(await house.plan("SELECT x FROM lake.sandbox.v", "reader"))
    assert 'CASE WHEN "x" IS NULL THEN NULL ELSE 0 END' in masked
    assert "refused" in text(await house.plan("SELECT x FROM lake.sandbox.of_orders", "reader"))


@pytest.mark.asyncio
@pytest.mark.parametrize("sql", ["SELECT count(*) FROM lake.sandbox.of_orders", "SELECT nope FROM sandbox.of_orders o"])
async def test_a_view_of_a_withheld_column_fails_without_naming_it(sql: str) -> None:
    house = House("""
grants: [{roles: [reader], assets: lake.*, allow: [read]}, {roles: [reader], tag: pii.card, deny: [select]}]
tags: [{table: lake.sales.orders, columns: {order_id: [pii.card]}}]
""")
    refused = await house.plan(sql, "reader")
    assert isinstance(refused, NotPlanned)
    assert refused.refusal.code.name == "INVALID_VIEW"
    assert "'lake.sandbox.of_orders'" in refused.refusal.text
    assert "order_id" not in refused.refusal.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("setting", "seen"),
    [("", '"region" FROM'), ("unclassified: deny", '"region" FROM'), ("unclassified: allow", '"region", "note" FROM')],
)
async def test_a_column_that_appears_while_the_gateway_runs_is_hidden_until_the_setting_says_otherwise(
    setting: str, seen: str
) -> None:
    house = House(UNCLASSIFIED + setting)
    assert 'SELECT "region" FROM' in text(await house.plan("SELECT * FROM orders", "reader"))
    house.grow(Column("note", VARCHAR))
    assert seen in text(await house.plan("SELECT * FROM orders", "reader"))


UNCLASSIFIED = """
grants: [{roles: [reader], assets: lake.*, allow: [read]}]
protected: [{table: lake.sales.orders, open: [region], sensitive: [order_id, amount, email, card]}]
row_filters: [{roles: [reader], table: lake.sales.orders, filter: none}]
"""


@pytest.mark.asyncio
async def test_a_new_column_of_a_protected_table_may_be_masked_whole() -> None:
    house = House(UNCLASSIFIED + "unclassified: mask")
    house.grow(Column("note", VARCHAR))
    assert '"region", CAST(NULL AS VARCHAR) AS "note" FROM' in text(await house.plan("SELECT * FROM orders", "reader"))


@pytest.mark.asyncio
async def test_listings_end_with_the_entitlement_too() -> None:
    house = House(
        "grants: [{roles: [reader], assets: lake.sales.*, allow: [read], valid_until: 2027-01-01T12:00:10Z}, "
        "{roles: [reader], assets: lake.hr.*, allow: [read]}]"
    )
    await house.plan("SELECT 1", "reader")
    subject = received("", "reader").subject

    def listed() -> list[str]:
        view = View(house.catalog, house.policies, subject)
        return [str(found.table.name) for found in view.tables("lake") if found.table.kind != "system"]

    assert listed() == ["lake.hr.salaries", "lake.sales.customers", "lake.sales.orders"]
    house.hands.set("2027-01-01T12:00:10+00:00")
    assert listed() == ["lake.hr.salaries"]
    assert View(house.catalog, house.policies, subject).schemas("lake") == ["hr", "information_schema"]
