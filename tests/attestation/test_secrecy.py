"""Two people under two bounds of one table: nothing that the gateway tells them tells the one from the other.

Every channel of policy-semantics section 7 is read whole: pages with their statistics and headers, plans, statistics of
tables, descriptions, errors, query information.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from tests.operations.gateway_process import Gateway

POLICY_WORDS = (
    "4711",
    "815",
    "FIRSTLITERAL",
    "SECONDLITERAL",
    "FIRSTMASK",
    "SECONDMASK",
    "first-bound",
    "second-bound",
)
ORDERS = "memory.secrecy.orders"
QUERIES = (
    f"SELECT * FROM {ORDERS}",
    f"SELECT orderkey FROM {ORDERS} WHERE orderkey > 10",
    f"SELECT count(*) FROM {ORDERS}",
    f"SELECT orderstatus, sum(totalprice) FROM {ORDERS} GROUP BY orderstatus",
    f"SELECT l.quantity FROM {ORDERS} o JOIN tpch.tiny.lineitem l ON l.orderkey = o.orderkey",
    f"SELECT a.orderkey FROM {ORDERS} a JOIN {ORDERS} b ON a.custkey = b.orderkey",
    f"WITH o AS (SELECT * FROM {ORDERS}) SELECT clerk FROM o WHERE totalprice > 1000",
    f"SELECT orderkey FROM {ORDERS} UNION ALL SELECT orderkey FROM tpch.tiny.orders",
    f"SELECT * FROM tpch.tiny.customer WHERE custkey IN (SELECT custkey FROM {ORDERS})",
    f"SELECT row_number() OVER (PARTITION BY orderstatus ORDER BY orderkey) FROM {ORDERS}",
    f"SELECT clerk FROM {ORDERS} ORDER BY clerk LIMIT 3",
    f"SELECT DISTINCT orderpriority FROM {ORDERS} o WHERE EXISTS (SELECT 1 FROM {ORDERS} p WHERE p.orderkey = o.custkey)",
    f"SELECT orderkey FROM {ORDERS} WHERE false",
)
FORMS = (
    "EXPLAIN",
    "EXPLAIN (FORMAT JSON)",
    "EXPLAIN (TYPE LOGICAL, FORMAT GRAPHVIZ)",
    "EXPLAIN (TYPE DISTRIBUTED, FORMAT TEXT)",
    "EXPLAIN (TYPE IO, FORMAT JSON)",
    "EXPLAIN (TYPE VALIDATE)",
    "EXPLAIN ANALYZE",
    "EXPLAIN ANALYZE VERBOSE",
)
TIMES = ("elapsedTimeMillis", "queuedTimeMillis", "wallTimeMillis")
SPLITS = ("totalSplits", "queuedSplits", "runningSplits", "completedSplits")


def pages(gateway: Gateway, sql: str, user: str) -> list[dict[str, Any]]:
    """Return everything that a statement's pages say, headers among it."""
    headers = {"X-Trino-User": user, "X-Trino-Time-Zone": "UTC"}
    answer = requests.post(f"{gateway.url}/v1/statement", data=sql.encode(), headers=headers, timeout=120)
    told = []
    while True:
        page = answer.json()
        told.append({**page, "headers": {k: v for k, v in answer.headers.items() if k.lower().startswith("x-")}})
        if "nextUri" not in page:
            return told
        answer = requests.get(page["nextUri"], headers=headers, timeout=120)


def outcome(told: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
    """Return what does not differ from run to run: columns, rows, or the error without its query's id."""
    last = told[-1]
    error = last.get("error")
    message = error["message"].replace(last["id"], "<id>") if error else None
    return None if error else last.get("columns"), [row for page in told for row in page.get("data", ())], message


_OWN = re.compile(r'"http://[^"]*"|\b\d{8}_\d{6}_\d{5}_\w{5}\b')
"""Sealed addresses, and the ids of queries: any digits may be in them."""


def quiet(told: object) -> None:
    text = _OWN.sub("", json.dumps(told))
    assert not [word for word in (*POLICY_WORDS, "random()") if word in text]


@pytest.mark.parametrize("form", FORMS)
def test_explanations_are_the_same_under_any_bound(attesting: Gateway, form: str) -> None:
    for sql in QUERIES:
        one, two = (pages(attesting, f"{form} {sql}", user) for user in ("one", "two"))
        assert outcome(one) == outcome(two)
        quiet([one, two])
        assert "comment" not in str(outcome(one)) or "customer" in sql, "a withheld column"


@pytest.mark.parametrize(
    "sql",
    [
        f"SHOW STATS FOR {ORDERS}",
        f"SHOW STATS FOR (SELECT orderkey FROM {ORDERS})",
        f"SHOW STATS FOR (SELECT o.orderkey FROM {ORDERS} o JOIN tpch.tiny.nation n ON true)",
        f"ANALYZE {ORDERS}",
        f"SHOW CREATE TABLE {ORDERS}",
        f"DESCRIBE {ORDERS}",
        f"SHOW COLUMNS FROM {ORDERS}",
        "SELECT * FROM memory.information_schema.columns WHERE table_name = 'orders'",
        f"SELECT comment FROM {ORDERS}",
        f"SELECT nosuch FROM {ORDERS}",
        f"SELECT orderkey FROM {ORDERS} WHERE comment LIKE 'F%'",
        f"SELECT CAST(clerk AS integer) FROM {ORDERS}",
        f"SELECT 1 / (orderkey - orderkey) FROM {ORDERS}",
        f"SELECT json_parse(orderpriority) FROM {ORDERS}",
        f"SELECT (SELECT orderkey FROM {ORDERS})",
        f"DELETE FROM {ORDERS} WHERE orderkey = 1",
        "SHOW FUNCTIONS LIKE 'substr%'",
    ],
)
def test_what_is_told_beside_rows_is_the_same_under_any_bound(attesting: Gateway, sql: str) -> None:
    one, two = (pages(attesting, sql, user) for user in ("one", "two"))
    assert outcome(one) == outcome(two)
    quiet([one, two])


def test_a_withheld_column_and_an_unknown_one_give_the_same_answer(attesting: Gateway) -> None:
    withheld, unknown = (
        outcome(pages(attesting, f"SELECT {c} FROM {ORDERS}", "one"))[2] for c in ("comment", "nosuch1")
    )
    assert withheld.replace("comment", "nosuch1") == unknown


@pytest.mark.parametrize("sql", QUERIES)
def test_statistics_count_what_came_out_and_nothing_that_was_read(attesting: Gateway, sql: str) -> None:
    rows = 0
    for page in pages(attesting, sql, "one"):
        stats = page["stats"]
        rows += len(page.get("data", ()))
        for told in (stats, stats.get("rootStage") or {}):
            counted = {n for n, v in told.items() if isinstance(v, int) and not isinstance(v, bool) and v}
            assert counted <= {"processedRows", "processedBytes", "nodes", *TIMES, *SPLITS}
            assert all(told.get(name, 0) <= 1 for name in SPLITS)
            assert told.get("processedRows", 0) <= rows
            assert not told.get("subStages")
        assert page["warnings"] == []


def test_the_last_statistics_are_the_same_under_any_bound(attesting: Gateway) -> None:
    told = []
    for user in ("one", "two"):
        stats = pages(attesting, f"SELECT count(*) > 0 FROM {ORDERS}", user)[-1]["stats"]
        root = {name: value for name, value in stats["rootStage"].items() if name not in TIMES}
        told.append({**{name: value for name, value in stats.items() if name not in TIMES}, "rootStage": root})
    assert told[0] == told[1]


def test_query_information_is_the_users_own_text_and_figures(attesting: Gateway) -> None:
    sql = f"SELECT count(*) > 0 FROM {ORDERS}"
    shapes = []
    for user in ("one", "two"):
        told = pages(attesting, sql, user)
        info = requests.get(
            f"{attesting.url}/v1/query/{told[0]['id']}", headers={"X-Trino-User": user}, timeout=60
        ).json()
        quiet(info)
        assert info["query"] == sql
        assert not {"inputs", "referencedTables", "routines", "outputStage", "stages"} & set(info)
        assert (info["queryStats"]["processedInputPositions"], info["queryStats"]["outputPositions"]) == (1, 1)
        shapes.append((sorted(info), sorted(info["queryStats"])))
    assert shapes[0] == shapes[1]


def test_a_statement_without_policies_keeps_trinos_own_statistics(attesting: Gateway) -> None:
    stats = pages(attesting, "SELECT count(*) FROM tpch.tiny.lineitem", "one")[-1]["stats"]
    assert stats["processedRows"] == 60_175
    assert stats["rootStage"]["subStages"]
