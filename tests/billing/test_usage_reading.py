"""Usage as DuckDB reads it out of either store: the right rows, columns and days, however they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import duckdb
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from catalog.objects import Table, TableName
from gateway.metadata.layouts import system_table
from gateway.metadata.visible import View
from gateway.recording.billing_tables import adjustments
from gateway.recording.bounded import BoundedStore
from gateway.recording.budget_tables import budget_accounts, budget_leases
from gateway.recording.database import connect_engine
from gateway.recording.store import UsageStore
from gateway.usage_tables.batches import schema_of
from gateway.usage_tables.dataset import days_of
from gateway.usage_tables.opening import stored_table
from gateway.usage_tables.streaming import AWAY
from policies.budgets.model import UNLIMITED, Budget, Whose
from policies.decisions import Subject
from tests.billing.filled_stores import stores
from tests.billing.rows import CENT, billed
from tests.gateway.recording.usage_records import RECEIVED_AT, finished

DAY = 86_400.0


DAILY = Budget("trading", Whose(), "user", "usd", "day", "UTC", 10 * CENT, None)


@dataclass
class Sight:
    """Policies that grant all of usage, or say nothing of it."""

    granted: bool

    def visible_columns(self, _: Subject, table: Table) -> tuple[str, ...]:
        return tuple(column.name for column in table.columns) if self.granted else ()

    def budgets_for(self, _: Subject) -> tuple[Budget, ...]:
        return (DAILY,)


def table(name: str) -> Table:
    found = system_table(TableName("penstock", "usage", name))
    assert found is not None
    return found


def ask(url: str, sql: str, user: str = "analyst1", *, granted: bool = False) -> list[tuple[Any, ...]]:
    """Return what DuckDB answers over the tables as a user may have them."""
    view = View(cast("Any", None), cast("Any", Sight(granted)), Subject(user, frozenset()))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in ("statements", "shares", "adjustments", "budgets"):
            connection.register(name, stored_table(url, table(name), view))
        return connection.execute(sql).fetchall()


async def fill(url: str) -> None:
    store = UsageStore(url)
    rows = [
        billed("q1", shares={"a.b.c": 3 * CENT, "a.b.d": 2 * CENT}, tables=(("a.b.c", "select", ()),) * 2),
        billed("q2", 7, received_at=RECEIVED_AT + 3 * DAY, finished_at=RECEIVED_AT + 3 * DAY + 1),
        billed("q3", CENT, user="bob", source=None, sql="SELECT 'bobs secret'", error_message="bobs value"),
        finished("q4", outcome="REFUSED", engine=None, scanned_bytes=None, tables=(("a.hidden.t", "select", ()),)),
        replace(billed("q5"), bill=None, outcome="REFUSED"),
    ]
    await store.insert(rows)
    engine = connect_engine(url)
    entry = {
        "query_id": "q1", "number": 1, "at": RECEIVED_AT + DAY, "user_name": "analyst1", "partner": None,
        "engine": "trino", "nano": -CENT, "bytes": -20, "billed": 5 * CENT,
        "shares": [["a.b.c", -CENT]], "reason": "the engine said more later",
    }  # fmt: skip
    async with engine.begin() as connection:
        await connection.execute(adjustments.insert(), [entry])
    await engine.dispose()
    await store.close()


filled = stores(fill, "billing_reading")


def test_a_caller_reads_his_own_rows_and_who_was_granted_usage_all_but_texts(filled: str) -> None:
    mine = 'SELECT query_id, "user", query IS NOT NULL, error_message IS NOT NULL FROM statements ORDER BY 1'
    own = ask(filled, mine)
    assert [row[0] for row in own] == ["q1", "q2", "q4", "q5"]
    assert all(row[1:3] == ("analyst1", True) for row in own)
    assert ask(filled, mine, "bob") == [("q3", "bob", True, True)]
    everybody = ask(filled, mine, "carl", granted=True)
    assert [row[0] for row in everybody] == ["q1", "q2", "q3", "q4", "q5"]
    assert not any(row[2] or row[3] for row in everybody)
    assert ask(filled, mine, "nobody") == []


def test_all_columns_come_with_their_types_from_either_store(filled: str) -> None:
    (row,) = ask(filled, "SELECT * EXCLUDE (query, error_message) FROM statements WHERE query_id = 'q1'")
    received = datetime.fromtimestamp(RECEIVED_AT, UTC)
    assert row == (
        "q1", "analyst1", "superset", "SELECT", "FINISHED", "trino", received, received + timedelta(seconds=1.5),
        ["a.b.c"], 10, 1234, 99, 5 * CENT * 200 - 20, 90, 100, None, "manifest, snapshot 7",
        Decimal("0.020000000"), Decimal("0.040000000"), Decimal("-0.010000000"), "measured", "default: USD 5 per TB", None,
    )  # fmt: skip


def test_what_a_refused_statement_named_is_told_where_its_price_was_the_reason_only(filled: str) -> None:
    named = dict(ask(filled, "SELECT query_id, tables FROM statements"))
    assert named["q4"] is None
    assert named["q5"] == ["iceberg.curated.lmp_prices"]
    assert ask(filled, "SELECT query_id, tables FROM statements WHERE query_id = 'q4'", granted=True) == [("q4", None)]


def test_shares_and_adjustments_add_up_to_the_statements(filled: str) -> None:
    for user, granted in (("analyst1", False), ("bob", False), ("carl", True)):
        sums = [
            ask(filled, f"SELECT coalesce(sum(cost_usd), 0) FROM {source}", user, granted=granted)
            for source in ("statements", "shares")
        ]
        assert sums[0] == sums[1]
    by_table = "SELECT table_name, sum(cost_usd) FROM shares GROUP BY 1 ORDER BY 1"
    assert ask(filled, by_table)[:2] == [("a.b.c", Decimal("0.020000000")), ("a.b.d", Decimal("0.020000000"))]
    assert ask(filled, "SELECT query_id, adjustment, bytes, reason FROM adjustments") == [
        ("q1", 1, -20, "the engine said more later")
    ]


CONDITIONS = (
    "received >= TIMESTAMPTZ '{day}'",
    "received < TIMESTAMPTZ '{day}'",
    "received BETWEEN TIMESTAMPTZ '{day}' AND TIMESTAMPTZ '{day}' + INTERVAL 1 DAY",
    "received = TIMESTAMPTZ '{day}' OR query_id = 'q1'",
    "received IS NULL",
    "NOT received > TIMESTAMPTZ '{day}'",
    "cost_usd > 0.02 AND source IS NULL",
    "query LIKE '%secret%'",
)


def test_what_is_asked_for_by_time_or_anything_else_is_what_all_rows_would_give(filled: str) -> None:
    day = datetime.fromtimestamp(RECEIVED_AT + 2 * DAY, UTC).isoformat()
    for condition in (each.format(day=day) for each in CONDITIONS):
        found = f"SELECT query_id FROM statements WHERE {condition} ORDER BY 1"
        whole = f"CREATE TEMP TABLE kept AS FROM statements; {found.replace('statements', 'kept')}"
        assert ask(filled, found, "bob", granted=True) == ask(filled, whole, "bob", granted=True), condition


def test_a_table_that_is_read_several_times_in_a_statement_is_whole_each_time(filled: str) -> None:
    sql = """
        WITH RECURSIVE walk(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM walk JOIN statements ON query_id = 'q' || n)
        SELECT max(n), (SELECT count(*) FROM statements a JOIN statements b USING (query_id)) FROM walk
    """
    assert ask(filled, sql, granted=True) == [(6, 5)]


def test_budgets_show_what_is_left_to_whom_they_bind_and_to_who_was_granted_them(filled: str) -> None:
    def account(holder: str, unit: str, most: int, spent: int, day: int = 0) -> dict[str, Any]:
        start = RECEIVED_AT // DAY * DAY + day * DAY
        name = {"id": f"trading/{holder}/{unit}/{day}", "budget": "trading", "holder": holder, "unit": unit}
        return {
            **name,
            "starts_at": start,
            "ends_at": start + DAY,
            "most": most,
            "spent": spent,
            "leased": 0,
            "called_at": 0,
        }

    rows = [
        account("analyst1", "usd", 10 * CENT, 4 * CENT),
        account("analyst1", "usd", UNLIMITED, CENT, day=1),
        account("bob", "usd", 10 * CENT, CENT),
        account("bob", "bytes", 500, 20),
    ]
    lease = {"id": "l", "worker": "w", "account": "trading/bob/usd/0", "amount": 3, "settled": 0, "reserved": 2 * CENT,
             "moves": 0, "renewed_at": 0.0}  # fmt: skip

    async def insert() -> None:
        store = BoundedStore(filled)
        await store.within(lambda connection: connection.execute(budget_accounts.insert(), rows))
        await store.within(lambda connection: connection.execute(budget_leases.insert(), [lease]))
        await store.close()

    asyncio.run(insert())
    shown = 'SELECT account, "user", limit_usd, used_usd, left_usd, left_bytes, reserved_usd FROM budgets ORDER BY 1'
    first = ("trading/analyst1/usd/0", "analyst1", Decimal("0.1"), Decimal("0.04"), Decimal("0.06"), None, Decimal(0))
    second = ("trading/analyst1/usd/1", "analyst1", None, Decimal("0.01"), None, None, Decimal(0))
    assert ask(filled, shown) == [first, second]
    assert ask(filled, shown, "bob")[0][-1] == Decimal("0.02")
    whole = ask(filled, shown, "carl", granted=True)
    assert [row[1] for row in whole] == [None] * 4
    assert ask(filled, "SELECT left_bytes FROM budgets WHERE unit = 'bytes'", granted=True) == [(480,)]


def test_a_store_that_is_away_is_said_so() -> None:
    with pytest.raises(duckdb.Error, match=AWAY.split(":")[1]):
        ask("postgresql://nobody@127.0.0.1:1/none", "SELECT count(*) FROM statements")


SPANS = st.tuples(st.integers(-40_000, 40_000), st.integers(-40_000, 40_000))


@given(SPANS, st.sampled_from([">=", ">", "<", "<=", "="]), st.sampled_from(["and", "or", "not"]))
def test_days_that_are_left_out_hold_no_chosen_row(span: Sequence[int], operator: str, joined: str) -> None:
    now, schema, field = 1_900_000_000.0, schema_of(table("statements")), ds.field("received")
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=each) for each in span]
    compared = {">=": field >= hours[0], ">": field > hours[0], "<": field < hours[0], "<=": field <= hours[0]}
    first, second = compared.get(operator, field == hours[0]), field < hours[1]
    chosen = {"and": first & second, "or": first | second, "not": ~first}[joined]
    begin, end = days_of("received", schema, chosen, now)
    moments = [each + timedelta(milliseconds=ms) for each in hours for ms in (-1, 0, 1)]
    rows = ds.dataset(_moments(moments)).to_table(filter=chosen).column("received").to_pylist()
    assert all(begin <= row.timestamp() * 1000 < end for row in rows)


def _moments(moments: list[datetime]) -> Any:
    import pyarrow as pa

    return pa.table({"received": pa.array(moments, pa.timestamp("us", "UTC"))})
