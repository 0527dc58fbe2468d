"""The JDBC driver, unmodified, on ClickHouse: the same program on the marts, and on their twins in the real Trino."""

from __future__ import annotations

import json
from typing import Any

import pytest
from compared import Answers, check_cancelled, check_same
from demo_process import Demo
from jdbc_answers import PLACES, Command, ask
from marts_twin import twin_marts

QUOTED = "ClickHouse does not say which value it was"
REFUSED = "refused by name on ClickHouse"
DIFFERENCES = {
    "error of SELECT CAST(iso AS integer) FROM lmp_hourly": QUOTED,
    "error of SELECT CAST(n * 1000 AS tinyint) FROM lmp_hourly": QUOTED,
    "error of SELECT hourly_lmp[100] FROM node_daily": QUOTED,
    "error of SELECT iso + n FROM lmp_hourly": PLACES,
    "schemas": "the gateway keeps its materialized views in a schema beside the marts",
    "no transaction": "ClickHouse has no transactions",
    "value TIME '01:02:03'": REFUSED,
    "value TIME '01:02:03.123456'": REFUSED,
    "value TIME '01:02:03+08:00'": REFUSED,
    "value INTERVAL '3' DAY": REFUSED,
    "value INTERVAL '14' MONTH": REFUSED,
    "value JSON '{\"a\": [1, null]}'": REFUSED,
    "value CAST(NULL AS array(integer))": REFUSED,
}


@pytest.fixture(scope="module")
def direct(jdbc: Command, trino_demo: Demo) -> Any:
    """What the real Trino answers about tables of the same content."""
    with twin_marts(trino_demo) as catalog:
        answers = ask(jdbc, "Marts", trino_demo.trino_port, f"{catalog}/marts", "admin1")
        return json.loads(json.dumps(answers).replace(f'"{catalog}"', '"clickhouse"').replace(catalog, "clickhouse"))


@pytest.fixture(scope="module")
def through(jdbc: Command, lake_demo: Demo) -> Answers:
    answers = ask(jdbc, "Marts", lake_demo.port, "clickhouse/marts", "admin1")
    check_cancelled(lake_demo.port)
    return answers


@pytest.mark.long
def test_every_answer_of_clickhouse_is_trinos(direct: Answers, through: Answers) -> None:
    check_same(direct, through, DIFFERENCES)


def test_what_clickhouse_cannot_do_is_refused_by_name(through: Answers) -> None:
    for question, reason in DIFFERENCES.items():
        if reason == REFUSED:
            assert through[question]["code"] == 13, question
            assert "not supported on ClickHouse" in through[question]["message"]
    refused, after = through["no transaction"]
    assert refused["code"] == 13
    assert "START TRANSACTION is not supported for catalog 'clickhouse'" in refused["message"]
    assert after[1] == [["true"]], "the connection works on, in autocommit mode"


@pytest.mark.long
def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["100,000 rows"][0] == 100_000
    assert direct["timeout"]["code"] == 131075
    assert direct["cancel"] == [True, False]
    assert len(direct["columns"][1]) == 19
    assert [len(rows[1]) for rows in direct["explicitPrepare=false twice"]] == [1, 1, 0]
    failed = [question for question, answer in direct.items() if isinstance(answer, dict) and "class" in answer]
    allowed = ("error of", "timeout", "indexes", "functions", "without a value")
    assert all(any(word in question for word in allowed) for question in failed), failed
