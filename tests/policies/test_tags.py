"""Tags on tables and columns: grants, denials, masks and licences that follow them."""

from __future__ import annotations

from policies.decisions import Action
from tests.policies.asking import READ, T, caller, load, reading, shown

TAGGED = """
tags:
  - {table: c.s.t, columns: {MAIL: [pii.email], desk: [org]}}
  - {table: c.s.t, columns: {mail: pii.email}}
"""
MASKED = READ + TAGGED


def test_a_rule_for_a_tag_covers_the_tags_below_it_and_no_others() -> None:
    for tag, hidden in (("pii", True), ("pii.email", True), ("pii.email.work", False), ("pi", False), ("org", False)):
        policies = load(READ.rstrip("]\n") + f", {{roles: [reader], tag: {tag}, deny: [select]}}]" + TAGGED)
        assert ("mail" not in reading(policies, caller("reader")).columns) is hidden, tag


def test_an_allow_for_a_tag_gives_the_tagged_columns_only() -> None:
    policies = load("grants: [{roles: [reader], tag: pii, allow: [read]}]" + TAGGED)
    assert reading(policies, caller("reader")).columns == ("mail",)
    assert policies.may_see_schema(caller("reader"), "c", "s")
    assert not policies.may_see_schema(caller("other"), "c", "s")
    assert not policies.may_see_schema(caller("reader"), "c", "other")
    assert not policies.decide(caller("reader"), Action.INSERT, T).allowed


def test_a_tag_of_a_table_is_one_of_all_its_columns() -> None:
    policies = load(
        "grants: [{roles: [reader], tag: open, allow: [read]}, {roles: [other], assets: c.s.t, allow: [read]}]\n"
        "tags: [{table: c.s.t, tags: [open.all]}]\n"
        "column_masks: [{roles: [other], tag: open, mask: 'null'}]"
    )
    assert policies.decide(caller("reader"), Action.EXPLAIN, T).allowed is False, "no mask statement names the reader"
    assert set(reading(policies, caller("other")).masks) == {"id", "desk", "mail", "ts", "at"}


def test_a_rule_for_a_tag_holds_within_its_assets() -> None:
    policies = load("grants: [{roles: [reader], tag: pii, assets: [d.*], allow: [read]}]" + TAGGED)
    assert not reading(policies, caller("reader")).allowed


def test_a_mask_for_a_tag_masks_what_carries_it_and_needs_a_word_for_every_reader() -> None:
    policies = load(MASKED + "column_masks: [{roles: [reader], tag: pii, mask: redact}]")
    assert "'****'" in shown(policies, caller("reader"))
    assert shown(policies, caller("other")) == ""
    assert shown(policies, caller("other"), "desk") == "raw"


def test_a_mask_of_the_column_goes_before_a_mask_for_its_tag() -> None:
    policies = load(
        MASKED
        + """
column_masks:
  - {roles: [reader, other], tag: pii, mask: redact}
  - {roles: [boss], table: c.s.t, column: mail, mask: none}
"""
    )
    assert shown(policies, caller("boss")) == "raw"
    assert "'****'" in shown(policies, caller("reader")), "the column's own mask does not name this reader"


def test_two_masks_for_tags_that_differ_withhold_and_are_reported() -> None:
    policies = load(
        MASKED
        + """
column_masks:
  - {id: m, roles: [reader], tag: pii, mask: redact}
  - {id: n, roles: [reader], tag: pii.email, mask: "null"}
"""
    )
    assert shown(policies, caller("reader")) == ""
    assert [w.message for w in policies.warnings] == [
        "the masks m (pii) and n (pii.email) differ: mail of c.s.t is withheld"
    ]


def test_of_two_masks_for_tags_the_one_for_the_more_particular_principal_holds() -> None:
    policies = load(
        MASKED + "column_masks: [{roles: [reader], tag: pii, mask: redact}, {roles: all, tag: pii.email, mask: 'null'}]"
    )
    assert "'****'" in shown(policies, caller("reader"))
    assert "NULL" in shown(policies, caller("other"))


def test_equal_masks_for_two_tags_are_one() -> None:
    policies = load(
        MASKED
        + "column_masks: [{roles: [reader], tag: pii, mask: redact}, {roles: [reader], tag: pii.email, mask: redact}]"
    )
    assert "'****'" in shown(policies, caller("reader"))
    assert not policies.warnings


def test_a_mask_for_a_tag_that_does_not_fit_withholds_the_column_and_is_reported() -> None:
    policies = load(MASKED + "column_masks: [{roles: [reader], tag: pii, mask: {kind: round, to: 10}}]")
    assert shown(policies, caller("reader")) == ""
    assert "mail of c.s.t" in str(policies.check(T)[0])


def test_the_tags_of_a_table_are_told_to_whoever_copies_it() -> None:
    policies = load(MASKED)
    carried = policies.tags_of(T.name)
    assert (carried.table, dict(carried.columns)) == (frozenset(), {"mail": {"pii.email"}, "desk": {"org"}})
    assert not policies.tags_of(T.name._replace(table="u")).all()


def test_a_tagged_table_keeps_the_names_that_its_tags_are_tied_to() -> None:
    assert load(MASKED).names_columns(T.name)
    assert load("licences: [{table: c.*, no_export: true}]").names_columns(T.name)
    assert load("aggregate_only: [{roles: all, table: c.s.t, min_group_size: 5}]").names_columns(T.name)
    assert not load(READ).names_columns(T.name)


def test_a_write_is_refused_where_a_tag_masks_a_column() -> None:
    policies = load(
        "grants: [{roles: [reader], assets: c.s.t, allow: [all]}]"
        + TAGGED
        + "column_masks: [{roles: [reader], tag: pii, mask: redact}]"
    )
    assert not policies.decide(caller("reader"), Action.INSERT, T).allowed
