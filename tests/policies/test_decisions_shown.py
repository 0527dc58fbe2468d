"""What a reader is shown: row filters, masks and protected tables, put together."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dialect.generate import generate
from catalog.objects import Table
from policies.decisions import Action, Subject, TableDecision
from tests.policies.deciding import READ, T, load, reading

# Row filters


def test_who_is_named_by_no_filter_of_a_filtered_table_sees_nothing(tmp_path: Path) -> None:
    policies = load(tmp_path, READ + "row_filters: [{roles: [boss], table: c.s.t, filter: none}]")
    assert reading(policies, "boss").row_filter is None
    assert reading(policies, "boss").allowed
    assert not reading(policies, "reader").allowed


def filter_text(decision: TableDecision) -> str:
    return generate(decision.row_filter) if decision.row_filter is not None else ""


def test_restrictive_filters_must_all_hold(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ
        + """
row_filters:
  - {id: a, roles: [reader], table: c.s.t, filter: id > 1 OR id < 0}
  - {id: b, roles: [boss], table: c.s.t, filter: desk = 'x'}
  - {id: c, roles: [chief], table: c.s.t, filter: none}
""",
    )
    assert filter_text(reading(policies, "reader")) == '"id" > 1 OR "id" < 0'
    assert filter_text(reading(policies, "chief")) == '("id" > 1 OR "id" < 0) AND ("desk" = \'x\')'


def test_filters_of_one_group_are_alternatives(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ
        + """
row_filters:
  - {id: a, roles: [reader], table: c.s.t, filter: id = 1, group: g}
  - {id: b, roles: [boss], table: c.s.t, filter: id = 2, group: g}
  - {id: c, roles: [chief], table: c.s.t, filter: none, group: g}
  - {id: d, roles: all, table: c.s.t, filter: desk = 'x'}
""",
    )
    assert filter_text(reading(policies, "boss")) == '("desk" = \'x\') AND (("id" = 1) OR ("id" = 2))'
    assert filter_text(reading(policies, "chief")) == "\"desk\" = 'x'"


def test_identity_and_attributes_enter_a_filter_as_literals(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ + "row_filters: [{roles: all, table: c.s.t, filter: \"desk = attr('desk') AND mail = currentUser()\"}]",
    )
    decision = reading(policies, "reader", user="o'neil", desk="x' OR '1'='1")
    assert filter_text(decision) == "\"desk\" = 'x'' OR ''1''=''1' AND \"mail\" = 'o''neil'"


@pytest.mark.parametrize("attributes", [(), (("region", "x"),), (("desk", "a"), ("desk", "b")), (("desk", "a\nb"),)])
def test_a_missing_or_doubtful_attribute_refuses_the_table(
    tmp_path: Path, attributes: tuple[tuple[str, str], ...]
) -> None:
    policies = load(tmp_path, READ + "row_filters: [{roles: all, table: c.s.t, filter: \"desk = attr('desk')\"}]")
    assert not policies.decide(Subject("u", frozenset({"reader"}), attributes), Action.SELECT, T).allowed


def test_a_filter_that_does_not_fit_the_table_refuses_it(tmp_path: Path) -> None:
    policies = load(tmp_path, READ + "row_filters: [{id: f, roles: all, table: c.s.t, filter: no_such = 1}]")
    decision = reading(policies, "reader")
    assert not decision.allowed
    assert "no_such" in decision.reason
    assert [str(f.message) for f in policies.check(T)] == ["unknown column `no_such` of c.s.t"]


# Masks


MASKS = (
    READ
    + """
column_masks:
  - {id: all, roles: all, table: c.s.t, column: mail, mask: "null"}
  - {id: reader, roles: [reader], table: c.s.t, column: mail, mask: redact}
  - {id: boss, roles: [boss], table: c.s.t, column: mail, mask: none}
  - {id: joe, users: [joe], table: c.s.t, column: mail, mask: {kind: constant, value: joe}}
"""
)


@pytest.mark.parametrize(
    ("roles", "user", "rule"),
    [
        ({"other"}, "u", "all"),
        ({"reader"}, "u", "reader"),
        ({"boss"}, "u", "boss"),
        ({"chief", "reader"}, "u", "boss"),
        ({"chief"}, "joe", "joe"),
    ],
)
def test_the_most_particular_mask_counts(tmp_path: Path, roles: set[str], user: str, rule: str) -> None:
    decision = reading(load(tmp_path, MASKS), *roles, user=user)
    assert [p.id for p in decision.policies if p.kind == "column_mask"] == [rule]
    assert ("mail" in decision.masks) is (rule != "boss")


def test_a_column_masked_for_anybody_is_withheld_from_whom_no_mask_names(tmp_path: Path) -> None:
    policies = load(tmp_path, READ + "column_masks: [{roles: [reader], table: c.s.t, column: mail, mask: redact}]")
    assert reading(policies, "reader").columns == ("id", "desk", "mail")
    assert reading(policies, "other").columns == ("id", "desk")


def test_two_different_masks_of_unrelated_roles_withhold_the_column(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ
        + """
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact}
  - {roles: [other], table: c.s.t, column: mail, mask: none}
""",
    )
    decision = reading(policies, "reader", "other")
    assert decision.columns == ("id", "desk")
    assert "two different masks" in decision.reason


def test_a_mask_that_does_not_fit_its_column_withholds_it(tmp_path: Path) -> None:
    policies = load(tmp_path, READ + "column_masks: [{roles: all, table: c.s.t, column: id, mask: email}]")
    assert reading(policies, "reader").columns == ("desk", "mail")
    assert [f.message for f in policies.check(T)] == ["this mask is for text; `id` is bigint"]


def test_a_mask_sees_raw_values_of_columns_that_are_masked_or_withheld(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
grants:
  - {roles: [reader], assets: c.s.t, allow: [select]}
  - {roles: [reader], assets: c.s.t, deny: [select], columns: [id]}
column_masks:
  - {roles: all, table: c.s.t, column: mail, mask: {kind: sql, expression: "IF(id = 1, desk, mail)"}}
  - {roles: all, table: c.s.t, column: desk, mask: {kind: sql, expression: mail}}
""",
    )
    decision = reading(policies, "reader")
    assert decision.columns == ("desk", "mail")
    assert generate(decision.masks["desk"]) == 'CAST("mail" AS VARCHAR)'
    assert '"id"' in generate(decision.masks["mail"])


# Protection


PROTECTED = """
protected: [{table: c.s.t, open: [id], sensitive: [mail]}]
"""


def test_a_protected_table_needs_a_filter_statement(tmp_path: Path) -> None:
    assert not reading(load(tmp_path, READ + PROTECTED), "reader").allowed


def test_of_a_protected_table_only_classified_columns_exist(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ
        + PROTECTED
        + """
row_filters: [{roles: all, table: c.s.t, filter: none}]
column_masks: [{roles: [reader], table: c.s.t, column: mail, mask: none}]
""",
    )
    assert reading(policies, "reader").columns == ("id", "mail")
    assert reading(policies, "other").columns == ("id",)
    assert "desk: it is not classified" in reading(policies, "reader").reason


def test_protecting_a_schema_protects_every_table_of_it(tmp_path: Path) -> None:
    policies = load(tmp_path, READ + "protected: [{table: c.s.*}]")
    assert not reading(policies, "reader").allowed


def test_a_materialized_view_is_protected_by_nature(tmp_path: Path) -> None:
    view = Table(T.name, T.columns, "lake", kind="materialized view")
    assert not reading(load(tmp_path, READ), "reader", target=view).allowed
    policies = load(tmp_path, READ + "row_filters: [{roles: all, table: c.s.t, filter: none}]")
    assert reading(policies, "reader", target=view).columns == ("id", "desk", "mail")
