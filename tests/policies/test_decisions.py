"""What a caller may do: grants, denials, protection, row filters and masks, put together."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dialect.generate import generate
from catalog.errors import ErrorCode, Refusal
from catalog.objects import SchemaName, Table, TableName
from catalog.types import BIGINT, TrinoType
from policies.decisions import Action, Subject
from policies.reload import load_policies
from tests.policies.deciding import HEAD, READ, T, load, reading
from tests.policies.sales import ANA, CUSTOMERS, GUESSES, ORDERS, POLICIES, SALARIES, SCRATCH, subject, table


def test_nothing_is_allowed_that_no_grant_allows() -> None:
    for action in Action:
        assert not POLICIES.decide(subject("bob"), action, ORDERS).allowed
        assert not POLICIES.decide(ANA, action, SALARIES).allowed


def test_ana_sees_granted_columns_with_filter_and_masks() -> None:
    decision = POLICIES.decide(ANA, Action.SELECT, ORDERS)
    assert decision.columns == (
        *("order_id", "region", "amount", "customer_email", "customer_id", "ts", "attrs", "tags"),
    )
    assert decision.row_filter is not None
    assert generate(decision.row_filter) == "\"region\" = 'EU'"
    assert sorted(decision.masks) == ["attrs", "customer_email"]
    assert {(p.kind, p.id) for p in decision.policies} == {
        ("grant", "sales"),
        ("grant", "no-cards"),
        ("row_filter", "eu-only"),
        ("column_mask", "email"),
        ("column_mask", "no-ssn"),
    }
    assert decision.policed
    assert decision.withheld


def test_an_unfiltered_reader_is_named_as_such() -> None:
    decision = POLICIES.decide(subject("eva"), Action.SELECT, ORDERS)
    assert decision.columns == tuple(c.name for c in ORDERS.columns)
    assert not decision.policed


def test_a_table_without_policies_needs_a_grant_only() -> None:
    assert not POLICIES.decide(ANA, Action.SELECT, CUSTOMERS).policed


@pytest.mark.parametrize("asset", ["'*'", "c.*", "c.s.*", "c.s.t"])
def test_a_grant_covers_all_below_its_asset(tmp_path: Path, asset: str) -> None:
    policies = load(tmp_path, f"grants: [{{roles: [reader], assets: {asset}, allow: [select]}}]")
    assert reading(policies, "reader").allowed
    assert reading(policies, "reader", target=table("d.s.t", ("x", BIGINT))).allowed is (asset == "'*'")
    assert not reading(policies, "other").allowed


@pytest.mark.parametrize("denied", ["'*'", "c.*", "c.s.*", "c.s.t"])
@pytest.mark.parametrize("who", ["roles: [reader]", "roles: all", "users: [u]"])
def test_a_deny_wins_over_every_allow_at_any_level(tmp_path: Path, denied: str, who: str) -> None:
    policies = load(
        tmp_path,
        f"""
grants:
  - {{roles: [reader], assets: c.s.t, allow: [select]}}
  - {{users: [u], assets: c.s.t, allow: [select]}}
  - {{{who}, assets: {denied}, deny: [select]}}
""",
    )
    assert not reading(policies, "reader").allowed


def test_a_role_has_what_it_inherits_and_an_unknown_role_has_nothing(tmp_path: Path) -> None:
    policies = load(tmp_path, "grants: [{roles: [reader], assets: c.s.t, allow: [select]}]")
    assert reading(policies, "chief").allowed
    assert not reading(policies, "ghost").allowed
    assert not reading(policies).allowed


def test_column_grants_add_up_and_column_denials_take_away(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
grants:
  - {roles: [reader], assets: c.s.t, allow: [select], columns: [ID, mail]}
  - {roles: [boss], assets: c.s.t, allow: [select], columns: [desk]}
  - {roles: [boss], assets: c.s.t, deny: [select], columns: [mail]}
""",
    )
    assert reading(policies, "reader").columns == ("id", "mail")
    assert reading(policies, "boss").columns == ("id", "desk")
    assert not reading(policies, "other").allowed


def test_no_column_left_is_no_table(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        """
grants:
  - {roles: [reader], assets: c.s.t, allow: [select]}
  - {roles: [reader], assets: c.s.t, deny: [select], columns: [id, desk, mail]}
""",
    )
    assert not reading(policies, "reader").allowed


# Writing, statistics, metadata


@pytest.mark.parametrize(
    "action", [Action.INSERT, Action.UPDATE, Action.DELETE, Action.DROP_TABLE, Action.CREATE_TABLE]
)
def test_writing_needs_a_grant_and_a_table_without_policy_for_the_writer(tmp_path: Path, action: Action) -> None:
    writers = "grants: [{roles: [reader], assets: c.s.t, allow: [read, write]}]\n"
    who = Subject("u", frozenset({"reader"}))
    assert load(tmp_path, writers).decide(who, action, T).allowed
    filtered = writers + "row_filters: [{roles: all, table: c.s.t, filter: id = 1}]"
    masked = writers + "column_masks: [{roles: all, table: c.s.t, column: mail, mask: redact}]"
    withheld = writers + "column_masks: [{roles: [boss], table: c.s.t, column: mail, mask: none}]"
    for text in (filtered, masked, withheld):
        assert not load(tmp_path, text).decide(who, action, T).allowed
    cleared = writers + "row_filters: [{roles: all, table: c.s.t, filter: none}]"
    assert load(tmp_path, cleared).decide(who, action, T).allowed


def test_a_policed_name_cannot_be_created_anew_by_those_it_is_policed_for(tmp_path: Path) -> None:
    text = """
grants: [{roles: [reader], assets: c.s.*, allow: [read, write]}]
column_masks: [{roles: all, table: c.s.t, column: mail, mask: redact}]
"""
    new = Table(T.name, (), "lake")
    who = Subject("u", frozenset({"reader"}))
    assert not load(tmp_path, text).decide(who, Action.CREATE_TABLE, new).allowed
    assert load(tmp_path, text).decide(who, Action.CREATE_TABLE, table("c.s.new")).allowed


def test_statistics_of_a_policed_table_are_closed() -> None:
    assert not POLICIES.decide(ANA, Action.SHOW_STATS, ORDERS).allowed
    assert POLICIES.decide(subject("eva"), Action.SHOW_STATS, ORDERS).allowed


def test_ana_owns_her_sandbox_only() -> None:
    for action in (Action.INSERT, Action.UPDATE, Action.DELETE, Action.CREATE_TABLE, Action.DROP_TABLE):
        assert POLICIES.decide(ANA, action, SCRATCH).allowed
        assert not POLICIES.decide(ANA, action, ORDERS).allowed
        assert not POLICIES.decide(ANA, action, CUSTOMERS).allowed
    assert not POLICIES.decide(ANA, Action.CREATE_VIEW, SCRATCH).allowed


def test_explaining_needs_the_right_to_read(tmp_path: Path) -> None:
    policies = load(
        tmp_path,
        READ + "row_filters: [{roles: [reader], table: c.s.t, filter: none}]",
    )
    assert policies.decide(Subject("u", frozenset({"reader"})), Action.EXPLAIN, T).allowed
    assert not policies.decide(Subject("u", frozenset({"other"})), Action.EXPLAIN, T).allowed


def test_a_caller_may_know_catalogs_and_schemas_that_hold_something_for_him() -> None:
    assert POLICIES.may_see_catalog(ANA, "lake")
    assert POLICIES.may_see_catalog(ANA, "LAKE")
    assert not POLICIES.may_see_catalog(ANA, "tpch")
    assert not POLICIES.may_see_catalog(subject("bob"), "lake")
    assert [s for s in ("sales", "hr", "sandbox", "none") if POLICIES.may_see_schema(ANA, "lake", s)] == [
        "sales",
        "sandbox",
    ]
    assert POLICIES.may_see_schema(subject("eva"), "lake", "hr")


def test_a_denied_catalog_is_not_known(tmp_path: Path) -> None:
    policies = load(tmp_path, READ.replace("]\n", ", {roles: [other], assets: c.*, deny: [select]}]\n"))
    assert policies.may_see_catalog(Subject("u", frozenset({"reader"})), "c")
    assert not policies.may_see_catalog(Subject("u", frozenset({"other"})), "c")
    assert not policies.may_see_schema(Subject("u", frozenset({"other"})), "c", "s")


def test_metadata_shows_what_may_be_read_and_nothing_else() -> None:
    assert "card_number" not in POLICIES.visible_columns(ANA, ORDERS)
    assert POLICIES.visible_columns(ANA, SALARIES) == ()
    assert POLICIES.may_see_table(ANA, GUESSES)
    assert not POLICIES.may_see_table(ANA, SALARIES)


def test_schemas_are_created_by_grant() -> None:
    assert not POLICIES.decide_schema(ANA, Action.CREATE_SCHEMA, SchemaName("lake", "sandbox"))
    assert POLICIES.decide_schema(subject("eva"), Action.CREATE_SCHEMA, SchemaName("lake", "new"))


# Types, caching


def test_types_are_checked_at_the_first_sight_of_a_table(tmp_path: Path) -> None:
    def type_of(tree: object, target: Table) -> TrinoType:
        return BIGINT

    path = tmp_path / "p.yaml"
    path.write_text(HEAD + READ + "row_filters: [{id: f, roles: all, table: c.s.t, filter: id + 1}]", "utf-8")
    policies = load_policies([path], type_of=type_of)
    decision = reading(policies, "reader")
    assert not decision.allowed
    assert "must be a condition" in decision.reason
    assert reading(load_policies([path]), "reader").allowed


def test_an_expression_that_cannot_be_typed_is_a_fault(tmp_path: Path) -> None:
    def type_of(tree: object, target: Table) -> TrinoType:
        raise Refusal(ErrorCode.TYPE_MISMATCH, "'>' cannot be applied to bigint, varchar")

    path = tmp_path / "p.yaml"
    path.write_text(HEAD + READ + "row_filters: [{id: f, roles: all, table: c.s.t, filter: id > desk}]", "utf-8")
    assert not reading(load_policies([path], type_of=type_of), "reader").allowed


def test_a_decision_is_taken_once_for_the_same_table_object_and_anew_for_another() -> None:
    first = POLICIES.decide(ANA, Action.SELECT, ORDERS)
    assert POLICIES.decide(Subject("ana", frozenset({"analyst"})), Action.SELECT, ORDERS) is first
    narrow = Table(ORDERS.name, ORDERS.columns[:2], "lake")
    assert POLICIES.decide(ANA, Action.SELECT, narrow).columns == ("order_id", "region")


def test_table_names_are_policed_folded(tmp_path: Path) -> None:
    policies = load(tmp_path, "grants: [{roles: [reader], assets: C.S.T, allow: [select]}]")
    assert reading(policies, "reader").table == TableName("c", "s", "t")
    assert reading(policies, "reader").allowed


@pytest.mark.parametrize(
    "rule",
    [
        "row_filters: [{id: f, table: c.s.t, roles: [chief], filter: none}]",
        "column_masks: [{id: m, table: c.s.t, column: mail, roles: [chief], mask: none}]",
        "protected: [{table: c.s.t, open: [id]}]",
    ],
)
def test_a_table_is_named_by_rules_whoever_they_are_for(rule: str, tmp_path: Path) -> None:
    policies = load(tmp_path, READ + rule + "\n")
    assert policies.names_columns(T.name)
    assert not policies.names_columns(TableName("c", "s", "other"))


def test_a_table_is_named_by_grants_and_denials_of_single_columns(tmp_path: Path) -> None:
    assert not load(tmp_path, READ).names_columns(T.name)
    one = "grants: [{roles: [reader], assets: c.s.t, allow: [select], columns: [id]}]\n"
    assert load(tmp_path, one).names_columns(T.name)
    denied = "grants: [{roles: [reader], assets: c.s.t, deny: [select], columns: [mail]}]\n"
    assert load(tmp_path, denied).names_columns(T.name)
