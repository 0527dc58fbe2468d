"""Files of cases are read as their format says."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.mv_cases.cases import BadCaseError, CaseFile, read_cases
from loadtests.mv_cases.documents import policies
from loadtests.mv_cases.places import places_of

TEXT = """
format: 1
fixtures:
  f:
    tables:
      t: {columns: {a: varchar not null, b: 'decimal(10,2)', at: timestamp(6) NOT NULL}, rows: [[x, '1.00', '2024-01-01 00:00:00']]}
      u: {columns: {a: varchar}}
    facts:
      keys: [{table: t, columns: [a], status: verified}]
      foreign_keys: [{table: t, columns: [a], ref_table: u, ref_columns: [a], status: declared}]
cases:
- id: one
  views: [{name: v, sql: SELECT a FROM t, states: {q: 'quantileTDigest(0.5)(b)', l: 'argMax(coalesce(b, 0), at)'}}]
  query: SELECT 1 FROM t
  expect: never
- id: two
  session: {branch: dev, time_zone: Asia/Tokyo}
  facts: {override: {keys: [{table: t, columns: [a], status: declared}]}, history: {complete_since_watermark: false}}
  policies: [{table: t, row_filter: a = 'x', masks: {b: '0'}, deny: [at]}]
  views: [{name: v, sql: SELECT a FROM t}]
  query: SELECT 1 FROM t, u
"""


def read(tmp_path: Path, text: str = TEXT) -> CaseFile:
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    return read_cases(path)


def test_types_states_and_facts_are_taken_apart(tmp_path: Path) -> None:
    file = read(tmp_path)
    one, two = file.cases
    table = file.fixtures["f"].tables["t"]
    assert table.columns == (("a", "varchar"), ("b", "decimal(10,2)"), ("at", "timestamp(6)"))
    assert table.required == {"a", "at"}
    percentile, last = one.setting.views[0].states
    assert (percentile.function, percentile.parameters, percentile.arguments) == ("quantileTDigest", ("0.5",), ("b",))
    assert (last.function, last.arguments) == ("argMax", ("coalesce(b, 0)", "at"))
    assert [fact.status for fact in one.setting.facts] == ["verified", "declared"]
    assert [fact.status for fact in two.setting.facts] == ["declared", "declared"]
    assert not two.setting.whole_history
    assert two.setting.travels


def test_a_place_holds_the_tables_that_anything_in_it_speaks_of(tmp_path: Path) -> None:
    file = read(tmp_path)
    one, two = places_of(file.cases, file.fixtures, "p")
    assert [set(each.tables) for each in (one, two)] == [{"t"}, {"t", "u"}]
    assert [len(each.facts) for each in (one, two)] == [1, 2]
    assert two.branches == {"dev"}


def test_users_see_what_their_policies_say_and_the_writer_sees_all(tmp_path: Path) -> None:
    file = read(tmp_path)
    document = policies(places_of(file.cases, file.fixtures, "p"))
    filters = {tuple(each["users"]): each["filter"] for each in document["row_filters"]}
    assert filters == {("u_p1",): "a = 'x'", ("writer",): "none"}
    masks = {tuple(each["users"]): each["mask"] for each in document["column_masks"]}
    assert masks[("u_p1",)] == {"kind": "sql", "expression": "CAST(0 AS decimal(10,2))"}
    denied = [each for each in document["grants"] if "deny" in each]
    assert [(each["users"], each["columns"]) for each in denied] == [(["u_p1"], ["at"])]


@pytest.mark.parametrize(
    "broken",
    [
        TEXT.replace("  query: SELECT 1 FROM t\n", ""),
        TEXT.replace("branch: dev", "brunch: dev"),
        TEXT.replace("argMax(coalesce(b, 0), at)", "argMax"),
    ],
)
def test_a_case_that_cannot_be_understood_is_named(tmp_path: Path, broken: str) -> None:
    with pytest.raises(BadCaseError, match=r"^(one|two|\?): "):
        read(tmp_path, broken)
