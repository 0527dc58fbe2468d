"""What lint knows besides the rules: stored policies over files, what tokens bring; and how long it takes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from catalog.dialect.parse import parse_expression
from policies.index import PolicySet
from policies.lint.findings import Finding
from policies.lint.run import lint
from policies.lint.scope import Scope
from policies.reload import Files, StoredDocument, join_policies, read_files
from rewrite_rules.analysis import analyze_expression

TEXT = """\
version: 1
roles: {reader: , ghost: }
users: {ann: {roles: [reader]}}
row_filters:
  - {id: other, table: c.s.u, roles: [reader], filter: "id = 2"}
  - {id: own, table: c.s.t, roles: [reader], filter: "id = 1"}
"""


def joined(tmp_path: Path, text: str, *stored: StoredDocument) -> tuple[Files, PolicySet]:
    path = tmp_path / "policies.yaml"
    path.write_text(text)
    files = read_files([path])
    return files, join_policies(files, stored, parse_expression, type_of=analyze_expression)


def found(scope: Scope, code: str) -> list[Finding]:
    return [each for each in lint(scope) if each.code == code]


def test_a_files_rule_in_whose_place_a_stored_one_stands_is_told(tmp_path: Path) -> None:
    rule = {"id": "own", "table": "c.s.t", "roles": ["reader"], "filter": "id = 3"}
    stored = StoredDocument("governed", json.dumps({"version": 1, "row_filters": [rule]}))
    files, policies = joined(tmp_path, TEXT, stored)
    (told,) = found(Scope(policies, files=files.sources), "shadowed")
    assert (told.rule, told.severity, told.origin.line) == ("own", "note", 6)
    files, policies = joined(tmp_path, TEXT)
    assert found(Scope(policies, files=files.sources), "shadowed") == []


def test_a_role_that_nobody_has_is_a_note_where_tokens_may_bring_it(tmp_path: Path) -> None:
    text = TEXT + "grants: [{id: g, roles: [ghost], assets: c.s.t, allow: [read]}]\n"
    _, policies = joined(tmp_path, text)
    assert [each.severity for each in found(Scope(policies), "unreachable")] == ["warning"]
    assert [each.severity for each in found(Scope(policies, tokens_bring_roles=True), "unreachable")] == ["note"]


def test_what_tokens_may_bring_is_not_guessed_where_it_is_not_known(tmp_path: Path) -> None:
    text = TEXT.replace('"id = 2"', "\"desk = attr('desk')\"")
    _, policies = joined(tmp_path, text)
    assert found(Scope(policies), "unknown-attribute") == []
    assert len(found(Scope(policies, claims=frozenset()), "unknown-attribute")) == 1
    assert found(Scope(policies, claims=frozenset({"desk"})), "unknown-attribute") == []


@pytest.mark.long
@pytest.mark.parametrize("rules", [10_000])
def test_ten_thousand_rules_are_linted_in_seconds(tmp_path: Path, rules: int) -> None:
    roles = ", ".join(f"r{n}: " for n in range(200))
    parts: dict[str, list[str]] = {"grants": [], "row_filters": [], "column_masks": []}
    for n in range(rules // 4):
        whom, table = f"roles: [r{n % 200}]", f"c.s{n % 100}.t{n}"
        parts["grants"] += [
            f"{{id: a{n}, {whom}, assets: {table}, allow: [read]}}",
            f"{{id: d{n}, {whom}, assets: {table}, deny: [delete]}}",
        ]
        parts["row_filters"] += [f"{{id: f{n}, {whom}, table: {table}, filter: desk = attr('desk') AND price > {n}}}"]
        parts["column_masks"] += [f"{{id: m{n}, {whom}, table: {table}, column: mail, mask: redact}}"]
    text = f"version: 1\nroles: {{{roles}}}\nusers: {{ann: {{roles: [r0]}}}}\n"
    text += "".join(f"{name}:\n" + "".join(f"  - {each}\n" for each in its) for name, its in parts.items())
    files, policies = joined(tmp_path, text)
    start = time.process_time()
    assert lint(Scope(policies, tokens_bring_roles=True, claims=frozenset({"desk"}), files=files.sources))
    assert time.process_time() - start < 6
