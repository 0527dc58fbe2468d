"""The audit over the API: found by kind, person and time, page by page; and whether the chain is what was written."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.audit import walking
from gateway.cli.main import app
from gateway.config import load_config
from tests.admin.api_client import Api, governed_gateway
from tests.operations.gateway_process import Gateway, eventually, running

AUDIT = "/api/v1/audit"
KEY = "an audit key of at least thirty-two characters"
TABLE = "lake.trading.trades"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway whose audit has a key, and have some statements of Ana's refused and simulated."""
    folder = tmp_path_factory.mktemp("kept")
    with running(governed_gateway(folder, {"audit": {"keys": [{"id": "a1", "secret": KEY}]}})) as gateway:
        for number in range(5):
            assert "error" in gateway.client.run(f"SELECT {number} FROM lake.hidden.nothing")
        with Api(gateway, "stella") as stella:
            stella.answer("POST", "/api/v1/policies/simulate", json={"user": "ana", "sql": f"SELECT * FROM {TABLE}"})
            eventually(lambda: len(entries(stella, kind="refusal")) >= 5, seconds=60)
            eventually(lambda: entries(stella, kind="policy.simulate"), seconds=60)
        yield gateway


@pytest.fixture
def aude(kept: Gateway) -> Iterator[Api]:
    with Api(kept, "aude") as found:
        yield found


def entries(api: Api, **params: Any) -> list[dict[str, Any]]:
    return api.answer("GET", AUDIT, params=params)["items"]  # type: ignore[no-any-return]  # JSON


def test_entries_come_newest_first_and_page_by_page_to_the_first(aude: Api) -> None:
    found: list[int] = []
    after: dict[str, str] = {}
    while True:
        page = aude.answer("GET", AUDIT, params={"limit": 3, **after})
        found += [each["seq"] for each in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert found == list(range(found[0], 0, -1))
    assert len(found) >= 6


def test_entries_are_found_by_kind_and_person(aude: Api) -> None:
    refused = entries(aude, kind="refusal")
    assert {each["user"] for each in refused} == {"ana"}
    assert all(len(each["detail"]["sql_sha256"]) == 64 for each in refused)
    simulated = entries(aude, kind="policy", actor="stella")
    assert [(each["kind"], each["subject"], each["outcome"]) for each in simulated] == [
        ("policy.simulate", "ana", "done")
    ]
    assert entries(aude, actor="ana", kind="policy") == []
    assert {each["seq"] for each in entries(aude, user="ana")} >= {each["seq"] for each in refused}


def test_entries_are_found_by_time(aude: Api) -> None:
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    assert entries(aude, **{"from": (now + hour).isoformat()}) == []
    assert entries(aude, to=(now - hour).isoformat()) == []
    assert entries(aude, **{"from": (now - hour).isoformat(), "to": (now + hour).isoformat()})
    assert entries(aude, kind="refusal")[0]["at"].endswith("Z")


@pytest.mark.parametrize("user", ["olga", "ana"])
def test_owners_and_others_see_nothing_of_it(kept: Gateway, user: str) -> None:
    with Api(kept, user) as api:
        api.answer("GET", AUDIT, 403)
        api.answer("GET", f"{AUDIT}/verify", 403)


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({"kind": "a'; DROP TABLE"}, 422, "kind"),
        ({"from": "yesterday"}, 422, "from"),
        ({"limit": 0}, 422, "limit"),
        ({"since": "2026-01-01"}, 422, "since"),
        ({"after": "bm8"}, 404, "after"),
        ({"user": ""}, 422, "user"),
    ],
)
def test_what_is_not_asked_well_is_refused(aude: Api, params: dict[str, Any], status: int, field: str) -> None:
    assert aude.answer("GET", AUDIT, status, params=params)["errors"][0]["field"] == field


def test_the_chain_is_verified_by_a_walk(aude: Api, kept: Gateway) -> None:
    found = aude.answer("GET", f"{AUDIT}/verify")
    assert (found["intact"], found["fault_count"], found["unkeyed"]) == (True, 0, 0)
    assert found["links"] == found["head"]["seq"] >= 6
    told = CliRunner().invoke(app, ["audit", "verify", "--json", "-c", str(kept.path)])
    assert json.loads(told.stdout)["intact"] is True


def test_a_walk_begins_behind_a_link_that_is_known(aude: Api) -> None:
    second = entries(aude, limit=1000)[-2]
    assert second["seq"] == 2
    found = aude.answer("GET", f"{AUDIT}/verify", params={"after": f"2:{second['hash']}"})
    assert (found["intact"], found["links"]) == (True, found["head"]["seq"] - 2)
    wrong = aude.answer("GET", f"{AUDIT}/verify", params={"after": f"2:{'0' * 64}"})
    assert [each["kind"] for each in wrong["faults"]] == ["unlinked"]


def test_statements_are_answered_while_a_walk_goes_on(aude: Api, kept: Gateway) -> None:
    with ThreadPoolExecutor(1) as pool:
        walk = pool.submit(aude.answer, "GET", f"{AUDIT}/verify")
        took = []
        while not walk.done():
            start = time.monotonic()
            assert "error" not in kept.root.run("SELECT 1")
            took.append(time.monotonic() - start)
        assert walk.result()["intact"] is True
    assert took


def test_the_command_line_lists_by_the_same_questions(kept: Gateway) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    arguments = ["audit", "list", "--actor", "stella", "--until", tomorrow, "--kind", "policy", "--json"]
    found = CliRunner().invoke(app, [*arguments, "-c", str(kept.path)])
    assert [json.loads(line)["kind"] for line in found.stdout.splitlines()] == ["policy.simulate"]
    none = CliRunner().invoke(app, ["audit", "list", "--until", "1h", "--kind", "refusal", "-c", str(kept.path)])
    assert none.stdout == ""


def test_a_long_chain_is_walked_in_a_process_of_its_own(kept: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "_FEW", 3)
    loaded = load_config(kept.path)
    found = asyncio.run(walking.walk(loaded))
    assert (found["intact"], found["unkeyed"]) == (True, 0)
    assert found["links"] >= 6
    with pytest.raises(walking.WalkError):
        monkeypatch.setattr(walking.sys, "executable", "/bin/false")
        asyncio.run(walking.walk(loaded))


@pytest.mark.long  # a gateway of its own
def test_what_somebody_bent_is_found_and_shown_all_the_same(tmp_path: Path) -> None:
    with running(governed_gateway(tmp_path)) as gateway, Api(gateway, "aude") as aude:
        eventually(lambda: entries(aude), seconds=60)
        with closing(sqlite3.connect(tmp_path / "usage.db", timeout=30)) as store, store:
            triggers = store.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'penstock_audit'"
            )
            for (name,) in triggers.fetchall():
                store.execute(f'DROP TRIGGER "{name}"')
            store.execute("UPDATE penstock_audit SET detail = 'bent', at = 1e300, user_name = CAST(x'ff' AS TEXT)")
        assert {each["detail"] for each in entries(aude)} == {"bent"}
        found = aude.answer("GET", f"{AUDIT}/verify")
        assert (found["intact"], found["faults"][0]["kind"]) == (False, "altered")
