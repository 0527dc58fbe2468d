"""DBeaver's and Metabase's own statements through the JDBC driver: on the gateway and directly on the real Trino."""

from __future__ import annotations

import json

import pytest
from compared import Answers, check_cancelled, check_same
from demo_process import Demo
from jdbc_answers import CATALOGS, SYSTEM_SCHEMA, Command
from jdbc_answers import ask as run

MEDIAN = "Metabase, explicitPrepare=true: median"
SOURCES = "SHOW CREATE says nothing of where and how a table is stored, and shows tables only"
DIFFERENCES = {
    "DBeaver: catalogs": CATALOGS,
    "DBeaver: source of iso_node_mapping": SOURCES,
    "DBeaver: source of traders": SOURCES,
    "DBeaver: source of a view": SOURCES,
    "Metabase, explicitPrepare=true: catalog": "the type is as wide as the longest catalog's name, and there are others",
}
OF_THE_LAKE = {
    "DBeaver: schemas": SYSTEM_SCHEMA,
    "Metabase, explicitPrepare=true: schemas": SYSTEM_SCHEMA,
    MEDIAN: "the lake finds percentiles exactly, Trino by a sketch that may meet them",
}


def ask(jdbc: Command, port: int, user: str = "admin1", *more: str) -> Answers:
    answers = run(jdbc, "Tools", port, "iceberg", user, *(more or ("iceberg.sandbox",)))
    if not more:
        check_cancelled(port)
    return answers


@pytest.fixture(scope="module")
def direct(jdbc: Command, trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(jdbc, trino_demo.trino_port)


@pytest.mark.long  # the driver itself is compared in every run
def test_every_answer_through_the_gateway_is_trinos(jdbc: Command, trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(jdbc, trino_demo.port), DIFFERENCES)


@pytest.mark.long
def test_every_answer_of_the_lake_is_trinos(jdbc: Command, lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(jdbc, lake_demo.port), DIFFERENCES | OF_THE_LAKE, {MEDIAN})


@pytest.mark.long  # with what it guards
def test_the_programs_ask_what_they_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    inserted, updated, changed, deleted, left = direct["DBeaver: edit"]
    assert (inserted, updated, changed[1], deleted, left[1]) == (1, 1, [["1", "y"]], 1, [["0"]])
    assert direct["DBeaver: cancel"] == direct["Metabase: cancel"] == [True, False]
    assert direct["DBeaver: first rows of iceberg.curated.lmp_prices"][1] == 200
    assert len(direct["Metabase, explicitPrepare=true: by week"][1]) == 10
    assert [len(direct[f"Metabase, explicitPrepare={how}: filters"][1]) for how in ("true", "false")] == [2, 2]
    failed = {question for question, answer in direct.items() if isinstance(answer, dict) and "class" in answer}
    allowed = ("functions of", "indexes of", "exported keys of", "error", "nope", "too many values")
    assert all(any(word in question for word in allowed) for question in failed), failed


def test_an_analyst_browses_without_seeing_what_is_withheld(jdbc: Command, lake_demo: Demo) -> None:
    answers = ask(jdbc, lake_demo.port, "analyst1", "-")
    told = json.dumps(answers)
    assert "user-****@****.com" in told
    assert [row[2] for row in answers["DBeaver: tables of trading"][1]] == ["traders"]
    assert [row[2] for row in answers["DBeaver: search for tables"][1]] == ["traders"]
    for hidden in ("ssn", "social security", "positions", "memory"):
        assert hidden not in told


def test_metabase_asks_for_its_users_and_they_see_their_own(jdbc: Command, lake_demo: Demo) -> None:
    answers = ask(jdbc, lake_demo.port, "admin1", "-", "trader1", "analyst1")
    assert answers["as trader1: user"][1] == [["trader1"]]
    assert [row[0] for row in answers["as trader1: trades"][1]] == ["CAISO"]
    assert answers["as analyst1: tables"][1] == [["traders"]]
    assert answers["as analyst1: trades"]["code"] == 46
