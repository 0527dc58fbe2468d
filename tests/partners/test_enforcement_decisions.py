"""What a registered partner sees: what his entitlements, his token and all policies show, and never more than one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.objects import SchemaName, TableName
from policies.decisions import Action, Subject
from policies.entitlements import Entitlement, Partner, Scope, Share, access_of
from policies.index import PolicySet
from tests.policies.asking import Hands, T, caller, condition, load, reading, shown

NOON, EVENING = "2027-01-01T12:00:00+00:00", "2027-01-01T18:00:00+00:00"
GRANTED = "grants: [{roles: all, assets: '*', allow: [all, manage_policies, reveal]}]\n"
ACME = caller(user="acme")


def at(text: str) -> float:
    return Hands(text).now


def entitled(policies: PolicySet, *entitlements: Entitlement, **partner: Any) -> PolicySet:
    return policies.with_partners(access_of(1, {"acme": Partner("acme", **partner)}, entitlements))


def to(table: TableName = T.name, **parts: Any) -> Entitlement:
    return Entitlement("e1", "acme", table, at(EVENING), **parts)


def carrying(*shares: Share) -> Subject:
    return replace(ACME, scope=Scope("t1", shares))


def test_an_entitlement_is_the_grant_and_a_grant_is_none() -> None:
    policies = load(GRANTED)
    assert reading(policies, ACME).allowed, "who is not registered is governed by policies alone"
    assert not reading(entitled(policies), ACME).allowed
    assert reading(entitled(load(""), to()), ACME).columns == ("id", "desk", "mail", "ts", "at")
    assert not reading(entitled(load(""), to(TableName("c", "s", "u"))), ACME).allowed


def test_read_only_lets_read_and_nothing_else() -> None:
    policies = entitled(load(GRANTED), to())
    allowed = {action for action in Action if policies.decide(ACME, action, T).allowed}
    assert allowed == {Action.SELECT, Action.EXPLAIN}
    for action in Action:
        assert not policies.decide_schema(ACME, action, SchemaName("c", "s"))
    assert not policies.may_manage(ACME, T.name)


def test_a_partner_is_nothing_in_the_admin_api_and_acts_for_himself_only() -> None:
    text = GRANTED + (
        "administration: [{users: [acme], allow: [owner, steward, auditor]}]\n"
        "impersonation: [{users: [acme], may_act_as: {users: all}}]\n"
        "queries: [{roles: all, allow: [view, kill]}]\n"
    )
    before, policies = load(text), entitled(load(text), to())
    assert before.admin_roles_of(ACME)
    assert before.may_impersonate("acme", "boss")
    assert not policies.admin_roles_of(ACME)
    assert not policies.may_impersonate("acme", "boss")
    assert policies.may_impersonate("acme", "acme")
    assert not policies.may_handle_queries(ACME, "view")
    assert not before.admin_roles_of(carrying()), "a token with a scope opens no admin API, whoever is registered"


def test_rows_are_those_of_entitlement_token_and_policies_together() -> None:
    filters = "row_filters: [{id: f, table: c.s.t, roles: [partner], filter: 'id > 1'}]\n"
    policies = entitled(load(filters), to(row_filter="desk = 'CAISO'"))
    token = carrying(Share(T.name, "mail <> 'x'"))
    found = condition(policies, token)
    assert found is not None
    assert all(part in found for part in ('"id" > 1', "\"desk\" = 'CAISO'", "\"mail\" <> 'x'"))
    assert " OR " not in found


def test_an_entitlement_names_its_partner_where_policies_name_others_only() -> None:
    filters = (
        "row_filters: [{id: f, table: c.s.t, roles: [boss], filter: none}]\nprotected: [{table: c.s.t, open: [id]}]\n"
    )
    policies = entitled(load(filters), to())
    assert condition(policies, ACME) == ""
    assert reading(policies, ACME).columns == ("id",), "columns that nobody classified stay withheld"


def test_an_entitlement_does_not_take_the_place_of_an_alternative() -> None:
    text = "row_filters: [{id: f, table: c.s.t, users: [acme], group: g, filter: 'id = 1', valid_until: 2026-01-01}]\n"
    assert condition(entitled(load(text), to()), ACME) is None


def test_columns_are_those_that_all_show() -> None:
    text = "grants: [{roles: [partner], assets: c.s.t, deny: [select], columns: [at]}]\n"
    policies = entitled(
        load(text), to(allowed_columns=frozenset({"id", "desk", "at"}), denied_columns=frozenset({"desk"}))
    )
    assert reading(policies, ACME).columns == ("id",)
    whole = entitled(load(text), to())
    token = carrying(Share(T.name, None, frozenset({"id", "mail", "at"}), frozenset({"mail"})))
    assert reading(whole, token).columns == ("id",)
    assert not reading(whole, carrying(Share(T.name, None, frozenset({"nothing"})))).allowed


def test_grants_of_columns_limit_and_grants_of_tables_add_nothing() -> None:
    text = "grants: [{roles: [partner], assets: c.s.t, allow: [select], columns: [id, mail]}]\n"
    assert reading(entitled(load(text), to(allowed_columns=frozenset({"id", "desk"}))), ACME).columns == ("id",)


def test_a_denied_column_that_the_table_has_no_more_closes_the_table() -> None:
    assert not reading(entitled(load(""), to(denied_columns=frozenset({"ssn"}))), ACME).allowed


def test_denials_masks_and_licences_hold_on_top() -> None:
    denied = "grants: [{roles: [partner], assets: c.s.t, deny: [read]}]\n"
    masked = "column_masks: [{table: c.s.t, column: mail, roles: [partner], mask: 'null'}]\n"
    others = "column_masks: [{table: c.s.t, column: mail, roles: [boss], mask: none}]\n"
    assert not reading(entitled(load(denied), to()), ACME).allowed
    assert "NULL" in shown(entitled(load(masked), to()), ACME)
    assert shown(entitled(load(others), to()), ACME) == "", "a column that is masked for anybody needs a word for him"


def test_a_registered_partner_is_a_partner_for_licences_whatever_his_roles() -> None:
    for whom in ("", "partners: {users: [somebody]}\n"):
        policies = entitled(load(whom + "licences: [{table: c.s.t, no_partner: true}]"), to())
        assert not reading(policies, ACME).allowed


def test_every_registered_partner_has_the_partners_role() -> None:
    policies = entitled(load(""), to())
    assert policies.roles_of("acme") == {"partner"}
    assert policies.roles_of("u") == frozenset()


def test_an_entitlement_begins_and_ends_and_a_clock_set_back_does_not_bring_it_back() -> None:
    hands = Hands(NOON)
    policies = entitled(load("", hands), to(starts_at=at("2027-01-01T13:00:00+00:00")))
    seen, keys = [], []
    for moment in (
        NOON,
        "2027-01-01T13:00:00+00:00",
        "2027-01-01T17:59:59+00:00",
        EVENING,
        "2027-01-01T14:00:00+00:00",
    ):
        hands.set(moment)
        seen.append(reading(policies, ACME).allowed)
        keys.append(policies.cache_key(ACME))
    assert seen == [False, True, True, False, False]
    assert keys[0] != keys[1] == keys[2] != keys[3]


def test_two_entitlements_to_one_table_hold_together() -> None:
    both = (to(row_filter="id > 1"), replace(to(row_filter="id < 9"), id="e2"))
    found = condition(entitled(load(""), *both), ACME)
    assert found is not None
    assert '"id" > 1' in found
    assert '"id" < 9' in found


def test_a_token_only_narrows() -> None:
    policies = entitled(load(""), to(row_filter="id = 1"))
    other = TableName("c", "s", "u")
    assert not reading(policies, carrying(Share(other))).allowed, "what the token does not carry"
    assert condition(policies, carrying(Share(T.name))) == condition(policies, ACME)
    unentitled = entitled(load(GRANTED))
    assert not reading(unentitled, carrying(Share(T.name))).allowed, "what it carries beyond the entitlements"


@pytest.mark.parametrize(
    "filter_text",
    [
        "id IN (SELECT id FROM c.s.u)",
        "EXISTS (SELECT 1)",
        "u.id = 1",
        "nothing = 1",
        "random() > 0",
        "id",
        "id = ?",
        "count(id) > 1",
        "id = 1; DROP TABLE t",
        "row_number() OVER () = 1",
        "current_user = 'acme'",
        "attr('desk') = desk",
        "*",
        "",
    ],
)
def test_a_filter_that_is_no_condition_on_the_tables_own_columns_closes_the_table(filter_text: str) -> None:
    assert not reading(entitled(load(""), to(row_filter=filter_text)), ACME).allowed
    assert not reading(entitled(load(""), to()), carrying(Share(T.name, filter_text))).allowed


def test_a_suspended_partner_and_an_unread_registry_show_nothing() -> None:
    suspended = entitled(load(GRANTED), to(), suspended=True)
    assert not reading(suspended, ACME).allowed
    known = entitled(load(GRANTED), to())
    stale = known.with_partners(replace(known.partners, known=False))
    assert reading(known, ACME).allowed
    assert not reading(stale, ACME).allowed
    assert reading(stale, caller(user="ana")).allowed, "nobody else is touched"


def test_catalogs_and_schemas_are_those_of_entitlements_in_the_token() -> None:
    policies = entitled(load(GRANTED), to())
    assert policies.may_see_catalog(ACME, "c")
    assert policies.may_see_schema(ACME, "c", "s")
    assert not policies.may_see_catalog(ACME, "d")
    assert not policies.may_see_schema(ACME, "c", "r")
    assert not policies.may_see_schema(carrying(Share(TableName("c", "s", "u"))), "c", "s")


def test_a_change_of_partners_leaves_the_plans_of_others_alone() -> None:
    before = entitled(load(GRANTED), to())
    after = before.with_partners(access_of(1, before.partners.partners, (to(row_filter="id = 1"),)))
    ana = caller(user="ana")
    assert before.cache_key(ana) == after.cache_key(ana)
    assert before.cache_key(ACME) != after.cache_key(ACME)
    assert reading(before, ACME).row_filter is None
    assert reading(after, ACME).row_filter is not None


def test_what_entitlements_name_keeps_its_name() -> None:
    hands = Hands(NOON)
    policies = load(GRANTED, hands)
    assert not policies.names_columns(T.name)
    assert entitled(policies, to()).names_columns(T.name)
    hands.set(EVENING)
    assert not entitled(policies, to()).names_columns(T.name)


def test_tokens_of_one_partner_do_not_share_plans() -> None:
    policies = entitled(load(""), to())
    keys = {policies.cache_key(carrying(Share(T.name, text))) for text in (None, "id = 1", "id = 2")}
    assert len({*keys, policies.cache_key(ACME)}) == 4


def test_a_token_of_somebody_who_is_not_known_as_a_partner_shows_nothing() -> None:
    policies = load(GRANTED)
    assert not reading(policies, carrying(Share(T.name))).allowed
    assert not policies.may_see_catalog(carrying(Share(T.name)), "c")
    assert policies.cache_key(carrying(Share(T.name))) != policies.cache_key(ACME)


def test_choosing_roles_never_widens_a_partners_sight() -> None:
    policies = entitled(load(""), to(row_filter="id = 1"))
    narrowed = replace(ACME, roles=frozenset(), held=frozenset({"partner"}))
    assert condition(policies, narrowed) == condition(policies, ACME)
