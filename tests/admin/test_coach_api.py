"""`/api/v1/coach`: what a statement would cost, told to who may know; nothing is run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from tests.admin.api_client import TABLE, Api
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually

SQL = f"SELECT * FROM {TABLE}"


def measured(api: Api, sql: str = SQL) -> dict[str, Any]:
    """Return what the coach says once the table's manifests are read: the first statement does not wait for long."""

    def told() -> dict[str, Any] | None:
        found: dict[str, Any] = api.answer("POST", "/api/v1/coach", json={"sql": sql})
        return found if "manifest" in found["estimate"]["basis"] else None

    found = eventually(told, seconds=30)
    assert found is not None
    return found


def test_whoever_is_known_is_told_what_his_statement_would_cost(governed: Gateway) -> None:
    with Api(governed, "olga") as olga:
        found = measured(olga)
    assert (found["decision"], found["statement"], found["engine"]) == ("allow", "SELECT", "lake")
    estimate = found["estimate"]
    assert 0 <= estimate["bytes"]["low"] < estimate["bytes"]["likely"] <= estimate["bytes"]["high"]
    assert estimate["usd"]["likely"].count(".") == 1
    (table,) = found["dominant"]
    assert (table["table"], table["share"]) == (TABLE, 1.0)
    assert {each["column"] for each in table["columns"]} == {"id", "desk"}
    assert found["hints"] == []


def test_from_whom_rows_are_hidden_is_told_how_large_the_table_is_and_nothing_that_his_conditions_move(
    governed: Gateway,
) -> None:
    with Api(governed, "olga") as olga, Api(governed, "ana") as ana:
        measured(olga)
        every, none = (
            ana.answer("POST", "/api/v1/coach", json={"sql": f"{SQL} WHERE id {condition}"})
            for condition in (">= 0", "> 1000")
        )
    assert every["estimate"] == none["estimate"]
    assert every["estimate"]["kind"] == "bounded by table size"
    assert every["missing"] == none["missing"] == []


def test_what_would_be_refused_is_an_answer_and_names_no_table_that_is_hidden(governed: Gateway) -> None:
    with Api(governed, "ana") as ana:
        found = ana.answer("POST", "/api/v1/coach", json={"sql": "SELECT * FROM lake.trading.nosuch"})
        assert (found["decision"], found["code"], found["estimate"]) == ("refuse", "TABLE_NOT_FOUND", None)
        wrong = ana.answer("POST", "/api/v1/coach", json={"sql": "SELEC 1"})
        assert wrong["code"] == "SYNTAX_ERROR"


@pytest.mark.parametrize(
    ("caller", "status"), [("ana", 403), ("olga", 200), ("stella", 200), ("aude", 200), (None, 401)]
)
def test_about_others_statements_only_those_ask_who_keep_the_tables(
    governed: Gateway, caller: str | None, status: int
) -> None:
    with Api(governed, caller) as api:
        api.answer("POST", "/api/v1/coach", status, json={"sql": SQL, "user": "root"})


def test_an_owner_asks_as_others_about_his_tables_alone(governed: Gateway) -> None:
    with Api(governed, "olga") as olga:
        sql = "SELECT count(*) FROM lake.information_schema.tables"
        olga.answer("POST", "/api/v1/coach", 403, json={"sql": sql, "user": "root"})


def test_a_recorded_statement_is_there_for_who_sent_it_and_for_stewards(governed: Gateway) -> None:
    client = Client(governed.url, "ana")
    done = client.run(SQL)
    path = f"/api/v1/coach/{done['id']}/apply"
    with Api(governed, "ana") as ana, Api(governed, "stella") as stella, Api(governed, "tim") as tim:
        with Api(governed, "olga") as olga:
            measured(olga)
        assert ana.answer("POST", path, 409, json={})["code"] == "no_alternative"
        chosen = ana.answer("POST", path, json={"alternative": 1})
        assert chosen["query_id"] == done["id"]
        assert chosen["same_result"] is False
        assert ana.answer("POST", path, 422, json={"alternative": 20})["code"] == "invalid"
        assert stella.answer("POST", path, 409, json={})["code"] == "no_alternative"
        tim.answer("POST", path, 404, json={})
        ana.answer("POST", "/api/v1/coach/nosuch/apply", 404, json={})


def test_offenders_are_listed_with_what_they_waste(governed: Gateway) -> None:
    Client(governed.url, "ana").run(SQL)
    with Api(governed, "stella") as stella, Api(governed, "ana") as ana:
        found = stella.answer("GET", "/api/v1/coach/offenders", params={"days": 1})
        ana.answer("GET", "/api/v1/coach/offenders", 403)
    costs = [float(each["cost_usd"]) for each in found["items"]]
    wastes = [float(each["waste_usd"]) for each in found["items"]]
    assert costs
    assert min(costs) > 0
    assert wastes == sorted(wastes, reverse=True)
    assert all(waste <= cost for waste, cost in zip(wastes, costs, strict=True))


def penstock(gateway: Gateway, *command: str, user: str, code: int = 0) -> Result:
    """Run a command in this process."""
    done = CliRunner().invoke(app, [*command, "--config", str(gateway.path), "--as", user])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


def test_the_command_line_lists_offenders_and_prints_what_to_run_instead(governed: Gateway) -> None:
    with Api(governed, "olga") as olga:
        measured(olga)
    done = Client(governed.url, "ana").run(SQL)
    listed = penstock(governed, "offenders", "--days", "1", "--most", "50", user="stella").stdout
    assert listed.split()[:2] == ["waste_usd", "cost_usd"]
    items = json.loads(penstock(governed, "offenders", "--days", "1", "--json", user="stella").stdout)["items"]
    assert {"ana"} <= {each["user"] for each in items}
    assert "forbidden" in penstock(governed, "offenders", user="ana", code=1).stderr
    assert "no_alternative" in penstock(governed, "autofix", done["id"], user="ana", code=1).stderr
    chosen = penstock(governed, "autofix", done["id"], "--alternative", "1", user="ana").stdout
    told = json.loads(penstock(governed, "autofix", done["id"], "--alternative", "1", "--json", user="ana").stdout)
    assert chosen == told["sql"] + "\n"
    assert Client(governed.url, "ana").rows(told["sql"])
    assert "not_found" in penstock(governed, "autofix", "nosuch", user="ana", code=1).stderr
