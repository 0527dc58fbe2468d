"""Licence terms and residency: no grant overrides them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.decisions import Action, Subject
from tests.policies.asking import Hands, T, caller, condition, load, reading

ALL = "grants: [{roles: all, assets: '*', allow: [all]}]\n"


def test_partners_are_excluded_whatever_is_granted_to_them() -> None:
    policies = load(ALL + "licences: [{table: c.s.*, no_partner: true}]")
    assert reading(policies, caller("boss")).allowed
    for action in Action:
        assert not policies.decide(caller("boss", "partner"), action, T).allowed


def test_who_is_a_partner_may_be_said_otherwise() -> None:
    policies = load(ALL + "partners: {groups: [risk], users: [acme]}\nlicences: [{table: c.s.t, no_partner: true}]")
    assert reading(policies, caller("partner")).allowed
    assert not reading(policies, caller(groups=("risk",))).allowed
    assert not reading(policies, caller(user="acme")).allowed


REGIONS = ALL + "licences: [{table: c.s.t, allowed_regions: [US, CA]}]\n"


@pytest.mark.parametrize(
    ("engines", "attributes", "allowed"),
    [
        ("", {"region": "US"}, True),
        ("", {"region": "EU"}, False),
        ("", {}, False),
        ("engine_regions: {lake: CA}", {"region": "US"}, True),
        ("engine_regions: {lake: EU}", {"region": "US"}, False),
        ("engine_regions: {other: EU}", {"region": "US"}, True),
    ],
)
def test_data_stays_in_its_regions(engines: str, attributes: dict[str, str], allowed: bool) -> None:
    policies = load(REGIONS + engines)
    assert reading(policies, caller("boss", **attributes)).allowed is allowed
    assert policies.decide(caller("boss", **attributes), Action.INSERT, T).allowed is allowed


def test_display_only_refuses_what_shows_rows_and_lets_the_data_be_loaded() -> None:
    policies = load(ALL + "licences: [{table: c.s.t, display_only: {sources: [superset], trusted: [bi]}}]")
    board = Subject("ann", frozenset({"reader"}), source="superset", authenticated="bi")
    assert reading(policies, board).allowed
    assert not reading(policies, board).exportable
    for stranger in (replace(board, source="dbeaver"), replace(board, authenticated="ann"), caller("reader")):
        for action in (
            Action.SELECT,
            Action.EXPLAIN,
            Action.UPDATE,
            Action.DELETE,
            Action.SHOW_STATS,
            Action.SHOW_CREATE,
        ):
            assert not policies.decide(stranger, action, T).allowed
        assert policies.decide(stranger, Action.INSERT, T).allowed
    assert policies.cache_key(board) != policies.cache_key(replace(board, source="dbeaver"))


def test_where_no_term_asks_for_the_application_it_is_no_part_of_a_cache_key() -> None:
    policies = load(ALL)
    board = Subject("ann", frozenset(), source="superset", authenticated="bi")
    assert policies.cache_key(board) == policies.cache_key(caller(user="ann"))
    reading(policies, board)
    reading(policies, replace(board, source="other"))
    assert policies.remembered == 1


def test_an_embargo_is_one_more_filter_and_hides_what_has_no_moment() -> None:
    hands = Hands("2027-01-01T12:00:00.5+00:00")
    policies = load(
        ALL
        + """
row_filters: [{roles: all, table: c.s.t, filter: id > 5 OR desk = 'A'}]
licences: [{table: c.s.t, embargo: {column: TS, delay: 15m}}, {tag: market, embargo: {column: at, delay: 1d}}]
tags: [{table: c.s.t, columns: {mail: market.prices}}]
""",
        hands,
    )
    first = (
        '("id" > 5 OR "desk" = \'A\') AND ("ts" <= CAST(\'2027-01-01 11:45:00 UTC\' AS TIMESTAMP(6) WITH TIME ZONE)) '
        "AND (\"at\" <= CAST('2026-12-31 12:00:00' AS TIMESTAMP(3)))"
    )
    assert condition(policies, caller()) == first
    hands.set("2027-01-01T12:00:00.9+00:00")
    assert condition(policies, caller()) == first
    hands.set("2027-01-01T12:00:01+00:00")
    assert "11:45:01 UTC" in (condition(policies, caller()) or "")
    hands.set("2027-01-01T11:00:00+00:00")
    assert "10:45:00 UTC" in (condition(policies, caller()) or "")
    assert not policies.decide(caller("boss"), Action.INSERT, T).allowed


def test_an_embargo_holds_for_a_narrowed_session_too() -> None:
    policies = load(ALL + "licences: [{table: c.s.t, embargo: {column: ts, delay: 90s}}]")
    decision = reading(policies, Subject("u", frozenset(), held=frozenset({"boss"})))
    assert decision.holds is not None
    assert decision.row_filter is not None


@pytest.mark.parametrize(("column", "message"), [("gone", "does not have"), ("desk", "needs a timestamp")])
def test_an_embargo_on_no_timestamp_refuses_and_is_reported(column: str, message: str) -> None:
    policies = load(ALL + f"licences: [{{table: c.s.t, embargo: {{column: {column}, delay: 15m}}}}]")
    assert condition(policies, caller("boss")) is None
    assert message in str(policies.check(T)[0])


def test_terms_of_a_tag_on_one_column_are_terms_of_the_table() -> None:
    policies = load(
        ALL + "licences: [{tag: nymex, no_export: true}]\ntags: [{table: c.s.t, columns: {id: nymex.futures}}]"
    )
    assert not reading(policies, caller()).exportable
    assert reading(policies, caller()).allowed


def test_to_choose_a_role_leaves_no_term_and_no_least_size_behind() -> None:
    policies = load(
        ALL
        + "licences: [{table: c.s.t, no_partner: true}]\n"
        + "aggregate_only: [{roles: [reader], table: c.s.u, min_group_size: 5}]"
    )
    assert not reading(policies, Subject("u", frozenset({"boss"}), held=frozenset({"boss", "partner"}))).allowed
    other = replace(T, name=T.name._replace(table="u"))
    narrowed = Subject("u", frozenset({"other"}), held=frozenset({"other", "reader"}))
    assert reading(policies, narrowed, other).min_group == 5
    assert not policies.decide(Subject("u", frozenset({"reader"})), Action.REVEAL, other).allowed
