"""Every rule of lint has a bad example, of which it tells just what is wrong, and a good one, of which it tells nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.dialect.parse import parse_expression
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from policies.clock import Clock
from policies.compile import compile_policies
from policies.faults import Fault, PolicyError
from policies.lint.findings import Finding
from policies.lint.run import lint, lint_faults
from policies.lint.scope import Scope
from policies.reload import read_document
from policies.sources import Source
from rewrite_rules.analysis import analyze_expression
from tests.policies.asking import Hands

EXAMPLES = sorted((Path(__file__).parents[1] / "fixtures" / "lint").glob("*.yaml"))
HEAD: dict[str, Any] = {
    "version": 1,
    "roles": {"reader": None, "boss": {"inherits": ["reader"]}, "other": None},
    "users": {
        "ann": {"roles": ["reader"], "attributes": {"desk": "A"}},
        "bill": {"roles": ["boss"], "attributes": {"desk": "B"}},
        "cleo": {"roles": ["other"]},
    },
}
CLAIMS = frozenset({"region", "purpose"})


def tables(described: dict[str, dict[str, str]]) -> dict[TableName, Table]:
    found = {}
    for name, columns in described.items():
        table = TableName(*name.split("."))
        found[table] = Table(table, tuple(Column(c, parse_type(t)) for c, t in columns.items()), "lake")
    return found


def linted(text: str, described: dict[str, dict[str, str]] | None = None) -> tuple[Finding, ...]:
    """Lint a document written under the usual roles and people."""
    written = yaml.safe_load(text)
    whole = {**HEAD, **written}
    for section in ("roles", "users"):
        whole[section] = {**HEAD[section], **written.get(section, {})}
    source = read(yaml.safe_dump(whole, sort_keys=False))
    try:
        policies = compile_policies(
            [source],
            parse_expression,
            version="1",
            secrets=lambda _: "k" * 40,
            type_of=analyze_expression,
            clock=Clock(Hands()),
        )
    except PolicyError as error:
        return lint_faults([source], error.faults)
    known = tables(described or {})
    served = frozenset({"c", "d", "x"})
    return lint(Scope(policies, known, frozenset(name.catalog for name in known), served, CLAIMS))


def read(text: str) -> Source:
    faults: list[Fault] = []
    source = read_document(text, "policies.yaml", faults)
    assert source is not None, faults
    return source


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_bad_example_is_told_of_and_nothing_else(path: Path) -> None:
    example = yaml.safe_load(path.read_text())
    found = list(linted(example["bad"], example.get("catalog")))
    for wanted in example["findings"]:
        fits = [
            each
            for each in found
            if (each.code, each.severity, each.rule) == (wanted["code"], wanted["severity"], wanted["rule"])
            and wanted.get("reason", "") in each.reason
        ]
        assert fits, f"not told: {wanted}; found: {[str(each) for each in found]}"
        found.remove(fits[0])
    assert not [str(each) for each in found]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_of_the_good_example_nothing_is_told(path: Path) -> None:
    example = yaml.safe_load(path.read_text())
    assert [str(each) for each in linted(example["good"], example.get("catalog"))] == []
