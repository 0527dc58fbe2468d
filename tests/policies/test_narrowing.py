"""A caller who chose a part of his roles sees no more than they show, and never more than all of them do."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dialect.generate import generate
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import BIGINT, VARCHAR
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from policies.reload import load_policies
from rewrite_rules.analysis import analyze_expression

POLICIES = """\
version: 1
roles: {clerk: {}, auditor: {}, boss: {inherits: [clerk]}}
grants:
  - {id: clerks, roles: [clerk], assets: lake.s.t, allow: [read]}
  - {id: auditors, roles: [auditor], assets: "lake.s.*", allow: [read]}
  - {id: bosses, roles: [boss], assets: lake.s.t, allow: [write]}
  - {id: no-salary, roles: [clerk], assets: lake.s.t, deny: [select], columns: [salary]}
  - {id: schemas, roles: [boss], assets: "lake.new.*", allow: [create_schema]}
row_filters:
  - {id: own, table: lake.s.t, roles: [clerk], filter: "region = 'EU'"}
  - {id: booked, table: lake.s.t, roles: [auditor], filter: "id > 5"}
column_masks:
  - {id: a, table: lake.s.t, column: mail, roles: [clerk], mask: {kind: constant, value: "clerk"}}
  - {id: b, table: lake.s.t, column: mail, roles: [auditor], mask: none}
  - {id: c, table: lake.s.t, column: card, roles: [clerk], mask: {kind: last_n, n: 4}}
  - {id: d, table: lake.s.t, column: card, roles: [boss], mask: {kind: constant, value: "boss"}}
session_properties:
  - {roles: [clerk], allow: [query_max_run_time]}
queries:
  - {roles: [boss], allow: [kill]}
"""
NAMES = ("id", "region", "mail", "card", "salary")
T = Table(
    TableName("lake", "s", "t"), tuple(Column(n, BIGINT if n in ("id", "salary") else VARCHAR) for n in NAMES), "lake"
)
U = Table(TableName("lake", "s", "u"), (Column("id", BIGINT),), "lake")
ALL = frozenset({"boss", "auditor"})


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    path: Path = tmp_path_factory.mktemp("narrowing") / "policies.yaml"
    path.write_text(POLICIES)
    return load_policies([path], type_of=analyze_expression)


def chosen(*roles: str) -> Subject:
    return Subject("ann", frozenset(roles), held=ALL)


def read(policies: PolicySet, subject: Subject, table: Table = T) -> TableDecision:
    return policies.decide(subject, Action.SELECT, table)


def test_no_role_sees_nothing(policies: PolicySet) -> None:
    assert not read(policies, chosen()).allowed
    assert not policies.may_see_catalog(chosen(), "lake")
    assert not policies.may_see_schema(chosen(), "lake", "s")
    assert not policies.session_property_allowed(chosen(), "query_max_run_time")
    assert policies.session_property_allowed(chosen("clerk"), "query_max_run_time")


def test_what_another_role_gave_is_gone(policies: PolicySet) -> None:
    assert read(policies, Subject("ann", ALL), U).allowed
    assert not read(policies, chosen("boss"), U).allowed
    assert read(policies, chosen("auditor"), U).allowed


def test_leaving_a_role_out_lifts_none_of_its_restrictions(policies: PolicySet) -> None:
    """The auditor alone would see salaries, every region and clear addresses; this caller is a clerk, too."""
    alone = read(policies, Subject("bob", frozenset({"auditor"})))
    assert "salary" in alone.columns
    assert "mail" not in alone.masks
    decision = read(policies, chosen("auditor"))
    assert decision.columns == ("id", "region"), "on the others, all roles together do not agree"
    assert decision.row_filter is not None
    text = generate(decision.row_filter)
    assert "'EU'" in text
    assert "5" in text


def test_where_two_masks_differ_neither_shows_through(policies: PolicySet) -> None:
    boss = frozenset({"boss"})
    whole = read(policies, Subject("ann", boss)).masks
    part = read(policies, Subject("bob", frozenset({"clerk"}))).masks
    both = read(policies, Subject("ann", frozenset({"clerk"}), held=boss)).masks
    assert whole["card"] != part["card"]
    assert generate(both["card"]) == "CAST(NULL AS VARCHAR)"
    assert whole["mail"] == part["mail"] == both["mail"]


@pytest.mark.parametrize("roles", [(), ("clerk",), ("auditor",), ("boss",), ("nobody",), ("clerk", "auditor")])
@pytest.mark.parametrize("held", [frozenset(), frozenset({"clerk"}), frozenset({"auditor"}), ALL])
def test_nothing_is_ever_seen_that_all_roles_do_not_show(
    policies: PolicySet, roles: tuple[str, ...], held: frozenset[str]
) -> None:
    subject, whole = Subject("ann", frozenset(roles), held=held), Subject("ann", held)
    for table in (T, U):
        for action in (Action.SELECT, Action.INSERT, Action.DELETE):
            mine, most = policies.decide(subject, action, table), policies.decide(whole, action, table)
            assert most.allowed or not mine.allowed
            assert set(mine.columns) <= set(most.columns)
            assert not mine.allowed or set(mine.masks) >= set(most.masks) & set(mine.columns)
            assert mine.row_filter is not None or not mine.allowed or most.row_filter is None
    schema = SchemaName("lake", "new")
    if policies.decide_schema(subject, Action.CREATE_SCHEMA, schema):
        assert policies.decide_schema(whole, Action.CREATE_SCHEMA, schema)
    if policies.may_handle_queries(subject, "kill"):
        assert policies.may_handle_queries(whole, "kill")


def test_roles_that_are_inherited_can_be_chosen_and_no_others(policies: PolicySet) -> None:
    ann = Subject("ann", frozenset({"boss"}))
    assert [role for role in ("boss", "clerk", "auditor", "nope") if policies.may_take_role(ann, role)] == [
        "boss",
        "clerk",
    ]
    assert policies.may_take_role(Subject("ann", frozenset(), held=frozenset({"boss"})), "clerk"), "and chosen again"
