"""A decision costs the same with a hundred rules and with a hundred thousand."""

from __future__ import annotations

import timeit

from catalog.objects import Table, TableName
from policies.decisions import Action, Subject
from policies.directory import Directory
from policies.grants import index_grants
from policies.index import PolicySet
from policies.rules import Rule, close_roles
from tests.policies.sales import ORDERS, POLICIES

WHO = Subject("u", frozenset({"r0"}))


def policy_set(count: int) -> PolicySet:
    rules = tuple(
        Rule(f"g{i}", f"role:r{i % 500}", ("c", f"s{i % 1000}", f"t{i}"), frozenset({Action.SELECT}), "allow")
        for i in range(count)
    )
    roles = close_roles({f"r{i}": () for i in range(500)})
    return PolicySet("1", roles, Directory(), index_grants(rules), {}, {}, {}, {}, rules=rules)


def fresh_decisions(policies: PolicySet, count: int = 2000) -> float:
    """Return the seconds that decisions about tables never seen before take; the best of several runs."""
    tables = [Table(TableName("c", "s0", f"t{i}"), ORDERS.columns, "lake") for i in range(count)]
    timer = timeit.Timer(lambda: [policies.decide(WHO, Action.SELECT, t) for t in tables], policies.forget)
    return min(timer.repeat(5, 1))


def test_the_number_of_rules_does_not_matter() -> None:
    few, many = policy_set(100), policy_set(100_000)
    assert many.decide(WHO, Action.SELECT, Table(TableName("c", "s0", "t0"), ORDERS.columns, "lake")).allowed
    assert fresh_decisions(many) < 3 * fresh_decisions(few)


def test_remembered_decisions_are_bounded() -> None:
    policies = policy_set(1)
    for i in range(70_000):
        policies.decide(WHO, Action.SELECT, Table(TableName("c", "s", f"t{i}"), (), "lake"))
    assert policies.remembered <= 65_536


def test_a_remembered_decision_is_a_lookup() -> None:
    who = Subject("ana", frozenset({"analyst"}))
    POLICIES.decide(who, Action.SELECT, ORDERS)
    seconds = min(timeit.repeat(lambda: POLICIES.decide(who, Action.SELECT, ORDERS), number=1000, repeat=5))
    assert seconds / 1000 < 50e-6
