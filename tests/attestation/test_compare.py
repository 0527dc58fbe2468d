"""What an engine says it reads is held against what was authorised, object by object and column by column."""

from __future__ import annotations

import pytest

from catalog.objects import Column, Table, TableName, View
from catalog.types import BIGINT, VARCHAR, parse_type
from engines.base import Write
from engines.reads import Read, Reads
from gateway.attestation.compare import differences
from gateway.attestation.expected import WHOLE, Expected, expected, tells
from gateway.models import Plan

ORDERS, SECRET = TableName("lake", "sales", "orders"), TableName("lake", "hr", "secret")
BALANCE = TableName("lake", "sales", "balance")
COLUMNS = (Column("id", BIGINT), Column("region", VARCHAR), Column("card", VARCHAR))
TABLE = Table(ORDERS, COLUMNS, "trino", version="1")
STORED = Table(BALANCE, COLUMNS, "trino", "materialized view", view=View("SELECT  id\nFROM x", None, None))
GOVERNED = (
    'SELECT o."id" FROM (SELECT "id", CAST(NULL AS VARCHAR) AS "mail" FROM "lake"."sales"."orders" '
    'WHERE "region" = \'EU\') AS o WHERE o."id" > 3'
)


def plan(kind: str = "SELECT", sql: str = GOVERNED, **more: object) -> Plan:
    given = {"engine_tables": (TABLE,), **more}
    return Plan(kind, "engine", "trino", sql, sql, **given)  # type: ignore[arg-type]  # the words of a test


def say(*reads: Read, **more: object) -> Reads:
    return Reads(reads, **more)  # type: ignore[arg-type]  # the words of a test


def test_the_authorised_columns_are_those_that_the_governed_text_names_beside_the_table() -> None:
    wanted = expected(plan(), "trino")
    assert wanted.tables == {ORDERS: {"id", "region"}}
    assert wanted.question == GOVERNED


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (Read(ORDERS), None),
        (Read(ORDERS, frozenset({"id", "region"})), None),
        (Read(ORDERS, frozenset({"id", "card"})), "reads lake.sales.orders (card)"),
        (Read(ORDERS, frozenset({"card.of"})), "reads lake.sales.orders (card.of)"),
        (Read(ORDERS, frozenset({"$row_id"})), "reads lake.sales.orders ($row_id)"),
        (Read(SECRET), "reads lake.hr.secret"),
        (Read(SECRET, through=(ORDERS,)), "reads lake.hr.secret by way of lake.sales.orders"),
        (Read(ORDERS, view="SELECT 1"), "lake.sales.orders is a view now"),
        (Read(TableName("lake", "sales", "orders$files")), "reads lake.sales.orders$files"),
        (Read(TableName("other", "sales", "orders")), "reads other.sales.orders"),
    ],
    ids=lambda each: str(each)[:60],
)
def test_anything_beyond_what_was_authorised_is_a_difference(read: Read, found: str | None) -> None:
    assert differences(expected(plan(), "trino"), say(read)) == ((found,) if found else ())


@pytest.mark.parametrize(
    ("name", "authorised"),
    [
        ("note", True),
        ("attrs.note", True),
        ("attrs#inner#deep", True),
        ("deep", True),
        ("attrs.ssn", False),
        ("ssn", False),
        ("attribute", False),
        ("id.note", False),
    ],
)
def test_a_field_of_a_row_is_a_part_of_its_column_unless_a_column_has_its_name(name: str, authorised: bool) -> None:
    row = parse_type("row(note varchar, ssn varchar, inner row(deep varchar))")
    columns = (Column("id", BIGINT), Column("attrs", row), Column("attrs.ssn", VARCHAR), Column("ssn", VARCHAR))
    known = plan(
        sql='SELECT "id", "attrs" FROM "lake"."sales"."orders"', engine_tables=(Table(ORDERS, columns, "trino"),)
    )
    found = differences(expected(known, "trino"), say(Read(ORDERS, frozenset({name}))))
    assert (found == ()) is authorised


def test_tpc_ds_calls_its_tiny_schema_by_its_size() -> None:
    tiny = TableName("tpcds", "tiny", "item")
    known = plan(sql='SELECT "id" FROM "tpcds"."tiny"."item"', engine_tables=(Table(tiny, COLUMNS, "trino"),))
    wanted = expected(known, "trino")
    assert differences(wanted, say(Read(tiny._replace(schema="sf0.01"), frozenset({"id"})))) == ()
    assert differences(wanted, say(Read(tiny._replace(schema="sf1"), frozenset({"id"})))) == ("reads tpcds.sf1.item",)


def test_reading_less_than_was_authorised_is_none() -> None:
    assert differences(expected(plan(), "trino"), say()) == ()


def test_functions_that_give_tables_are_differences() -> None:
    assert differences(expected(plan(), "lake"), say(foreign=("read_csv",))) == ("reads by the function read_csv",)


@pytest.mark.parametrize("version", ["2", None])
def test_a_table_that_is_another_now_is_a_difference(version: str | None) -> None:
    wanted = expected(plan(), "clickhouse")
    assert differences(wanted, say(versions={ORDERS: "1"})) == ()
    assert "is not what it was" in differences(wanted, say(versions={ORDERS: version}))[0]


def test_what_a_materialized_view_reads_is_its_own_matter_while_its_text_is_the_known_one() -> None:
    sql = 'SELECT b."id" FROM (SELECT "id" FROM "lake"."sales"."balance") AS b'
    wanted = expected(plan(sql=sql, engine_tables=(STORED,)), "trino")
    inside = Read(SECRET, frozenset({"id"}), through=(BALANCE,))
    assert differences(wanted, say(Read(BALANCE, view="SELECT id FROM x"), inside)) == ()
    assert differences(wanted, say(Read(BALANCE, view="SELECT id FROM y"), inside)) == (f"{BALANCE} is a view now",)
    assert differences(wanted, say(Read(SECRET))) == ("reads lake.hr.secret",)


@pytest.mark.parametrize(
    ("name", "storage"),
    [
        ("balance$materialized_view_storage", True),
        ("st_0123456789abcdef0123456789abcdef", True),
        ("other$materialized_view_storage", False),
        ("st_secret", False),
    ],
)
def test_a_fresh_materialized_view_is_read_from_its_storage(name: str, storage: bool) -> None:
    sql = 'SELECT b."id" FROM (SELECT "id" FROM "lake"."sales"."balance") AS b'
    wanted = expected(plan(sql=sql, engine_tables=(STORED,)), "trino")
    read = Read(TableName("lake", "sales", name), frozenset({"id"}))
    assert (differences(wanted, say(read)) == ()) is storage
    assert differences(expected(plan(), "trino"), say(read)) != ()


def test_explaining_and_statistics_are_asked_about_by_the_query_that_they_are_of() -> None:
    for prefix in ("EXPLAIN ", "EXPLAIN ANALYZE VERBOSE ", "EXPLAIN (TYPE DISTRIBUTED, FORMAT JSON) "):
        wanted = expected(plan("EXPLAIN", prefix + GOVERNED), "trino")
        assert (wanted.question, wanted.tables) == (GOVERNED, {ORDERS: frozenset({"id", "region"})})
    assert expected(plan("SHOW STATS", f"SHOW STATS FOR ({GOVERNED})"), "trino").question == GOVERNED
    wanted = expected(plan("SHOW STATS", 'SHOW STATS FOR "lake"."sales"."orders"'), "trino")
    assert (wanted.question, wanted.tables) == ('SELECT * FROM "lake"."sales"."orders"', {ORDERS: WHOLE})


def test_a_write_is_asked_about_by_its_sources_and_never_by_itself() -> None:
    target = TableName("lake", "sales", "copy")
    wanted = expected(plan("INSERT", "INSERT ...", write=Write("insert", target, query=GOVERNED)), "trino")
    assert wanted.question == GOVERNED
    assert wanted.tables == {ORDERS: {"id", "region"}, target: WHOLE}
    merge = expected(plan("MERGE", "MERGE ...", write=Write("merge", target)), "trino")
    assert merge.question == 'SELECT 1 FROM "lake"."sales"."orders"'


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        (plan(), True),
        (plan(engine_tables=()), False),
        (plan("DESCRIBE OUTPUT"), False),
        (plan("A KIND THAT IS NEW"), True),
        (plan("INSERT", write=Write("insert", SECRET)), True),
        (plan("INSERT", write=Write("insert", ORDERS)), False),
        (plan("DROP TABLE", write=Write("drop table", SECRET)), False),
        (plan("CREATE TABLE", write=Write("create table as", SECRET, with_data=False)), False),
    ],
    ids=lambda each: each.kind if isinstance(each, Plan) else "",
)
def test_what_makes_an_engine_read_is_asked_about(made: Plan, asked: bool) -> None:
    assert tells(made) is asked


def test_an_expectation_without_described_tables_still_knows_its_names() -> None:
    assert differences(Expected("q", {ORDERS: WHOLE}), say(Read(ORDERS, frozenset({"card"})), Read(SECRET))) == (
        "reads lake.hr.secret",
    )
