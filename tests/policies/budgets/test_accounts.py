"""Whom budgets are about, and whose accounts a statement is paid from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policies.budgets.model import UNLIMITED, accounts
from policies.clock import Clock
from policies.decisions import Subject
from policies.entitlements import Partner, PartnerAccess
from policies.index import PolicySet
from tests.policies.asking import caller, load

NOON = 1_795_694_400.0
"""2026-11-26, at noon in UTC."""


def one(fields: str) -> PolicySet:
    return load(f"budgets: [{{id: b, each: user, period: day, usd: 1, {fields}}}]")


def held(policies: PolicySet, subject: Subject) -> bool:
    return bool(policies.budgets_for(subject))


def names(policies: PolicySet, subject: Subject) -> list[str]:
    return [each.id for each in accounts(policies.budgets_for(subject), subject, NOON)]


@pytest.mark.parametrize(
    ("whom", "subject", "is_held"),
    [
        ("roles: [reader]", caller("reader"), True),
        ("roles: [reader]", caller("boss"), True),  # who inherits it has it
        ("roles: [reader]", caller("other"), False),
        ("roles: all", caller(), True),
        ("users: [ann]", caller(user="ann"), True),
        ("users: [ann]", caller(user="bob"), False),
        ("groups: [risk]", caller(groups=("risk",)), True),
        ("sources: [superset]", replace(caller(), source="superset"), True),
        ("sources: [superset]", replace(caller(), source="superset-2"), False),
        ("sources: ['superset*']", replace(caller(), source="superset-2"), True),
        ("sources: [superset]", caller(), False),
        ("when: {desk: power}", caller(desk="power"), True),
        ("when: {desk: power}", caller(desk="gas"), False),
        ("roles: [reader], when: {desk: power}", caller("reader", desk="gas"), False),
        ("roles: [reader], sources: [bi]", replace(caller("other"), source="bi"), False),
    ],
)
def test_a_budget_is_about_those_that_it_names(whom: str, subject: Subject, is_held: bool) -> None:
    assert held(one(whom), subject) is is_held


def test_who_lacks_the_attribute_is_held_as_by_every_restriction() -> None:
    assert held(one("when: {desk: power}"), caller("reader"))


def test_who_chooses_fewer_of_his_roles_escapes_no_budget() -> None:
    policies = one("roles: [reader]")
    chosen = replace(caller("boss"), held=frozenset({"boss", "reader"}))
    assert held(policies, chosen)


def test_a_budget_holds_while_it_is_valid_and_after_a_step_of_the_clock_at_either_time() -> None:
    policies = one("roles: all, valid_from: 2026-11-26, valid_until: 2026-11-27")
    day = 1_795_651_200.0
    for now, is_held in ((day - 1, False), (day, True), (day + 86_399, True), (day + 86_400, False)):
        assert held(replace(policies, clock=Clock(lambda now=now: now)), caller()) is is_held
    hands = [day + 5]
    stepping = replace(policies, clock=Clock(lambda: hands[0]))
    assert held(stepping, caller())
    hands[0] = day - 5
    assert held(stepping, caller())


@pytest.mark.parametrize(
    ("each", "subject", "expected"),
    [
        ("user", caller(user="ann"), ["b/ann/usd/2026-11-26"]),
        ("all", caller(user="ann"), ["b/all/usd/2026-11-26"]),
        ("source", replace(caller(user="ann"), source="a/b c"), ["b/a%2Fb%20c/usd/2026-11-26"]),
        ("source", caller(user="ann"), ["b//usd/2026-11-26"]),
        ("desk", caller(desk="power"), ["b/power/usd/2026-11-26"]),
        ("desk", caller(), ["b//usd/2026-11-26"]),
        (
            "desk",
            replace(caller(), attributes=(("desk", "gas"), ("desk", "power"))),
            ["b/gas/usd/2026-11-26", "b/power/usd/2026-11-26"],
        ),
    ],
)
def test_accounts_are_held_by_user_source_attribute_or_all(each: str, subject: Subject, expected: list[str]) -> None:
    policies = load(f"budgets: [{{id: b, roles: all, each: {each}, period: day, usd: 1}}]")
    assert names(policies, subject) == expected


def test_two_of_a_desk_share_its_account_and_no_two_budgets_do() -> None:
    policies = load(
        "budgets: [{id: a, roles: all, each: desk, period: day, usd: 1},"
        " {id: a-power, roles: all, each: all, period: day, bytes: 1}]"
    )
    ann, bob = caller(user="ann", desk="power"), caller(user="bob", desk="power")
    assert names(policies, ann) == names(policies, bob)
    assert len({*names(policies, ann)}) == 2


def test_a_partners_budget_is_about_partners_alone() -> None:
    text = "budgets: [{id: b, %s, each: partner, period: month, usd: 1}]"
    access = PartnerAccess(partners={"acme": Partner("acme"), "umbra": Partner("umbra")})
    for whom, of_acme, of_umbra in (("partners: all", True, True), ("partners: [acme]", True, False)):
        policies = load(text % whom).with_partners(access)
        assert held(policies, caller(user="acme")) is of_acme
        assert held(policies, caller(user="umbra")) is of_umbra
        assert not held(policies, caller(user="ann"))
    everybody = load(text % "roles: all").with_partners(access)
    assert not held(everybody, caller(user="ann"))
    assert names(everybody, caller(user="acme")) == ["b/acme/usd/2026-11"]


def test_a_clock_set_back_gives_no_money_back() -> None:
    (budget,) = one("roles: all").budgets.budgets
    subject = caller(user="ann")
    after, before = (accounts((budget,), subject, moment)[0] for moment in (NOON + 86_400, NOON))
    again = accounts((budget,), subject, NOON)[0]
    assert before.id != after.id
    assert again == before


def test_an_observing_budget_counts_and_stops_nothing() -> None:
    policies = one("roles: all, mode: observe")
    (account,) = accounts(policies.budgets_for(caller()), caller(), NOON)
    assert account.limit == UNLIMITED
    assert account.budget.hard == 10**9
