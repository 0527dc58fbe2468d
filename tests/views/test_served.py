"""Views as people meet them: in SQL, by the API, on the command line; kept up while a gateway runs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest
import trino
from pyiceberg.catalog.sql import SqlCatalog

from tests.admin.api_client import Api, governed_gateway
from tests.clients.demo_process import ROOT
from tests.operations.gateway_process import Gateway, eventually, running
from tests.operations.lake import make_lake

VIEW = "clickhouse.default.by_desk"
KEPT = "clickhouse.default.kept"
SQL = (
    "SELECT desk, count(*) AS n, array_agg(DISTINCT id) FILTER (WHERE id IS NOT NULL) AS ids FROM trades GROUP BY desk"
)
DEFINITION = {"sql": SQL, "catalog": "lake", "schema": "trading"}
STATES = [{"column": "ids", "function": "uniqExact", "arguments": ["id"]}]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway over a lake and a ClickHouse, which builds one view by itself."""
    folder = tmp_path_factory.mktemp("views")
    clickhouse = {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(folder / "chdb")}
    kept = {"name": KEPT, **DEFINITION, "states": STATES, "rebuild": "on_change", "rebuild_seconds": 1}
    views = {"refresh_seconds": 0.5, "verify_seconds": 1, "cost_margin": None, "definitions": [kept]}
    facts = {"keys": [{"table": "lake.trading.trades", "columns": [column]} for column in ("id", "desk")]}
    engines = [make_lake(folder / "lake"), clickhouse]
    made = governed_gateway(folder, {"engines": engines, "materialized_views": views, "constraints": facts})
    with running(made):
        yield made


@pytest.fixture(scope="module")
def root(gateway: Gateway) -> Iterator[Api]:
    with Api(gateway) as api:
        yield api


def ask(gateway: Gateway, user: str, sql: str) -> list[list[Any]]:
    connection = trino.dbapi.connect(host="127.0.0.1", port=gateway.config["door"]["port"], user=user)
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor.fetchall()


def state_of(root: Api, view: str) -> str | None:
    listed = root.answer("GET", "/api/v1/views")["items"]
    return next((each["state"] for each in listed if each["name"] == view), None)


def command(
    gateway: Gateway, *words: str, user: str = "stella", group: str = "views"
) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "gateway.cli", group, *words, "--config", str(gateway.path), "--as", user]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_view_is_built_listed_shown_and_dropped(gateway: Gateway, root: Api) -> None:
    terms = {"integrity": "stale_tolerated", "max_staleness": "5m"}
    definition = {**DEFINITION, "states": STATES, **terms}
    built = root.answer("POST", f"/api/v1/views/{VIEW}/build", json={"definition": definition})
    assert (built["rows"], built["replaced"]) == (3, False)
    whole = root.answer("GET", f"/api/v1/views/{VIEW}")
    assert (whole["state"], whole["rows"], whole["configured"]) == ("current", 3, "no")
    assert whole["watermark"] == built["watermark"]
    assert {each["name"]: each["kind"] for each in whole["columns"]} == {"desk": "key", "n": "measure", "ids": "state"}
    shown = ask(
        gateway,
        "root",
        "SELECT state, base_tables, definition, integrity, max_staleness, rows"
        " FROM penstock.catalog.materialized_views WHERE table_name = 'by_desk'",
    )
    assert shown == [["current", ["lake.trading.trades"], SQL, "stale_tolerated", "300s", 3]]
    assert (whole["integrity"], whole["max_staleness"]) == ("stale_tolerated", "300s")
    columns = "SELECT column_name, kind, expression FROM penstock.catalog.view_columns WHERE table_name = 'by_desk'"
    assert [row[:2] for row in ask(gateway, "root", f"{columns} ORDER BY ordinal_position")] == [
        ["desk", "key"],
        ["n", "measure"],
        ["ids", "state"],
    ]
    root.answer("DELETE", f"/api/v1/views/{VIEW}", 204)
    assert state_of(root, VIEW) is None
    root.answer("DELETE", f"/api/v1/views/{VIEW}", 404)


@pytest.mark.parametrize("name", ["Å.b.c", "clickhouse.views.É"])
def test_a_name_that_no_view_can_have_is_none(root: Api, name: str) -> None:
    for verb in ("check", "build"):
        root.answer("POST", f"/api/v1/views/{quote(name)}/{verb}", 404, json={"definition": None})
    root.answer("DELETE", f"/api/v1/views/{quote(name)}", 404)


def test_who_may_not_read_the_base_whole_knows_of_no_view(gateway: Gateway, root: Api) -> None:
    eventually(lambda: state_of(root, KEPT) == "current", seconds=60)
    for user, sees in (("root", True), ("olga", True), ("ana", False), ("nobody", False)):
        found = ask(gateway, user, "SELECT 1 FROM penstock.catalog.materialized_views WHERE table_name = 'kept'")
        columns = ask(gateway, user, "SELECT 1 FROM penstock.catalog.view_columns WHERE table_name = 'kept'")
        constraints = ask(gateway, user, "SELECT 1 FROM penstock.catalog.constraints")
        assert (bool(found), bool(columns), bool(constraints)) == (sees, sees, sees), user
        with Api(gateway, user) as api:
            assert bool(api.answer("GET", "/api/v1/views")["items"]) == sees
            api.answer("GET", f"/api/v1/views/{KEPT}", 200 if sees else 404)


def test_nobody_but_stewards_builds_drops_or_releases(gateway: Gateway) -> None:
    for user in ("ana", "olga", "aude"):
        with Api(gateway, user) as api:
            api.answer("POST", f"/api/v1/views/{VIEW}/build", 403, json={})
            api.answer("POST", f"/api/v1/views/{VIEW}/check", 403, json={})
            api.answer("POST", f"/api/v1/views/{VIEW}/release", 403, json={"reason": "it is right"})
            api.answer("DELETE", f"/api/v1/views/{VIEW}", 403)


def test_nobody_is_granted_a_views_table_by_its_being_one(gateway: Gateway, root: Api) -> None:
    eventually(lambda: state_of(root, KEPT) == "current", seconds=60)
    with pytest.raises(trino.exceptions.TrinoUserError, match="not found"):
        ask(gateway, "olga", f"SELECT * FROM {KEPT}")


def test_a_view_is_built_again_when_rows_came(gateway: Gateway, root: Api) -> None:
    eventually(lambda: state_of(root, KEPT) == "current", seconds=60)
    before = root.answer("GET", f"/api/v1/views/{KEPT}")["watermark"]
    place = gateway.config["engines"][0]
    with closing(SqlCatalog("lake", uri=place["uri"], warehouse=place["warehouse"])) as catalog:
        rows = pa.table({"id": pa.array([77], pa.int64()), "desk": ["ERCOT"]})
        catalog.load_table("trading.trades").append(rows)

    def again() -> bool:
        found = root.answer("GET", f"/api/v1/views/{KEPT}")
        return bool(found["watermark"] != before and found["state"] == "current" and found["rows"] == 4)

    eventually(again, seconds=60)


def test_declared_keys_are_tested_on_the_data(gateway: Gateway, root: Api) -> None:
    def known() -> bool:
        found = ask(gateway, "root", "SELECT columns, status FROM penstock.catalog.constraints ORDER BY 1")
        return found == [[["desk"], "broken"], [["id"], "verified"]]

    eventually(known, seconds=60)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"sql": "SELECT now() AS t FROM trades"}, 422, "not_supported"),
        ({"sql": "SELECT desk FROM nothing"}, 422, "table_not_found"),
        ({"sql": "SELECT desk FROM"}, 422, "syntax_error"),
        ({"states": [{"column": "n", "function": "sumMap", "arguments": ["id"]}]}, 422, "invalid"),
        ({"integrity": "loose"}, 422, "invalid"),
        ({"max_staleness": "soon"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_built_is_a_problem_with_its_reason(
    root: Api, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"definition": {**DEFINITION, **change}}
    assert root.answer("POST", f"/api/v1/views/{VIEW}/build", status, json=body)["code"] == code


@pytest.mark.long  # seven processes
def test_views_are_handled_from_the_command_line(gateway: Gateway, tmp_path: Path, root: Api) -> None:
    (tmp_path / "v.sql").write_text(f"{SQL};\n")
    given = ["--sql-file", str(tmp_path / "v.sql"), "--catalog", "lake", "--schema", "trading"]
    states = ["--state", "ids=uniqExact(id)"]
    checked = command(gateway, "check", VIEW, *given, *states)
    assert checked.returncode == 0, checked.stderr
    assert "it can be used" in checked.stdout
    terms = ["--integrity", "trusted", "--max-staleness", "5m"]
    assert command(gateway, "build", VIEW, *terms).returncode == 2
    built = command(gateway, "build", VIEW, *given, *states, *terms)
    assert built.returncode == 0, built.stderr
    assert "trusted" in next(line for line in command(gateway, "list").stdout.splitlines() if VIEW in line)
    shown = command(gateway, "show", VIEW).stdout
    assert SQL in shown
    assert "uniqExact(" in shown
    refused = command(gateway, "release", VIEW, "--reason", "it was right")
    assert (refused.returncode, "not in quarantine" in refused.stderr) == (1, True)
    assert command(gateway, "drop", VIEW).returncode == 0
    assert state_of(root, VIEW) is None


def test_who_built_and_dropped_is_in_the_audit(gateway: Gateway, root: Api) -> None:
    name = "clickhouse.default.audited"
    root.answer("POST", f"/api/v1/views/{name}/build", json={"definition": {**DEFINITION, "states": STATES}})
    root.answer("DELETE", f"/api/v1/views/{name}", 204)

    def told() -> bool:
        with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as store:
            rows = store.execute("SELECT kind, actor FROM penstock_audit WHERE subject = ? ORDER BY seq", (name,))
            return rows.fetchall() == [("view.build", "root"), ("view.drop", "root")]

    eventually(told, seconds=30)


def test_the_certificate_of_an_answer_is_kept_and_verified_also_against_the_engines(
    gateway: Gateway, root: Api
) -> None:
    eventually(lambda: state_of(root, KEPT) == "current", seconds=60)
    assert ask(gateway, "root", "SELECT desk, count(*) AS n FROM lake.trading.trades GROUP BY desk")
    path = "/api/v1/rewriting/certificates"
    eventually(lambda: root.answer("GET", f"{path}?view={KEPT}")["items"], seconds=30)
    kept = root.answer("GET", f"{path}?view={KEPT}")["items"][0]["id"]
    verified = command(gateway, "verify", kept, "--live", "--json", group="rewrite")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    (verdict,) = json.loads(verified.stdout)
    assert {word["verdict"] for word in verdict["live"]} == {"holds"}
    assert {"view", "versions", "answer"} <= {word["what"] for word in verdict["live"]}
    root.answer("POST", f"{path}/{'0' * len(kept)}/live", 404)
    unknown = command(gateway, "verify", "--file", "nowhere.json", "--live", group="rewrite")
    assert (unknown.returncode, "looks its certificate up by id" in unknown.stderr) == (2, True)
    assert command(gateway, "verify", kept, "--live", user="ana", group="rewrite").returncode != 0
