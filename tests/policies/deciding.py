"""A table, roles and a reader: what the tests of decisions ask with."""

from __future__ import annotations

from pathlib import Path

from catalog.objects import Table
from catalog.types import BIGINT, VARCHAR
from policies.decisions import Action, Subject, TableDecision
from policies.index import PolicySet
from policies.reload import load_policies
from tests.policies.sales import table

T = table("c.s.t", ("id", BIGINT), ("desk", VARCHAR), ("mail", VARCHAR))
HEAD = """
version: 1
roles: {reader: , boss: {inherits: [reader]}, chief: {inherits: [boss]}, other: }
"""


def load(tmp_path: Path, text: str) -> PolicySet:
    path = tmp_path / "policies.yaml"
    path.write_text(HEAD + text, "utf-8")
    return load_policies([path])


def reading(policies: PolicySet, *roles: str, target: Table = T, user: str = "u", **attributes: str) -> TableDecision:
    who = Subject(user, frozenset(roles), tuple(sorted(attributes.items())))
    return policies.decide(who, Action.SELECT, target)


READ = "grants: [{roles: [reader, other], assets: c.s.t, allow: [read]}]\n"
