"""The demo's policies do what the demo promises to each of its users."""

from __future__ import annotations

from pathlib import Path

import pytest

import gateway.demo
from catalog.dialect.generate import generate
from catalog.objects import SchemaName, Table
from catalog.types import VARCHAR
from policies.cost.money import NANO
from policies.decisions import Action, Subject, TableDecision
from policies.reload import load_policies
from rewrite_rules.analysis import analyze_expression
from tests.policies.sales import table

POLICIES = load_policies([Path(gateway.demo.__file__).with_name("policies.yaml")], type_of=analyze_expression)
COLUMNS = {
    "iceberg.trading.traders": "trader_id name email phone ssn card_number desk",
    "iceberg.trading.trades": "trade_id desk trader_id node_id side qty_mwh price trade_ts status",
    "iceberg.trading.positions": "position_id desk node_id qty_mwh as_of",
    "iceberg.curated.lmp_prices": "iso node_id interval_start_time lmp_price energy congestion loss",
    "iceberg.curated.weather_features": "zone_id ts temp_f",
    "iceberg.sandbox.draft": "x",
    "clickhouse.marts.lmp_hourly": "iso node_id hour avg_lmp",
    "tpch.tiny.nation": "name",
    "memory.default.t": "x",
}
TABLES: dict[str, Table] = {
    name: table(name, *((column, VARCHAR) for column in columns.split())) for name, columns in COLUMNS.items()
}
USERS = ("analyst1", "analyst2", "trader1", "trader2", "etl_bot", "admin1", "acme-corp", "stranger")


def user(name: str) -> Subject:
    return Subject(name, POLICIES.roles_of(name), POLICIES.attributes_of(name))


def decide(name: str, target: str, action: Action = Action.SELECT) -> TableDecision:
    return POLICIES.decide(user(name), action, TABLES[target])


SHARED = {"iceberg.curated.lmp_prices", "iceberg.curated.weather_features", "clickhouse.marts.lmp_hourly"}
BOOK = {"iceberg.trading.trades", "iceberg.trading.positions"}
READABLE: dict[str, set[str]] = {
    "analyst1": {*SHARED, "iceberg.trading.traders"},
    "trader1": {*SHARED, *BOOK, "iceberg.trading.traders"},
    "etl_bot": {*SHARED, "iceberg.sandbox.draft"},
    "admin1": set(TABLES),
    "acme-corp": {"iceberg.curated.lmp_prices"},
    "stranger": set(),
}


@pytest.mark.parametrize("name", READABLE)
def test_who_reads_what(name: str) -> None:
    assert {target for target in TABLES if decide(name, target).allowed} == READABLE[name]


WRITABLE: dict[str, set[str]] = {
    "analyst1": set(),
    "trader1": set(),
    "acme-corp": set(),
    "etl_bot": {*SHARED, "iceberg.sandbox.draft"},
    "admin1": set(TABLES),
}


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("action", [Action.INSERT, Action.CREATE_TABLE, Action.DROP_TABLE])
def test_who_writes_what(name: str, action: Action) -> None:
    assert {target for target in TABLES if decide(name, target, action).allowed} == WRITABLE[name]


def test_viewers_see_the_email_template_and_no_ssn() -> None:
    decision = decide("analyst1", "iceberg.trading.traders")
    assert decision.columns == ("trader_id", "name", "email", "phone", "card_number", "desk")
    assert decision.row_filter is None
    assert "'user-****@****.com'" in generate(decision.masks["email"])
    assert set(decision.masks) == {"email", "phone", "card_number"}


@pytest.mark.parametrize(("name", "desk"), [("trader1", "CAISO"), ("trader2", "MISO")])
@pytest.mark.parametrize("target", ["trades", "positions", "traders"])
def test_traders_see_the_book_of_their_own_desk(name: str, desk: str, target: str) -> None:
    decision = decide(name, f"iceberg.trading.{target}")
    assert decision.row_filter is not None
    assert generate(decision.row_filter) == f"\"desk\" = '{desk}'"


def test_a_trader_without_a_desk_sees_no_book() -> None:
    nobody = Subject("newcomer", frozenset({"trader"}))
    assert not POLICIES.decide(nobody, Action.SELECT, TABLES["iceberg.trading.trades"]).allowed


def test_the_partner_sees_one_market() -> None:
    decision = decide("acme-corp", "iceberg.curated.lmp_prices")
    assert decision.row_filter is not None
    assert generate(decision.row_filter) == "\"iso\" = 'CAISO'"


def test_the_administrator_sees_everything_raw() -> None:
    for target in TABLES:
        decision = decide("admin1", target)
        assert not decision.policed, target


@pytest.mark.parametrize("name", USERS)
def test_only_the_administrator_knows_the_test_catalogs(name: str) -> None:
    for catalog in ("tpch", "tpcds", "memory"):
        assert POLICIES.may_see_catalog(user(name), catalog) is (name == "admin1")


def test_the_pipeline_makes_its_own_schema() -> None:
    sandbox = SchemaName("iceberg", "sandbox")
    assert POLICIES.decide_schema(user("etl_bot"), Action.CREATE_SCHEMA, sandbox)
    assert not POLICIES.decide_schema(user("etl_bot"), Action.CREATE_SCHEMA, SchemaName("iceberg", "trading"))
    assert not POLICIES.decide_schema(user("analyst1"), Action.CREATE_SCHEMA, sandbox)


def test_no_demo_table_has_a_faulty_rule() -> None:
    assert [fault for target in TABLES.values() for fault in POLICIES.check(target)] == []


def test_budgets_never_stand_in_the_way_of_ordinary_use() -> None:
    hundred_terabytes = 500 * NANO
    for name in USERS:
        budgets, caps = POLICIES.limits_for(user(name))
        assert not caps
        assert all(each.unit == "usd" and each.hard >= hundred_terabytes for each in budgets), name


def test_the_intern_has_little_to_spend() -> None:
    budgets, caps = POLICIES.limits_for(user("intern1"))
    assert [(each.id, each.hard) for each in budgets] == [("interns-day", 5 * 10**6)]
    assert [(each.id, each.rows) for each in caps] == [("interns-query", 10**7)]
