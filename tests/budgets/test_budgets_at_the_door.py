"""Budgets at a gateway as it is served, over the lake, with Trino's own client: who is refused, warned, charged, let by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from trino.exceptions import TrinoUserError
from typer.testing import CliRunner

from gateway.cli.main import app
from tests.admin.api_client import Api, token_of
from tests.budgets.spending_world import TABLE, WHOLE, Spending, in_seconds, make_spending
from tests.operations.client import Client
from tests.operations.gateway_process import eventually, running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spending]:
    made = make_spending(tmp_path_factory.mktemp("spending"))
    with running(made.gateway):
        yield made


def refused(world: Spending, user: str, sql: str = WHOLE, **more: Any) -> str:
    """Return the text that a statement is refused with."""
    with pytest.raises(TrinoUserError) as told:
        world.rows(user, sql, **more)
    assert told.value.error_name == "QUERY_REJECTED"
    return str(told.value.message)


def approve(world: Spending, approver: str, status: int = 201, **changes: Any) -> dict[str, Any]:
    body = {"budget": "poor-day", "amount": "10 MB", "reason": "the quarter's close", "expires_at": in_seconds(3600)}
    with Api(world.gateway, approver) as api:
        return dict(api.answer("POST", "/api/v1/budgets/overrides", status, json={**body, **changes}))


def end(world: Spending, override: dict[str, Any]) -> None:
    with Api(world.gateway, "stella") as api:
        api.answer("DELETE", f"/api/v1/budgets/overrides/{override['id']}", 204)


def test_a_statement_that_the_budget_has_no_bytes_for_is_refused_with_the_number_and_the_way_out(
    world: Spending,
) -> None:
    assert len(world.rows("poor")) == 4000
    used = world.await_used("poor", "poor-day")
    assert used == pytest.approx(world.size, rel=0.35)
    text = refused(world, "poor")
    assert text.startswith("This query takes at least ")
    assert "budget poor-day (poor) has " in text[:200]
    assert "Fix: " in text[:200]
    assert "penstock budget override poor-day --holder poor" in text
    assert "olga or a steward may override" in text
    eventually(lambda: ("REFUSED", "QUERY_REJECTED") in _outcomes(world, "poor"))
    assert world.rows("poor", "SHOW SCHEMAS FROM lake")  # what costs nothing asks no budget
    assert world.gateway.metric("penstock_budget_refusals_total", limit="poor-day", when="before") >= 1
    eventually(lambda: world.gateway.metric("penstock_budget_spent", budget="poor-day", holder="poor") == used)


def test_an_override_lets_its_holder_by_until_it_ends_or_expires(world: Spending) -> None:
    world.rows("poorer")
    world.await_used("poorer", "poor-day")
    refused(world, "poorer")
    approved = approve(world, "olga", holder="poorer")
    assert len(world.rows("poorer")) == 4000
    note = f"override {approved['id']} of poor-day"
    eventually(lambda: any(note in (each["bill"] or "") for each in world.gateway.usage()))
    end(world, approved)
    refused(world, "poorer")
    approve(world, "stella", holder="poorer", expires_at=in_seconds(3))
    assert len(world.rows("poorer")) == 4000
    eventually(lambda: _is_refused(world, "poorer"), seconds=10)
    with Api(world.gateway, "root") as api:
        found = api.answer("GET", "/api/v1/budgets/overrides", params={"budget": "poor-day"})["items"]
        accounts = api.answer("GET", "/api/v1/budgets/poor-day/accounts")["items"]
    assert [(each["live"], each["ended_by"]) for each in found if each["id"] == approved["id"]] == [(False, "stella")]
    assert approved["id"] in {each["override"] for each in accounts}


def _outcomes(world: Spending, user: str) -> list[tuple[str, str | None]]:
    return [(each["outcome"], each["error_code"]) for each in world.gateway.usage() if each["user_name"] == user]


def _is_refused(world: Spending, user: str) -> bool:
    try:
        world.rows(user)
    except TrinoUserError:
        return True
    return False


def test_who_asks_for_himself_or_without_the_right_overrides_nothing(world: Spending) -> None:
    assert approve(world, "olga", 403, holder="olga")["code"] == "four_eyes"
    assert approve(world, "poor", 404, holder="poorer")["code"] == "not_found"
    assert approve(world, "olga", 404, budget="desks", holder="gas")["code"] == "not_found"
    assert approve(world, "olga", 422, holder="poor", expires_at=in_seconds(-5))["errors"][0]["field"] == "expires_at"
    late = approve(world, "olga", 422, holder="poor", expires_at=in_seconds(80 * 3600))
    assert late["errors"][0]["field"] == "expires_at"
    for amount in ("0", "-1 MB", "NaN", "1e9", "5 MiB"):
        assert approve(world, "olga", 422, holder="poor", amount=amount)["errors"][0]["field"] == "amount"
    assert approve(world, "olga", 422)["errors"][0]["field"] == "holder"
    assert approve(world, "stella", 422, budget="small", holder="capped")["errors"][0]["field"] == "amount"


def test_two_of_a_desk_share_its_week(world: Spending) -> None:
    world.rows("power1")
    world.await_used("power1", "desks")
    assert "budget desks (power) has " in refused(world, "power2")
    assert len(world.rows("gas1")) == 4000


def test_beyond_the_soft_limit_the_clients_warnings_say_so(world: Spending) -> None:
    told = [each["message"] for each in Client(world.gateway.url, "warned").run(WHOLE)["warnings"]]
    assert any("Budget warned-day (warned) has spent" in each for each in told), told


def test_a_cap_is_held_to_until_it_is_lifted(world: Spending) -> None:
    assert "cap small allows 1 kB a query" in refused(world, "capped")[:200]
    approved = approve(world, "stella", budget="small", holder="capped", amount="unlimited")
    assert len(world.rows("capped")) == 4000
    end(world, approved)
    refused(world, "capped")


def test_a_cross_join_is_refused_for_the_rows_that_it_makes_however_little_it_reads(world: Spending) -> None:
    text = refused(world, "crossing", f"SELECT count(*) FROM {TABLE} a CROSS JOIN {TABLE} b")
    assert "rows" in text[:200]
    assert "cap rows allows 1,000,000 rows" in text[:200]
    assert world.rows("crossing", f"SELECT count(*) FROM {TABLE}") == [[4000]]


def test_a_cancelled_statement_is_charged_what_it_read(world: Spending) -> None:
    cursor = world.cursor("leaving", f"SELECT a.payload, b.payload FROM {TABLE} a CROSS JOIN {TABLE} b")
    cursor.fetchone()
    cursor.cancel()
    eventually(lambda: float(world.account("leaving", "leaving-day")["used"]) > 0, seconds=20)
    assert _outcomes(world, "leaving") == [("CANCELED", "USER_CANCELED")]


def test_a_partner_has_a_budget_by_his_id(world: Spending) -> None:
    with Api(world.gateway, "root") as api:
        api.answer("POST", "/partners/", 201, json={"partner_id": "acme", "organization": "ACME"})
        body = {"partner_id": "acme", "dataset_name": TABLE, "scope": "read_only", "expires_at": in_seconds(3600)}
        api.answer("POST", "/entitlements/", 201, json=body)
        asked = {"partner_id": "acme", "datasets": [TABLE], "duration_hours": 1}
        token = api.answer("POST", "/tokens/", 201, json=asked)["token"]
    assert len(world.rows("acme", token=token)) == 4000
    eventually(lambda: _used(world, "partners-month") > 0, seconds=20)
    assert "budget partners-month (acme) has " in refused(world, "acme", token=token)


def _used(world: Spending, budget: str) -> int:
    with Api(world.gateway, "root") as api:
        return sum(int(each["used"]) for each in api.answer("GET", f"/api/v1/budgets/{budget}/accounts")["items"])


def test_owners_see_their_budgets_and_nobody_elses(world: Spending) -> None:
    with Api(world.gateway, "olga") as api:
        assert [each["id"] for each in api.answer("GET", "/api/v1/budgets")["items"]] == ["poor-day"]
        api.answer("GET", "/api/v1/budgets/desks/accounts", 404)
        assert all(each["budget"] == "poor-day" for each in api.answer("GET", "/api/v1/budgets/overrides")["items"])
    with Api(world.gateway, "gas1") as api:
        assert api.answer("GET", "/api/v1/budgets")["items"] == []
        assert [each["budget"] for each in api.answer("GET", "/api/v1/budgets/mine")["accounts"]] == ["desks"]
    with Api(world.gateway, None) as api:
        api.answer("GET", "/api/v1/budgets/mine", 401)


def test_the_command_line_shows_budgets_and_approves_overrides(world: Spending) -> None:
    url = f"http://127.0.0.1:{world.gateway.config['admin']['port']}"

    def penstock(user: str, *arguments: str) -> Any:
        command = ["budget", *arguments, "--url", url, "--token", token_of(user), "--json"]
        answer = CliRunner().invoke(app, command)
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.stdout) if answer.stdout else None

    assert {each["id"] for each in penstock("stella", "list")} >= {"poor-day", "desks", "small"}
    assert {each["holder"] for each in penstock("olga", "show", "poor-day")} <= {"poor", "poorer"}
    assert [each["budget"] for each in penstock("gas1", "mine")["accounts"]] == ["desks"]
    until, reason = in_seconds(600), "a try"
    asked = ("override", "desks", "--holder", "gas", "--amount", "1 MB", "--reason", reason, "--until", until)
    (made,) = penstock("stella", *asked)
    assert made["amount"] == "1000000"
    penstock("stella", "end-override", made["id"])
    (found,) = penstock("stella", "overrides", "--budget", "desks")
    assert (found["id"], found["live"], found["ended_by"]) == (made["id"], False, "stella")
