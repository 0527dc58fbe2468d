"""The harness itself: what ends otherwise is told, whatever file it comes from, and what is only words is skipped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.arena import Arena
from tests.attacks.cases import BadCaseError, Case, read_cases
from tests.attacks.judge import judge

ORDERS = "SELECT * FROM orders"


def case(sql: str, expect: str, letter: str = "A", **session: Any) -> Case:
    return Case("T01", f"{letter}-test", sql, expect, session=session)


@pytest.mark.parametrize(
    "planted",
    [
        case(ORDERS, "refuse"),
        case("SELECT * FROM lake.hr.salaries", "filtered"),
        case("SELECT 1", "refuse"),
        case(ORDERS, "ok", user="nobody-at-all", jwt="alg=none"),
        case("GET /v1/info", "refuse", "N"),
        case("GET /v1/query/{id}", "refuse", "N", note="replay of the query of ana"),
        case("DELETE /v1/query/{id}", "refuse", "N", user="ana", note="query of ana"),
        case("CREATE TABLE lake.sandbox.planted AS SELECT 1 AS x", "refuse", "H"),
        case("EXECUTE p", "refuse", headers={"X-Trino-Prepared-Statement": "p=SELECT%201"}),
        case(ORDERS, "refuse", headers=[["X-Trino-Source", "a"]], note="ana ran the same text before"),
    ],
    ids=lambda planted: planted.sql[:40],
)
def test_a_case_that_ends_otherwise_has_failed(lake: Arena, planted: Case) -> None:
    assert judge(lake, planted).result == "failed"


def test_rows_that_the_copy_does_not_show_are_seen(lake: Arena) -> None:
    """The steward sees everything: as a case, that is every canary in the answer."""
    verdict = judge(lake, case("SELECT attrs.note FROM orders", "filtered", user="eva"))
    assert verdict.result == "failed"
    assert "CANARY" in verdict.reason


@pytest.mark.parametrize(
    "session",
    [
        {"note": "the moon is full"},
        {"fault": "meteor"},
        {"jwt": "written on paper"},
        {"weather": "rain"},
        {"note": "transaction opened by ana"},
    ],
    ids=str,
)
def test_a_set_up_that_is_only_words_is_skipped(lake: Arena, session: dict[str, Any]) -> None:
    assert judge(lake, case(ORDERS, "filtered", **session)).result == "skipped"


@pytest.mark.parametrize(
    "good",
    [
        case(ORDERS, "filtered", note="bob ran the same text before"),
        case(ORDERS, "filtered", note="previous session had schema=sandbox"),
        case("EXECUTE p", "filtered", note="PREPARE p FROM SELECT order_id FROM orders"),
        case("SELECT * FROM lake.sandbox.made", "ok", note="CREATE TABLE lake.sandbox.made AS SELECT 1 AS x"),
        case("INSERT INTO lake.sandbox.gathered SELECT order_id, customer_email FROM orders", "filtered", "H"),
        case(ORDERS, "refuse", jwt="expired"),
        case(ORDERS, "refuse", jwt="wrong audience"),
        case(ORDERS, "refuse", user="partner-x", jwt_claims={"region": "' OR true --"}),
        case(ORDERS, "filtered", user="partner-x", jwt_claims={"region": "US"}),
        pytest.param(case(ORDERS, "refuse", fault="policy does not parse"), marks=pytest.mark.long),
        pytest.param(case(ORDERS, "refuse", fault="engine unreachable"), marks=pytest.mark.long),
        pytest.param(case(ORDERS, "refuse", fault="jwks_down"), marks=pytest.mark.long),
        case(ORDERS, "filtered", fault="parser_worker_killed"),
        pytest.param(case(ORDERS, "refuse", fault="policy_store_down"), marks=pytest.mark.long),
    ],
    ids=lambda good: f"{good.sql[:30]} {good.session}",
)  # fmt: skip
def test_set_ups_of_every_kind_are_acted_on(lake: Arena, good: Case) -> None:
    verdict = judge(lake, good)
    assert verdict.result == "passed", verdict.reason


def test_a_file_whose_outcomes_are_unknown_is_not_read(tmp_path: Any) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("- {id: X, class: A-x, sql: SELECT 1, expect: perhaps}\n")
    with pytest.raises(BadCaseError, match="perhaps"):
        read_cases(path)
