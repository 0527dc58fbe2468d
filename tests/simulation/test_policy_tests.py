"""Policy tests: files of them pass where policies keep their promises, and say line by line where they do not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import gateway.demo
from gateway.cli.main import app

DEMO = Path(gateway.demo.__file__).with_name("policy_tests.yaml")
POLICIES = DEMO.with_name("policies.yaml")
ORDERS = """\
policies: [policies.yaml]
catalog:
  lake.sales.orders:
    columns: {order_id: bigint, region: varchar, amount: "decimal(12,2)", day: date, email: varchar}
    rows:
      - [1, EU, 10.50, 2026-01-02, ada@x.example]
      - [2, US, 20.50, null, bob@x.example]
tests:
  - name: rows of the own region
    as: {user: ana}
    sql: SELECT * FROM lake.sales.orders
    expect:
      rows: [[1, EU, 10.5, 2026-01-02, hidden]]
  - name: sums over them
    as: {user: ana}
    sql: SELECT sum(amount) FROM lake.sales.orders
    expect: {rows: [[10.50]], row_count: 1}
"""
ORDERS_POLICIES = """\
version: 1
roles: {analyst: }
users: {ana: {roles: [analyst]}}
grants: [{roles: [analyst], assets: lake.sales.*, allow: [read]}]
row_filters: [{table: lake.sales.orders, roles: [analyst], filter: region = 'EU'}]
column_masks: [{table: lake.sales.orders, column: email, roles: [analyst], mask: {kind: constant, value: hidden}}]
"""


def run(*arguments: str | Path) -> tuple[int, str, str]:
    """Run `penstock policy test`; return its exit code and what it wrote."""
    found = CliRunner().invoke(app, ["policy", "test", *map(str, arguments)])
    return found.exit_code, found.stdout, found.stderr


def test_the_demos_policies_keep_their_promises() -> None:
    assert run(DEMO) == (0, "15 passed, 0 failed\n", "")


@pytest.mark.parametrize(
    ("before", "after", "failing"),
    [
        ("    deny: [select]\n    columns: [ssn]", "    deny: [insert]", {"an analyst cannot name the column that"}),
        ("filter: iso = 'CAISO'", "filter: none", {"a partner sees the prices of one market"}),
        (
            "    filter: desk = attr('desk')\n\n  - id: positions_desk_filter",
            "    filter: none\n\n  - id: positions_desk_filter",
            {"a trader sees the trades of the own desk", "a desk in the token counts"},
        ),
        (
            "    roles: [viewer]\n    mask: {kind: email,",
            "    users: [nobody]\n    mask: {kind: email,",
            {"an analyst sees traders with masked"},
        ),
    ],
    ids=["the denial of a column", "a partner's filter", "a desk's filter", "a mask"],
)
def test_a_promise_that_is_broken_is_noticed(tmp_path: Path, before: str, after: str, failing: set[str]) -> None:
    text = POLICIES.read_text()
    changed = text.replace(before, after)
    if "ssn" in before:
        changed = changed.replace("column: ssn, roles: [admin]", "column: ssn, roles: all")
    assert changed != text
    (tmp_path / "policies.yaml").write_text(changed)
    (tmp_path / DEMO.name).write_text(DEMO.read_text())
    code, out, _ = run(tmp_path / DEMO.name)
    assert code == 1
    assert all(any(line.startswith(str(tmp_path)) and name in line for line in out.splitlines()) for name in failing)


def test_rows_are_those_that_an_engine_gives_for_declared_tables(tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(ORDERS_POLICIES)
    (tmp_path / "good.yaml").write_text(ORDERS)
    (tmp_path / "bad.yaml").write_text(ORDERS.replace("[[1, EU, 10.5, 2026-01-02, hidden]]", "[[2, US, 1, null, x]]"))
    code, out, _ = run(tmp_path / "good.yaml", tmp_path / "bad.yaml")
    assert (code, out.splitlines()[-1]) == (1, "3 passed, 1 failed")
    assert out.splitlines()[0] == f"{tmp_path / 'bad.yaml'}:13: rows of the own region: rows"
    assert '1 missing, 1 not expected; missing [2, "US", 1, null, "x"]; not expected [1, "EU", "10.50"' in out


def test_a_failure_names_file_line_expectation_and_what_was_found(tmp_path: Path) -> None:
    text = DEMO.read_text().replace("policies: [policies.yaml]", f"policies: ['{POLICIES}']")
    wrong = text.replace("withheld: [ssn]\n      filter: none", "withheld: [ssn, desk]\n      filter: none", 1)
    (tmp_path / "wrong.yaml").write_text(wrong)
    line = 1 + wrong[: wrong.index("withheld: [ssn, desk]")].count("\n")
    code, out, _ = run(tmp_path / "wrong.yaml")
    assert code == 1
    assert out.splitlines()[:3] == [
        f"{tmp_path / 'wrong.yaml'}:{line}: an analyst sees traders with masked contact data, and no social security "
        "number: withheld",
        "    expected: ssn, desk",
        "    found:    ssn",
    ]


def test_programs_are_told_in_json(tmp_path: Path) -> None:
    code, out, _ = run(DEMO, "--json")
    found = json.loads(out)
    assert (code, found["passed"], found["failed"]) == (0, 15, 0)
    assert found["results"][0]["line"] == 1 + DEMO.read_text().split("- name: ")[0].count("\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests: []", "tests: "),
        ("tests:\n- name: x\n  as: {user: a}\n  sql: SELECT 1\n  expect: {}", ":5: tests[0].expect: expect at least"),
        ("tests:\n- {name: x, as: {}, sql: SELECT 1, expect: {decision: allow}}", "tests[0].as.user: is missing"),
        ("tests:\n- {nam: x}", ":2: tests[0].nam: unknown key"),
        ("tests: {", "not YAML"),
        ("tests: 1\ntests: 2", ":2: tests: this key stands twice"),
        (
            "policies: [p.yaml]\ncatalog: {a.b.c: {columns: {x: nothing}}}\n"
            "tests: [{name: x, as: {user: a}, sql: SELECT 1, expect: {decision: allow}}]",
            "catalog.a.b.c.columns.x",
        ),
    ],
    ids=["no test", "nothing expected", "no user", "a misspelt key", "no YAML", "a key given twice", "no type"],
)
def test_a_file_with_a_fault_is_refused_whole_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "p.yaml").write_text(ORDERS_POLICIES)
    path = tmp_path / "tests.yaml"
    path.write_text(text)
    code, out, err = run(path)
    assert (code, out) == (2, "")
    assert told in err
    assert err.startswith(str(path))


def test_every_expectation_can_fail(tmp_path: Path) -> None:
    data = yaml.safe_load(DEMO.read_text())
    contrary = {
        "decision": lambda value: "refuse" if value == "allow" else "allow",
        "columns": lambda value: [*value, "more"],
        "masked": lambda value: [*value, "more"],
        "withheld": lambda value: [*value, "more"],
        "filter": lambda _: {"contains": "x = 1"},
        "error": lambda _: "SYNTAX_ERROR",
    }
    data["policies"] = [str(POLICIES)]
    data["tests"] = [
        {**test, "name": f"{test['name']}: {key}", "expect": {key: contrary[key](value)}}
        for test in data["tests"]
        for key, value in test["expect"].items()
    ]
    (tmp_path / "contrary.yaml").write_text(yaml.safe_dump(data))
    code, out, _ = run(tmp_path / "contrary.yaml")
    assert (code, out.splitlines()[-1]) == (1, f"0 passed, {len(data['tests'])} failed")


def test_the_documented_example_passes(tmp_path: Path) -> None:
    document = DEMO.parents[2] / "docs" / "policy-tests.md"
    example = re.findall(r"```yaml\n(policies:.*?)```", document.read_text(), re.DOTALL)
    (tmp_path / "tests.yaml").write_text(example[0])
    (tmp_path / "policies.yaml").write_text(ORDERS_POLICIES.replace("{analyst: }", "{analyst: , guest: }"))
    assert run(tmp_path / "tests.yaml")[:2] == (0, "2 passed, 0 failed\n")
