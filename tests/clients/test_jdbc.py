"""The JDBC driver, unmodified: the same program on the gateway and directly on the real Trino."""

from __future__ import annotations

import pytest
from compared import Answers, check_cancelled, check_same
from demo_process import Demo
from jdbc_answers import CATALOGS, PLACES, SYSTEM_SCHEMA, Command
from jdbc_answers import ask as run

PARAMETERS = "types of parameters, and of columns made of them, are not inferred; origins of columns are not told"
DIFFERENCES = {
    "catalogs": CATALOGS,
    "error of SELECT 'a' + 1": PLACES,
    "error of SELECT count(*) FROM (VALUES 1) AS t(a) WHERE a = 'x'": PLACES,
    "error of ": "the driver prints the headers of the HTTP answer, whose status is the same",
}
OF_THE_LAKE = {
    "explicitPrepare=true described": PARAMETERS,
    "explicitPrepare=false described": PARAMETERS,
    "schemas": SYSTEM_SCHEMA,
    "value TIME '01:02:03+08:00'": "the lake has no time with time zone",
    "error of SELECT CAST('x' AS integer)": "the lake's text does not quote the value",
    "error of SELECT TINYINT '127' + TINYINT '1'": "the lake's text does not quote the values",
}


TRANSACTIONS = (
    "transaction", "metadata in a transaction", "prepared in a transaction", "failure in a transaction", "write in a transaction",
    "write where one reads only", "isolation 1", "isolation 2", "isolation 4", "isolation 8", "back to autocommit", "begun twice",
)  # fmt: skip
NO_TRANSACTIONS = dict.fromkeys(TRANSACTIONS, "the lake has no transactions")


def ask(jdbc: Command, port: int, user: str = "admin1", *more: str) -> Answers:
    answers = run(jdbc, "Probe", port, "iceberg/trading", user, "iceberg.sandbox", *more)
    if "cancel" in answers:
        check_cancelled(port)
    return answers


@pytest.fixture(scope="session")
def direct(jdbc: Command, trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(jdbc, trino_demo.trino_port)


def test_every_answer_through_the_gateway_is_trinos(jdbc: Command, trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(jdbc, trino_demo.port), DIFFERENCES)


def test_every_answer_of_the_lake_is_trinos(jdbc: Command, lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(jdbc, lake_demo.port), DIFFERENCES | OF_THE_LAKE | NO_TRANSACTIONS)


def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["100,000 rows"][0] == 100_000
    assert direct["validated by HEAD"]["state"] == "28000", "without TLS and a password the driver cannot validate"
    assert direct["valid"] is True
    assert direct["batch"]["class"] == "SQLFeatureNotSupportedException"
    assert direct["prepared batch"] == "[1, 1, 1]"
    assert direct["timeout"]["code"] == 131075
    assert direct["cancel"] == [True, False]
    assert direct["error of SELECT 1 / 0"]["code"] == 8
    assert len(direct["columns of all"][1]) > 20
    assert len(direct["explicitPrepare=true values"][1][0]) == 13
    assert direct["prepared by hand"] == "42"
    assert len([question for question in direct if question.startswith("ability ")]) > 130
    assert direct["unknown kinds"]["ascii stream"] == "x"
    assert set(TRANSACTIONS) < set(direct)
    assert [answer[1] for answer in direct["transaction"]] == [[["69"]], [["1"]], [["true"]]]
    assert [answer["code"] for answer in direct["failure in a transaction"][:3]] == [47, 22, 22]
    assert direct["failure in a transaction"][3] == "rolled back"
    assert direct["use"] == ["trading", "iceberg.trading"]


def test_the_lake_says_that_it_has_no_transactions(jdbc: Command, lake_demo: Demo) -> None:
    answers = run(jdbc, "Marts", lake_demo.port, "iceberg/curated", "admin1", "iso_node_mapping")
    refused, after = answers["no transaction"]
    assert refused["code"] == 13
    assert "use autocommit" in refused["message"]
    assert after[1] == [["true"]]


def test_policies_hold_for_everything_that_the_driver_sends(jdbc: Command, trino_demo: Demo, demo: Demo) -> None:
    filtered = "(SELECT * FROM iceberg.trading.trades WHERE desk = 'CAISO')"
    expected = ask(jdbc, trino_demo.trino_port, "admin1", filtered)
    assert int(expected["count"]) > 0
    check_same(expected, ask(jdbc, demo.port, "trader1", "iceberg.trading.trades"), {})
