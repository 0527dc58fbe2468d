"""`penstock policy`: a changeset from a file to what is live and back, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from tests.admin.api_client import TABLE, Api
from tests.changesets.speaking import ids
from tests.changesets.test_lifecycle import OWN
from tests.operations.gateway_process import Gateway

EDITS = """\
title: several
edits:
  - {op: put, section: roles, key: night, entry: {description: "a night's work"}}
  - {op: put, section: users, key: nina, entry: {roles: [night]}}
"""


class Shell:
    """The command line as Stella."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def run(self, *words: str, user: str = "stella") -> Result:
        return CliRunner().invoke(app, ["policy", *words, "--config", str(self._gateway.path), "--as", user])

    def text(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def data(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))


@pytest.fixture
def shell(changing: Gateway, stella: Api) -> Shell:
    return Shell(changing)


def test_a_file_becomes_a_changeset_that_is_promoted_and_rolled_back(
    changing: Gateway, shell: Shell, tmp_path: Path
) -> None:
    file = tmp_path / "less.yaml"
    file.write_text(f'version: 1\nrow_filters: [{{id: less, table: {TABLE}, users: [ana], filter: "id < 2"}}]\n')
    made = shell.data("propose", str(file))
    assert (made["title"], made["state"], made["edit_count"]) == ("less", "draft", 1)
    file.write_text(file.read_text().replace("id < 2", "id < 1"))
    number = str(made["number"])
    assert "is draft: less; 1 edits of governed" in shell.text("propose", str(file), "--edit", number)
    assert "id < 1" in shell.text("changeset", number)
    assert "is shadow" in shell.text("submit", number)
    assert "is draft" in shell.text("recall", made["id"])
    assert "is live" in shell.text("promote", number)
    assert ids(changing) == [0]
    assert [each["id"] for each in shell.data("changesets", "--state", "live")] == [made["id"]]
    assert "id < 1" in shell.text("show", "row_filters", "less")
    assert [each["author"] for each in shell.data("history", "row_filters", "less")] == ["stella"]
    (document,) = shell.data("documents")
    assert "id < 1" in shell.text("documents", "governed", "--version", str(document["version"]))
    again = shell.run("promote", number)
    assert again.exit_code == 1
    assert "wrong_state" in again.output
    assert "is rolled_back" in shell.text("rollback", number)
    assert ids(changing) == OWN
    assert shell.data("documents") == []
    assert len(shell.data("documents", "governed")) >= 1


def test_edits_and_whole_documents_are_proposed_too(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "edits.yaml"
    file.write_text(EDITS)
    made = shell.data("propose", str(file))
    assert [(each["section"], each["key"]) for each in made["edits"]] == [("roles", "night"), ("users", "nina")]
    assert "is discarded" in shell.text("discard", made["id"])
    file.write_text("version: 1\nroles: {night: }\n")
    whole = shell.data("propose", str(file), "--whole", "--document", "people")
    assert whole["edits"][0]["op"] == "put_document"
    assert "is draft" in shell.text("rebase", whole["id"])


def test_policies_are_listed_for_people_and_for_programs(shell: Shell) -> None:
    found = shell.data("list", "--table", TABLE, "--kind", "row_filters", "--principal", "user:ana")
    assert [(each["id"], each["origin"], each["state"]) for each in found] == [("own_desk", "file", "live")]
    assert "own_desk" in shell.text("list", "--origin", "file")
    grants = {each["id"] for each in shell.data("list", "--table", TABLE, "--kind", "grants")}
    assert grants == {"trading", "everything", "olgas"}


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("nonsense: [", 2, "nonsense"),
        ("- a list", 2, "write a policy document"),
        ("version: 1\nrolls: {}", 2, "unknown section `rolls`"),
        ("version: 1\nrow_filters: [{id: x}]", 1, "edits.0.entry.table"),
        ("version: 1\nunclassified: sometimes", 1, "edits.0.entry"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_its_reason(
    shell: Shell, tmp_path: Path, text: str, code: int, told: str
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    done = shell.run("propose", str(file))
    assert (done.exit_code, told in done.output) == (code, True), done.output


def test_who_may_not_is_told_so(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "edits.yaml"
    file.write_text(EDITS)
    done = shell.run("propose", str(file), user="olga")
    assert done.exit_code == 1
    assert "only a steward changes roles" in done.output


def test_a_draft_is_changed_edit_by_edit(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "edits.yaml"
    file.write_text(EDITS)
    number = str(shell.data("propose", str(file))["number"])
    one = tmp_path / "one.yaml"
    one.write_text("{op: put, section: roles, key: noon, entry: {description: a meal}}")
    assert "3 edits of governed" in shell.text("add-edit", number, str(one))
    one.write_text("{op: put, section: users, key: nina, entry: {roles: [night, noon]}}")
    assert shell.data("replace-edit", number, "1", str(one))["edits"][1]["entry"] == {"roles": ["night", "noon"]}
    left = shell.data("remove-edit", number, "2")
    assert ([each["key"] for each in left["edits"]], left["revision"]) == (["night", "nina"], 4)
    refused = shell.run("remove-edit", number, "2")
    assert (refused.exit_code, "none with the number 2" in refused.stderr) == (1, True)
    assert shell.data("diffs", number) == []
    assert "no comparisons" in shell.run("diffs", number).stderr
    one.write_text("[")
    assert shell.run("add-edit", number, str(one)).exit_code == 2


def test_one_is_told_who_one_is(changing: Gateway) -> None:
    words = ["whoami", "--config", str(changing.path), "--as", "olga"]
    found = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (found["user"], found["roles"], found["admin_roles"]) == ("olga", ["analyst"], ["owner"])
    assert "olga" in CliRunner().invoke(app, words).stdout
