"""`penstock policy diff` and `shadow`: a changeset by the gateway, files without one; exit codes for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from tests.admin.api_client import POLICIES, Api, token_of
from tests.operations.gateway_process import Gateway
from tests.replay.diffing import TABLE, changeset, put

MASK = put("column_masks", id="no_desk", table=TABLE, column="desk", roles="all", mask="redact")


def penstock(gateway: Gateway, *words: str) -> Result:
    """Run a command as the steward."""
    where = ["--config", str(gateway.path), "--token", token_of("stella")]
    return CliRunner().invoke(app, ["policy", *words, *where])


def test_a_changeset_is_compared_by_the_gateway_and_differences_are_the_exit_code(
    recorded: Gateway, stella: Api
) -> None:
    made = changeset(stella, MASK)
    told = penstock(recorded, "diff", made, "--days", "2", "--sample", "2")
    assert told.exit_code == 3, told.output
    assert "newly_hidden" in told.output
    assert "ana, root" in told.output
    assert "newly hidden" in told.output
    (job,) = json.loads(penstock(recorded, "diffs", made, "--json").stdout)
    assert job["state"] == "done"
    assert job["id"] in penstock(recorded, "diffs", made).stdout
    assert "newly_hidden" in penstock(recorded, "diffs", made, "--report", job["id"]).stdout
    unknown = penstock(recorded, "diffs", made, "--report", "00000000-0000-4000-8000-000000000000")
    assert (unknown.exit_code, "not_found" in unknown.output) == (1, True)


def test_files_are_compared_without_a_gateway(recorded: Gateway, tmp_path: Path) -> None:
    same, other = tmp_path / "same.yaml", tmp_path / "other.yaml"
    same.write_text(POLICIES)
    document = yaml.safe_load(POLICIES)
    document["row_filters"][0]["filter"] = "desk = 'SPP'"
    other.write_text(yaml.safe_dump(document))
    told = penstock(recorded, "diff", str(same))
    assert (told.exit_code, "no differences" in told.output) == (0, True), told.output
    told = penstock(recorded, "diff", str(other), "--sample", "3", "--json")
    assert told.exit_code == 3, told.output
    report = json.loads(told.stdout)
    assert set(report["kinds"]) == {"changed_filter"}
    assert {(each["before"], each["after"]) for each in report["groups"][0]["rows"]} == {(1, 1), (2, 2)}


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "say what to compare"),
        (["1", "2"], 1, "No such file"),
        (["999999"], 1, "there is no changeset"),
        (["00000000-0000-4000-8000-000000000000"], 1, "There is no changeset"),
        (["bad.yaml"], 1, "bad.yaml"),
    ],
)
def test_what_cannot_be_compared_is_said(
    recorded: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("version: 1\nnonsense: true\n")
    found = penstock(recorded, "diff", *words)
    assert found.exit_code == code, found.output
    assert told in found.output


def test_a_changeset_that_was_never_in_shadow_has_no_differences(recorded: Gateway, stella: Api) -> None:
    made = changeset(stella, MASK)
    told = penstock(recorded, "shadow", made)
    assert told.exit_code == 0, told.output
    assert "draft: 0 compared, 0 failed, 0 dropped; no differences" in told.output
    assert json.loads(penstock(recorded, "shadow", made, "--json").stdout)["items"] == []
