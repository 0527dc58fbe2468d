"""Policies as statements, by the stock Python client on the demo: made, in force at once, shown back, dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import trino
from demo_process import Demo

ROW = "CREATE ROW POLICY trading_desk_filter ON trading.trades FOR SELECT USING desk = currentUser() TO trader"
COLUMN = "CREATE COLUMN POLICY email_mask ON trading.traders MODIFY email TO 'MASKED' FOR viewer"


class Asking:
    """One demo, asked by anybody in the catalog `iceberg`."""

    def __init__(self, demo: Demo) -> None:
        self._port = demo.port

    def __call__(self, user: str, sql: str) -> list[Any]:
        with closing(
            trino.dbapi.connect(host="127.0.0.1", port=self._port, user=user, catalog="iceberg")
        ) as connection:
            found: list[Any] = connection.cursor().execute(sql).fetchall()
            return found

    def wait(self) -> None:
        """Wait until the engine describes the tables: just started, it may take its time."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self("admin1", "SELECT count(*) FROM trading.trades, trading.traders")
            except trino.exceptions.TrinoQueryError as error:
                if error.error_name != "NO_NODES_AVAILABLE" or time.monotonic() > deadline:
                    raise
            else:
                return

    def error(self, user: str, sql: str) -> tuple[str, str]:
        with pytest.raises(trino.exceptions.TrinoQueryError) as refused:
            self(user, sql)
        return refused.value.error_name, refused.value.message


@pytest.fixture
def ask(demo: Demo) -> Iterator[Asking]:
    """Ask; afterwards the demo has its own policies again."""
    found = Asking(demo)
    found.wait()
    yield found
    found("admin1", "DROP ROW POLICY IF EXISTS trading_desk_filter ON trading.trades")
    found("admin1", "DROP COLUMN POLICY IF EXISTS email_mask ON trading.traders")
    found("admin1", "DELETE FROM trading.trades WHERE desk = 'trader1'")


def test_a_row_policy_shows_each_trader_the_own_rows_and_is_shown_back(ask: Asking) -> None:
    before = ask("trader1", "SELECT count(*), min(desk), max(desk) FROM trading.trades")
    assert before[0][1:] == ["CAISO", "CAISO"]
    everything = ask("admin1", "SELECT count(*) FROM trading.trades")
    copied = "trade_id, 'trader1', trader_id, node_id, side, qty_mwh, price, trade_ts, status"
    ask("admin1", f"INSERT INTO trading.trades SELECT {copied} FROM trading.trades ORDER BY trade_id LIMIT 3")
    ask("admin1", ROW)
    assert ask("trader1", "SELECT DISTINCT desk, count(*) OVER () FROM trading.trades") == [["trader1", 3]]
    assert ask("trader2", "SELECT count(*) FROM trading.trades") == [[0]]
    assert ask("admin1", "SELECT count(*) FROM trading.trades") == [[everything[0][0] + 3]]
    (text,) = ask("admin1", "SHOW CREATE ROW POLICY trading_desk_filter ON trading.trades")[0]
    assert text.replace("\n", " ") == ROW.replace("trading.trades", "iceberg.trading.trades")
    shown = ask("admin1", "SHOW ROW POLICIES ON trading.trades LIKE 'trading%'")
    assert shown == [["trading_desk_filter", "iceberg.trading.trades", "desk = currentUser()", "trader", "statement"]]
    ask("admin1", "DROP ROW POLICY trading_desk_filter ON trading.trades")
    assert ask("trader1", "SELECT count(*), min(desk), max(desk) FROM trading.trades") == before
    shown = ask("admin1", "SHOW ROW POLICIES ON trading.trades LIKE 'trading%'")
    assert shown == [["trading_desk_filter", "iceberg.trading.trades", "desk = attr('desk')", "trader", "file"]]


def test_a_column_policy_shows_viewers_its_literal_and_is_shown_back(ask: Asking) -> None:
    ask("admin1", COLUMN)
    assert ask("analyst1", "SELECT DISTINCT email FROM trading.traders") == [["MASKED"]]
    assert ask("analyst1", "SELECT count(*) FROM trading.traders WHERE email LIKE '%@%'") == [[0]]
    assert all("@" in email for (email,) in ask("trader1", "SELECT email FROM trading.traders"))
    (text,) = ask("admin1", "SHOW CREATE COLUMN POLICY email_mask ON trading.traders")[0]
    assert text.replace("\n", " ") == COLUMN.replace("trading.traders", "iceberg.trading.traders")
    told = ["email_mask", "iceberg.trading.traders", "email", "'MASKED'", "viewer", "statement"]
    assert told in ask("admin1", "SHOW COLUMN POLICIES")
    ask("admin1", "DROP COLUMN POLICY email_mask ON trading.traders")
    assert ask("analyst1", "SELECT DISTINCT email FROM trading.traders") == [["user-****@****.com"]]


@pytest.mark.parametrize("user", ["analyst1", "trader1", "etl_bot"])
@pytest.mark.parametrize("table", ["trading.trades", "trading.nothing", "nowhere.nothing"])
def test_who_may_not_manage_policies_learns_nothing_of_table_or_policy(ask: Asking, user: str, table: str) -> None:
    refused = ("PERMISSION_DENIED", f"Access Denied: Cannot manage policies of table iceberg.{table}")
    assert ask.error(user, f"CREATE ROW POLICY p ON {table} USING no_such = 1 TO nobody") == refused
    assert ask.error(user, f"CREATE COLUMN POLICY p ON {table} MODIFY a TO b FOR viewer") == refused
    assert ask.error(user, f"DROP ROW POLICY IF EXISTS trading_desk_filter ON {table}") == refused
    assert ask.error(user, f"SHOW CREATE ROW POLICY trading_desk_filter ON {table}") == refused
    assert ask.error(user, f"SHOW COLUMN POLICIES ON {table}") == refused
    assert ask(user, "SHOW ROW POLICIES") == []


def test_a_policy_on_what_does_not_exist_is_refused_whole_with_its_place(ask: Asking) -> None:
    name, message = ask.error("admin1", "CREATE ROW POLICY p ON trading.nothing USING true TO viewer")
    assert (name, message) == ("TABLE_NOT_FOUND", "line 1:24: Table 'iceberg.trading.nothing' does not exist")
    before = ask("admin1", "SHOW ROW POLICIES")
    name, message = ask.error("admin1", "CREATE ROW POLICY p ON trading.trades USING desks = 'x' TO viewer")
    assert (name, message) == ("COLUMN_NOT_FOUND", "line 1:45: Column 'desks' cannot be resolved")
    assert ask("admin1", "SHOW ROW POLICIES") == before
