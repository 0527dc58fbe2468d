"""People, who may act for whom, session properties and the queries of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.decisions import Subject
from policies.index import PolicySet
from policies.reload import load_policies


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    path: Path = tmp_path_factory.mktemp("policies") / "p.yaml"
    path.write_text("""
version: 1
roles: {viewer: , trader: {inherits: [viewer]}, admin: }
users:
  ana: {roles: [viewer], attributes: {region: EU, desk: X}}
  tom: {roles: [trader]}
  root: {roles: [admin]}
impersonation:
  - {users: [superset], may_act_as: {roles: [viewer]}}
  - {users: [backup], may_act_as: {users: [root]}}
  - {roles: [admin], may_act_as: {users: all}}
session_properties:
  - {roles: all, allow: [query_max_run_time]}
  - {roles: [trader], allow: ["lake.*"]}
queries:
  - {roles: [admin], allow: [view, kill]}
  - {users: [tom], allow: [view]}
""")
    return load_policies([path])


def test_roles_and_attributes_are_known_without_a_claim(policies: PolicySet) -> None:
    assert policies.roles_of("ana") == {"viewer"}
    assert policies.attributes_of("ana") == (("desk", "X"), ("region", "EU"))
    assert policies.roles_of("nobody") == frozenset()
    assert policies.attributes_of("nobody") == ()


@pytest.mark.parametrize(
    ("principal", "user", "allowed"),
    [
        ("ana", "ana", True),
        ("ana", "tom", False),
        ("superset", "ana", True),
        ("superset", "tom", True),
        ("superset", "root", False),
        ("superset", "stranger", False),
        ("backup", "root", True),
        ("backup", "ana", False),
        ("root", "anybody", True),
        ("stranger", "ana", False),
    ],
)
def test_acting_for_others_is_by_rule_only(policies: PolicySet, principal: str, user: str, allowed: bool) -> None:
    assert policies.may_impersonate(principal, user) is allowed


@pytest.mark.parametrize(
    ("roles", "name", "allowed"),
    [
        ((), "query_max_run_time", True),
        ((), "Query_Max_Run_Time", True),
        ((), "query_max_memory", False),
        ((), "lake.projection_pushdown_enabled", False),
        (("trader",), "lake.projection_pushdown_enabled", True),
        (("trader",), "other.projection_pushdown_enabled", False),
        (("viewer",), "lake.x", False),
    ],
)
def test_session_properties_are_an_allow_list(
    policies: PolicySet, roles: tuple[str, ...], name: str, allowed: bool
) -> None:
    assert policies.session_property_allowed(Subject("u", frozenset(roles)), name) is allowed


def test_queries_of_others_are_for_those_who_are_named(policies: PolicySet) -> None:
    root, tom = Subject("root", frozenset({"admin"})), Subject("tom", frozenset({"trader"}))
    assert policies.may_handle_queries(root, "kill")
    assert policies.may_handle_queries(tom, "view")
    assert not policies.may_handle_queries(tom, "kill")
    assert not policies.may_handle_queries(Subject("ana", frozenset({"viewer"})), "view")
