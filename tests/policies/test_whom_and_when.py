"""For whom rules hold (groups, attributes) and how long; doubt closes, and an end opens nothing."""

from __future__ import annotations

import pytest

from policies.decisions import Action
from tests.policies.asking import READ, Hands, T, caller, condition, load, reading, shown

# Groups


def test_a_group_is_named_in_every_kind_of_rule() -> None:
    policies = load("""
grants: [{groups: [risk], assets: c.s.t, allow: [read]}]
row_filters: [{groups: [risk], table: c.s.t, filter: id > 5}]
column_masks: [{groups: [risk], table: c.s.t, column: mail, mask: redact}]
impersonation: [{groups: [risk], may_act_as: {groups: [audit]}}]
session_properties: [{groups: [risk], allow: [query_max_run_time]}]
queries: [{groups: [risk], allow: [view]}]
users: {ann: {groups: [risk]}, tom: {groups: [audit]}}
""")
    who = caller(groups=("risk",))
    assert condition(policies, who) == '"id" > 5'
    assert "'****'" in shown(policies, who)
    assert policies.session_property_allowed(who, "query_max_run_time")
    assert policies.may_handle_queries(who, "view")
    assert policies.groups_of("ann") == {"risk"}
    assert policies.may_impersonate("ann", "tom")
    assert not policies.may_impersonate("tom", "ann")
    for stranger in (caller(), caller(groups=("audit",)), caller("risk"), caller(user="risk")):
        assert not reading(policies, stranger).allowed
        assert not policies.session_property_allowed(stranger, "query_max_run_time")


def test_a_deny_for_a_group_wins_over_an_allow_for_a_role() -> None:
    policies = load(READ.rstrip("]\n") + ", {groups: [audit], assets: c.s.t, deny: [select], columns: [mail]}]")
    assert "mail" in reading(policies, caller("reader")).columns
    assert "mail" not in reading(policies, caller("reader", groups=("audit",))).columns


def test_masks_of_a_role_and_of_a_group_that_differ_withhold() -> None:
    policies = load(
        READ
        + """
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact}
  - {groups: [risk], table: c.s.t, column: mail, mask: none}
  - {users: [eve], table: c.s.t, column: mail, mask: "null"}
"""
    )
    assert shown(policies, caller("reader", groups=("risk",))) == ""
    assert "NULL" in shown(policies, caller("reader", groups=("risk",), user="eve"))


def test_a_narrowed_session_keeps_its_groups() -> None:
    policies = load("grants: [{groups: [risk], assets: c.s.t, allow: [read]}]")
    who = caller(groups=("risk",))
    assert all(
        side.groups == {"risk"} for side in type(who)("u", frozenset(), held=frozenset(), groups=who.groups).sides
    )
    assert reading(policies, who).allowed


# Attributes


CONDITIONED = """
grants:
  - {roles: [reader], assets: c.s.t, allow: [read], when: {region: [US, CA], purpose: audit}}
  - {roles: [boss], assets: c.s.t, allow: [read]}
  - {roles: [boss], assets: c.s.t, deny: [select], when: {region: [EU]}}
"""


@pytest.mark.parametrize(
    ("attributes", "allowed"),
    [
        ({"region": "US", "purpose": "audit"}, True),
        ({"region": "CA", "purpose": "audit"}, True),
        ({"region": "EU", "purpose": "audit"}, False),
        ({"region": "US"}, False),
        ({"purpose": "audit"}, False),
        ({}, False),
    ],
)
def test_a_missing_attribute_never_satisfies_an_allow(attributes: dict[str, str], allowed: bool) -> None:
    assert reading(load(CONDITIONED), caller("reader", **attributes)).allowed is allowed


@pytest.mark.parametrize(("attributes", "allowed"), [({"region": "US"}, True), ({"region": "EU"}, False), ({}, False)])
def test_a_missing_attribute_always_lets_a_deny_stand(attributes: dict[str, str], allowed: bool) -> None:
    assert reading(load(CONDITIONED), caller("boss", **attributes)).allowed is allowed


def test_an_attribute_with_two_values_satisfies_only_what_both_satisfy() -> None:
    both = caller("reader", purpose="audit")
    both = type(both)("u", both.roles, (*both.attributes, ("region", "US"), ("region", "EU")))
    assert not reading(load(CONDITIONED), both).allowed


def test_a_filter_whose_attribute_is_missing_refuses_instead_of_falling_away() -> None:
    policies = load(
        READ
        + """
row_filters:
  - {roles: [reader], table: c.s.t, filter: none}
  - {roles: [reader], table: c.s.t, filter: id > 5, when: {region: [EU]}}
"""
    )
    assert condition(policies, caller("reader", region="EU")) == '"id" > 5'
    assert condition(policies, caller("reader", region="US")) == ""
    assert condition(policies, caller("reader")) is None


def test_an_exemption_needs_its_attribute() -> None:
    policies = load(READ + "row_filters: [{roles: [reader], table: c.s.t, filter: none, when: {purpose: audit}}]")
    assert condition(policies, caller("reader", purpose="audit")) == ""
    assert condition(policies, caller("reader", purpose="sales")) is None
    assert condition(policies, caller("reader")) is None


def test_a_group_of_alternatives_of_which_none_is_in_force_refuses() -> None:
    policies = load(
        READ
        + """
row_filters:
  - {roles: [reader], table: c.s.t, filter: id > 5}
  - {roles: [reader], table: c.s.t, filter: desk = 'E', group: g, when: {region: [EU]}}
  - {roles: [reader], table: c.s.t, filter: desk = 'U', group: g, when: {region: [US]}}
"""
    )
    assert condition(policies, caller("reader", region="EU")) == '("id" > 5) AND ("desk" = \'E\')'
    assert condition(policies, caller("reader", region="ASIA")) is None
    assert condition(policies, caller("reader")) is None


def test_a_mask_with_a_condition_goes_before_one_without_and_doubt_withholds() -> None:
    policies = load(
        READ
        + """
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact}
  - {roles: [reader], table: c.s.t, column: mail, mask: none, when: {purpose: audit}}
  - {roles: [other], table: c.s.t, column: mail, mask: none}
  - {roles: [other], table: c.s.t, column: mail, mask: redact, when: {region: EU}}
"""
    )
    assert shown(policies, caller("reader", purpose="audit")) == "raw"
    assert "'****'" in shown(policies, caller("reader", purpose="sales"))
    assert "'****'" in shown(policies, caller("reader"))
    assert shown(policies, caller("other", region="US")) == "raw"
    assert "'****'" in shown(policies, caller("other", region="EU"))
    assert shown(policies, caller("other")) == ""


# Time


LASTING = """
grants:
  - {roles: [reader], assets: c.s.t, allow: [read], valid_from: 2027-01-01T12:00:00Z, valid_until: 2027-01-02}
  - {roles: [boss], assets: c.s.t, allow: [read]}
  - {roles: [boss], assets: c.s.t, deny: [select], valid_until: 2027-01-02}
"""


def test_an_entitlement_begins_and_ends_at_its_very_moments_without_a_reload() -> None:
    hands = Hands("2027-01-01T11:59:59.999+00:00")
    policies = load(LASTING, hands)
    allowed = []
    for text in (
        "2027-01-01T11:59:59.999+00:00",
        "2027-01-01T12:00:00+00:00",
        "2027-01-01T23:59:59.999+00:00",
        "2027-01-02T00:00:00+00:00",
    ):
        hands.set(text)
        keys = policies.cache_key(caller("reader")), policies.cache_key(caller("reader"))
        assert keys[0] == keys[1]
        allowed.append(
            (reading(policies, caller("reader")).allowed, policies.may_see_schema(caller("reader"), "c", "s"))
        )
    assert allowed == [(False, False), (True, True), (True, True), (False, False)]


def test_a_denial_ends_on_purpose() -> None:
    hands = Hands()
    policies = load(LASTING, hands)
    assert not reading(policies, caller("boss")).allowed
    hands.set("2027-01-02T00:00:00+00:00")
    assert reading(policies, caller("boss")).allowed


def test_a_clock_that_steps_back_reopens_nothing() -> None:
    hands = Hands()
    policies = load(LASTING, hands)
    assert reading(policies, caller("reader")).allowed
    hands.set("2027-01-02T00:00:00+00:00")
    after = policies.cache_key(caller("reader"))
    assert not reading(policies, caller("reader")).allowed
    assert reading(policies, caller("boss")).allowed
    hands.set("2027-01-01T12:00:00+00:00")
    assert not reading(policies, caller("reader")).allowed
    assert not reading(policies, caller("boss")).allowed, "and what was denied then is denied again"
    assert policies.cache_key(caller("reader")) != after


ENDING = """
row_filters:
  - {id: desk, roles: [reader], table: c.s.t, filter: desk = 'A', valid_until: 2027-01-02}
  - {id: all, roles: [other], table: c.s.t, filter: none}
column_masks:
  - {id: mail, roles: [reader], table: c.s.t, column: mail, mask: redact, valid_until: 2027-01-02}
  - {id: clear, roles: [other], table: c.s.t, column: mail, mask: none}
"""


def test_the_end_of_a_filter_refuses_and_the_end_of_a_mask_withholds() -> None:
    hands = Hands()
    policies = load(READ + ENDING, hands)
    both = caller("reader", "other")
    assert condition(policies, caller("reader")) == condition(policies, both) == "\"desk\" = 'A'"
    hands.set("2027-01-02T00:00:00+00:00")
    assert condition(policies, caller("reader")) is None
    assert condition(policies, both) is None, "another role's statement does not stand in for the one that ended"
    assert condition(policies, caller("other")) == ""


def test_the_end_of_a_mask_withholds_the_column_even_from_those_whom_another_role_shows_it() -> None:
    hands = Hands()
    policies = load(READ + ENDING[ENDING.index("column_masks") :], hands)
    hands.set("2027-01-02T00:00:00+00:00")
    assert shown(policies, caller("reader")) == shown(policies, caller("reader", "other")) == ""
    assert shown(policies, caller("other")) == "raw"


def test_a_statement_hands_over_to_the_one_that_was_dated_to_follow_it() -> None:
    hands = Hands()
    policies = load(
        READ
        + """
row_filters:
  - {roles: [reader], table: c.s.t, filter: desk = 'A', valid_until: 2027-01-02}
  - {roles: [reader], table: c.s.t, filter: desk = 'B', valid_from: 2027-01-02}
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact, valid_until: 2027-01-02}
  - {roles: [reader], table: c.s.t, column: mail, mask: none, valid_from: 2027-01-02}
""",
        hands,
    )
    assert (condition(policies, caller("reader")), shown(policies, caller("reader")) == "raw") == (
        "\"desk\" = 'A'",
        False,
    )
    hands.set("2027-01-02T00:00:00+00:00")
    assert (condition(policies, caller("reader")), shown(policies, caller("reader"))) == ("\"desk\" = 'B'", "raw")


def test_an_exemption_for_a_while_falls_back_to_the_role() -> None:
    hands = Hands()
    policies = load(
        READ
        + """
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact}
  - {users: [u], table: c.s.t, column: mail, mask: none, valid_until: 2027-01-02}
""",
        hands,
    )
    assert shown(policies, caller("reader")) == "raw"
    hands.set("2027-01-02T00:00:00+00:00")
    assert "'****'" in shown(policies, caller("reader"))


def test_writing_needs_a_grant_in_force_as_well() -> None:
    policies = load("grants: [{roles: [reader], assets: c.s.t, allow: [all], valid_until: 2026-01-01}]")
    assert not any(policies.decide(caller("reader"), action, T).allowed for action in Action)
