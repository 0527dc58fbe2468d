"""Lint by the API and the command line: of what is in force, of a changeset, of files by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

import gateway.demo
from gateway.cli.main import app
from tests.admin.api_client import TABLE, Api
from tests.operations.gateway_process import Gateway

DEMO = Path(gateway.demo.__file__).with_name("policies.yaml")
ALWAYS_TRUE = {"id": "wide", "table": TABLE, "users": ["olga"], "filter": "desk IS NULL OR desk IS NOT NULL"}


def put(section: str, entry: dict[str, Any]) -> dict[str, Any]:
    return {"op": "put", "section": section, "entry": entry}


@contextmanager
def changeset(root: Api, *edits: dict[str, Any]) -> Iterator[str]:
    """Draft a change; afterwards it is discarded."""
    made = root.post("/api/v1/changesets", json={"title": "Lint it", "edits": list(edits)})
    assert made.status_code == 201, made.text
    try:
        yield made.json()["id"]
    finally:
        path = f"/api/v1/changesets/{made.json()['id']}"
        tag = root.get(path).headers["ETag"]
        assert root.post(f"{path}/discard", headers={"If-Match": tag}).status_code < 300


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["policy", "lint", *arguments])


def codes(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["code"], each["rule"]) for each in found["findings"]}


def test_what_is_in_force_is_linted_against_the_tables_there_are(root: Api) -> None:
    found = root.answer("POST", "/api/v1/policies/lint", json={})
    assert found["whole"] is True
    assert {each["code"] for each in found["findings"] if each["severity"] == "error"} == set()
    counted = [sum(each["severity"] == kind for each in found["findings"]) for kind in ("error", "warning", "note")]
    assert counted == [found["errors"], found["warnings"], found["notes"]]


def test_a_changeset_is_linted_before_it_is_live(root: Api) -> None:
    with changeset(root, put("row_filters", ALWAYS_TRUE)) as identifier:
        found = root.answer("POST", "/api/v1/policies/lint", json={"changeset": identifier})
    wide = next(each for each in found["findings"] if each["code"] == "always-true-filter")
    assert "wide" in wide["rule"]
    assert wide["file"].startswith("policy store (")
    assert wide["fix"].startswith("Write `filter: none`")


def test_an_owner_is_told_of_his_own_tables_only(governed: Gateway, root: Api) -> None:
    foreign = {"id": "foreign", "table": "lake.trading.elsewhere", "roles": ["analyst"], "filter": "1 = 1"}
    with (
        changeset(root, put("row_filters", ALWAYS_TRUE), put("row_filters", foreign)) as identifier,
        Api(governed, "olga") as olga,
    ):
        whole = root.answer("POST", "/api/v1/policies/lint", json={"changeset": identifier})
        hers = olga.answer("POST", "/api/v1/policies/lint", json={"changeset": identifier})
    assert len({each["rule"] for each in whole["findings"] if each["code"] == "always-true-filter"}) == 2
    assert {each["path"].partition("[")[0] for each in hers["findings"]} == {"row_filters"}
    assert not any("elsewhere" in json.dumps(each) for each in hers["findings"])


@pytest.mark.parametrize(
    ("body", "field"),
    [({"changeset": "x"}, "changeset"), ({"chngeset": None}, "chngeset"), ([], "body"), (None, "body")],
)
def test_what_is_not_asked_well_is_refused_with_its_field(root: Api, body: Any, field: str) -> None:
    problem = root.answer("POST", "/api/v1/policies/lint", 422, json=body)
    assert problem["errors"][0]["field"] == field


def test_a_changeset_that_is_not_there_is_not_found(root: Api) -> None:
    missing = {"changeset": "7f0bd2a1-0b6c-4a36-8a8b-0f6f7ab8a0a1"}
    assert root.answer("POST", "/api/v1/policies/lint", 404, json=missing)["status"] == 404


def test_the_command_line_asks_the_gateway(governed: Gateway, root: Api) -> None:
    with changeset(root, put("row_filters", ALWAYS_TRUE)) as identifier:
        found = command("--changeset", identifier, "-c", str(governed.path), "--as", "root", "--json")
    assert found.exit_code == 1
    assert "always-true-filter" in {each["code"] for each in json.loads(found.stdout)["findings"]}
    live = command("--live", "-c", str(governed.path), "--as", "aude")
    assert live.exit_code == 0, live.output
    assert live.stdout.splitlines()[-1].startswith("0 errors, ")


def test_files_are_linted_without_a_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONFIG", str(tmp_path / "none.yaml"))
    path = tmp_path / "policies.yaml"
    path.write_text(
        "version: 1\nroles: {reader: }\nusers: {ann: {roles: [reader]}}\n"
        'row_filters:\n  - {id: wide, table: c.s.t, roles: [reader], filter: "1 = 1"}\n'
        "grants:\n  - {id: a, roles: [reader], assets: c.s.t, allow: [read]}\n"
        "  - {id: b, roles: [reader], assets: c.s.t, allow: [read]}\n"
    )
    found = command(str(path))
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[0] == (
        f"{path}:5: error [always-true-filter] wide: the row filter is true of every row of c.s.t: it hides nothing"
    )
    assert lines[-1] == "1 error, 1 warning, 0 notes"
    path.write_text(path.read_text().replace("1 = 1", "id = 1"))
    assert command(str(path)).exit_code == 0
    assert command(str(path), "--strict").exit_code == 1


def test_files_that_are_no_policies_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_CONFIG", str(tmp_path / "none.yaml"))
    path = tmp_path / "policies.yaml"
    path.write_text("version: 1\ngrants: 7\n")
    found = command(str(path), "--json")
    assert found.exit_code == 1
    (fault,) = json.loads(found.stdout)["findings"]
    assert (fault["code"], fault["line"], fault["path"]) == ("not-whole", 2, "grants")


def test_the_demos_policies_lint_clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PENSTOCK_CONFIG", str(tmp_path / "none.yaml"))
    found = command(str(DEMO), "--strict")
    assert (found.exit_code, found.stdout) == (0, "0 errors, 0 warnings, 0 notes\n")
