"""`POST /api/v1/policies/simulate` on a running gateway: what a statement becomes as anybody, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admin.api_client import TABLE, Api
from tests.operations.gateway_process import Gateway

SIMULATE = "/api/v1/policies/simulate"


def kinds(answer: dict[str, Any]) -> set[tuple[str, str | None]]:
    """Return what the reasons are about, with their rules."""
    return {(reason["kind"], reason["rule"]) for reason in answer["reasons"]}


def test_an_allowed_statement_comes_with_a_reason_for_each_change(root: Api) -> None:
    answer = root.answer("POST", SIMULATE, json={"user": "ana", "sql": f"SELECT id FROM {TABLE}"})
    assert answer["decision"] == "allow"
    assert "WHERE \"desk\" = 'CAISO'" in answer["sql"]
    assert kinds(answer) == {("grant", "trading"), ("row_filter", "own_desk")}
    assert [r["sql"] for r in answer["reasons"] if r["kind"] == "row_filter"] == ["\"desk\" = 'CAISO'"]


def test_a_refused_statement_comes_with_the_smallest_missing_grant(root: Api) -> None:
    answer = root.answer("POST", SIMULATE, json={"user": "nobody", "sql": f"SELECT id FROM {TABLE}"})
    assert answer["decision"] == "refuse"
    assert (answer["sql"], answer["code"]) == (None, "CATALOG_NOT_FOUND")
    assert answer["missing"]["verified"]
    assert [(m["kind"], m["action"], m["columns"]) for m in answer["missing"]["items"]] == [
        ("grants", "select", ["id"]),
        ("row_filters", "filter", []),
    ]


def test_the_session_of_the_question_counts(root: Api) -> None:
    asked = {
        "user": "visitor",
        "sql": "SELECT count(*) FROM trades",
        "catalog": "lake",
        "schema": "trading",
        "roles": ["admin"],
    }
    assert root.answer("POST", SIMULATE, json=asked)["decision"] == "allow"
    assert root.answer("POST", SIMULATE, json={**asked, "roles": []})["decision"] == "refuse"


def test_an_owner_simulates_statements_over_his_tables_only(governed: Gateway) -> None:
    with Api(governed, "olga") as api:
        assert api.answer("POST", SIMULATE, json={"user": "ana", "sql": f"SELECT * FROM {TABLE}"})["reasons"]
        others = (
            "SELECT * FROM lake.trading.other",
            "SHOW TABLES FROM lake.trading",
            "SELECT 1",
            "SELECT * FROM x.y.z",
        )
        problems = [api.answer("POST", SIMULATE, 403, json={"user": "ana", "sql": sql}) for sql in others]
    assert {problem["detail"] for problem in problems} == {
        "An owner may simulate statements over tables whose policies he manages, and over no others."
    }


def test_explain_gives_the_plan_as_data(root: Api) -> None:
    answer = root.answer("POST", "/api/v1/policies/explain", json={"user": "ana", "sql": f"SELECT id FROM {TABLE}"})
    assert answer["plan"]["policies"] == ["grant trading", "row_filter own_desk"]
    assert answer["plan"]["engine_sql"]


@pytest.mark.parametrize(
    "body",
    [{}, {"user": "", "sql": "SELECT 1"}, {"user": "a"}, {"user": "a", "sql": "SELECT 1", "unknown": 1}],
    ids=["nothing", "no user", "no statement", "an unknown key"],
)
def test_a_question_of_the_wrong_form_is_refused_with_its_field(root: Api, body: dict[str, Any]) -> None:
    assert root.answer("POST", SIMULATE, 422, json=body)["errors"]
