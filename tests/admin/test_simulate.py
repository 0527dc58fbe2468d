"""`POST /api/v1/policies/simulate` on a running gateway: what a statement becomes as anybody, and who may ask."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli.main import app
from tests.admin.api_client import TABLE, Api
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually

SIMULATE = "/api/v1/policies/simulate"
TEST = "/api/v1/policies/test"


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
    assert [r["text"] for r in answer["reasons"]][1:] == [
        "No grant lets the caller read it.",
        "No row filter statement names the caller, and the table has or needs some.",
    ]
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


@contextmanager
def changeset(root: Api, section: str, entry: dict[str, Any]) -> Iterator[str]:
    """Draft a change; afterwards it is discarded."""
    edits = [{"op": "put", "section": section, "entry": entry}]
    made = root.answer("POST", "/api/v1/changesets", 201, json={"title": "Try it", "edits": edits})
    path = f"/api/v1/changesets/{made['id']}"
    try:
        yield made["id"]
    finally:
        root.answer("POST", f"{path}/discard", headers={"If-Match": f'"{made["revision"]}"'})


def test_a_changeset_is_simulated_and_tested_before_it_is_live(root: Api) -> None:
    asked = {"user": "ana", "sql": f"SELECT id FROM {TABLE}"}
    test = {
        "name": "desk",
        "as": {"user": "ana"},
        "sql": asked["sql"],
        "expect": {"filter": {"contains": "desk = 'SPP'"}},
    }
    entry = {"id": "own_desk", "table": TABLE, "users": ["ana"], "filter": "desk = 'SPP'"}
    with changeset(root, "row_filters", entry) as draft:
        assert "'SPP'" in root.answer("POST", SIMULATE, json={**asked, "changeset": draft})["sql"]
        assert "'CAISO'" in root.answer("POST", SIMULATE, json=asked)["sql"]
        found = root.answer("POST", TEST, json={"tests": [test], "changeset": draft})
        assert (found["passed"], found["failed"]) == (1, 0)
    (failure,) = root.answer("POST", TEST, json={"tests": [test]})["results"][0]["failures"]
    assert failure == {
        "expectation": "filter",
        "expected": "contains desk = 'SPP'",
        "found": "\"desk\" = 'CAISO'",
    }


def test_a_changeset_that_a_caller_may_not_see_is_not_there(governed: Gateway, root: Api) -> None:
    asked = {"user": "ana", "sql": f"SELECT id FROM {TABLE}"}
    entry = {"id": "more", "users": ["ana"], "assets": "lake.*", "allow": ["read"]}
    with changeset(root, "grants", entry) as draft, Api(governed, "olga") as olga:
        for path, body in ((SIMULATE, asked), (TEST, {"tests": [_case()]})):
            assert olga.answer("POST", path, 404, json={**body, "changeset": draft})["code"] == "not_found"
    unknown = {**asked, "changeset": "00000000-0000-4000-8000-000000000000"}
    assert root.answer("POST", SIMULATE, 404, json=unknown)["code"] == "not_found"


def _case(**expect: Any) -> dict[str, Any]:
    """Return a test of what Ana sees."""
    sql = f"SELECT desk FROM {TABLE}"
    return {"name": "x", "as": {"user": "ana"}, "sql": sql, "expect": expect or {"decision": "allow"}}


def test_tests_that_run_statements_take_a_steward_and_tell_no_value(governed: Gateway, root: Api) -> None:
    body = {"tests": [_case(rows=[["MISO"]])]}
    with Api(governed, "olga") as olga:
        assert olga.answer("POST", TEST, 403, json=body)["code"] == "forbidden"
    (failure,) = root.answer("POST", TEST, json=body)["results"][0]["failures"]
    assert failure["found"] == "2 rows: 1 missing, 2 not expected"
    assert root.answer("POST", TEST, json={"tests": [_case(rows=[["CAISO"], ["CAISO"]])]})["passed"] == 1
    assert root.answer("POST", TEST, json={"tests": [_case(row_count=2)]})["passed"] == 1


def test_who_simulated_whom_is_in_the_audit_and_no_statement_is_recorded(governed: Gateway, root: Api) -> None:
    sql = f"SELECT id AS told_to_the_audit FROM {TABLE}"
    root.answer("POST", SIMULATE, json={"user": "ana", "sql": sql})
    digest = hashlib.sha256(sql.encode()).hexdigest()

    def found() -> bool:
        with closing(sqlite3.connect(governed.folder / "usage.db", timeout=10)) as store:
            kept = store.execute(
                "SELECT 1 FROM penstock_audit WHERE kind = 'policy.simulate' AND actor = 'root' AND subject = 'ana'"
                " AND detail LIKE ?",
                (f"%{digest}%",),
            ).fetchall()
            assert not store.execute("SELECT 1 FROM penstock_usage WHERE sql_text = ?", (sql,)).fetchall()
        return bool(kept)

    assert eventually(found)


def test_explain_policy_answers_any_client(governed: Gateway) -> None:
    sql = f"EXPLAIN POLICY SELECT id FROM {TABLE}"
    rows = Client(governed.url, "ana").rows(sql)
    assert rows[:2] == [
        [TABLE, None, "allows", "You may read it: id."],
        [TABLE, None, "filters", "You see only some of its rows."],
    ]
    assert {row[2] for row in rows[2:]} == {"costs"}
    assert not any("Widest step" in row[3] for row in rows), "how many rows pass a filter is not told"
    steward = Client(governed.url, "olga").rows(sql)
    assert {row[4] for row in steward} == {None, "trading", "all_desks"}
    assert Client(governed.url, "nobody").rows(sql)[0][2] == "refuses"


def test_the_command_line_simulates_and_tests_at_a_gateway(governed: Gateway, tmp_path: Path) -> None:
    words = ["--config", str(governed.path), "--as", "root"]
    sql = f"SELECT id FROM {TABLE}"
    shown = CliRunner().invoke(app, ["policy", "simulate", "--user", "ana", "--sql", sql, *words])
    assert (shown.exit_code, "own_desk" in shown.stdout) == (0, True), shown.output
    refused = CliRunner().invoke(app, ["policy", "simulate", "--user", "nobody", "--sql", sql, "--json", *words])
    assert (refused.exit_code, json.loads(refused.stdout)["missing"]["verified"]) == (1, True)
    planned = CliRunner().invoke(app, ["policy", "simulate", "--user", "ana", "--sql", sql, "--plan", *words])
    assert (planned.exit_code, json.loads(planned.stdout)["plan"]["engine"]) == (0, "lake"), planned.output
    offline = ["policy", "simulate", "--user", "ana", "--sql", sql, "--json", "--offline", "--config"]
    alone = CliRunner().invoke(app, [*offline, str(governed.path)])
    assert json.loads(alone.stdout)["reasons"][0]["rule"] == "trading"
    path = tmp_path / "tests.yaml"
    path.write_text(yaml.safe_dump({"tests": [_case(), _case(decision="refuse") | {"name": "y"}]}))
    url = f"http://127.0.0.1:{governed.config['admin']['port']}"
    tested = CliRunner().invoke(app, ["policy", "test", str(path), "--url", url, *words])
    assert tested.exit_code == 1
    assert tested.stdout.splitlines()[-1] == "1 passed, 1 failed"
