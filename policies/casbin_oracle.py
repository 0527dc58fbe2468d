"""The oracle: casbin's own `enforce()` over the same rules, to prove the compiled index right in tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import casbin

from catalog.objects import TableName
from policies.clock import Moment
from policies.decisions import Action, Subject
from policies.index import PolicySet
from policies.rules import EVERYBODY, Rule, group_key, role_key, user_key

MODEL = Path(__file__).with_name("model.conf")
_NO_TAG = "-"


def covers(wide: str, narrow: str) -> bool:
    """Tell whether a path is another or lies above it; the empty path lies above all."""
    return wide in ("", narrow) or narrow.startswith(f"{wide}/")


def among(action: str, actions: str) -> bool:
    """Tell whether an action is one of those that a rule lists."""
    return action in actions.split()


def holds(terms: str, effect: str, context: str) -> bool:
    """Tell whether a rule's terms hold in a request's context: an allow beyond doubt, a deny if it may."""
    wanted, given = json.loads(terms), json.loads(context)
    certain, possible = True, True
    for name, values in wanted["when"].items():
        held = [value for key, value in given["attributes"] if key == name]
        certain = certain and bool(held) and all(value in values for value in held)
        possible = possible and (not held or any(value in values for value in held))
    times = [wanted["from"] <= moment < wanted["until"] for moment in given["moments"]]
    if effect == "allow":
        return certain and all(times)
    began = any(wanted["from"] <= moment for moment in given["moments"])
    return possible and began and any(moment < wanted["until"] for moment in given["moments"])


class GrantOracle:
    """Answer grant questions by casbin, one `enforce()` each: slow and plain."""

    def __init__(self, policies: PolicySet) -> None:
        """Hand every rule of a policy set to casbin."""
        self._policies = policies
        self._enforcer = casbin.Enforcer(str(MODEL))
        self._enforcer.add_function("covers", covers)
        self._enforcer.add_function("among", among)
        self._enforcer.add_function("holds", holds)
        self._enforcer.add_policies(sorted({line for rule in policies.rules for line in _lines(rule)}))
        inherited = [
            [role_key(role), role_key(other)]
            for role, below in policies.roles.closure.items()
            for other in below
            if other != role
        ]
        if inherited:
            self._enforcer.add_grouping_policies(inherited)
        links = sorted(set(_tag_links(policies)))
        if links:
            self._enforcer.add_named_grouping_policies("g2", [list(link) for link in links])

    def allows(
        self,
        subject: Subject,
        action: Action,
        table: TableName,
        column: str | None = None,
        moment: Moment | None = None,
    ) -> bool:
        """Tell whether casbin allows an action on a table, or on one column of it."""
        asker = f"asker:{subject.user}"
        links = [[asker, EVERYBODY], [asker, user_key(subject.user)]]
        links += [[asker, role_key(role)] for role in sorted(subject.roles)]
        links += [[asker, group_key(group)] for group in sorted(subject.groups)]
        path = "/".join((*table, column) if column is not None else table)
        part_of = [[path, "/".join(table)]] if column is not None else []
        self._enforcer.add_grouping_policies(links)
        if part_of:
            self._enforcer.add_named_grouping_policies("g2", part_of)
        context: dict[str, Any] = {
            "attributes": subject.attributes,
            "moments": moment or self._policies.clock.moment(),
        }
        try:
            return bool(self._enforcer.enforce(asker, path, action.value, json.dumps(context)))
        finally:
            self._enforcer.remove_grouping_policies(links)
            if part_of:
                self._enforcer.remove_named_grouping_policies("g2", part_of)


def _lines(rule: Rule) -> Iterator[tuple[str, ...]]:
    paths = [rule.asset] if rule.columns is None else [(*rule.asset, c) for c in sorted(rule.columns)]
    terms = {
        "when": {name: sorted(values) for name, values in rule.bounds.when},
        "from": rule.bounds.start,
        "until": rule.bounds.end,
    }
    tag = f"#{rule.tag}" if rule.tag is not None else _NO_TAG
    actions = " ".join(sorted(action.value for action in rule.actions))
    for path in paths:
        yield rule.principal, "/".join(path), tag, actions, rule.effect, json.dumps(terms)


def _tag_links(policies: PolicySet) -> Iterator[tuple[str, str]]:
    """Yield what carries what: a column its tags, a table its own, a tag the one above it."""
    for name, carried in policies.tags.items():
        table = "/".join(name)
        yield from ((table, f"#{tag}") for tag in carried.table)
        for column, tags in carried.columns.items():
            yield from ((f"{table}/{column}", f"#{tag}") for tag in tags)
        for tag in carried.all():
            parts = tag.split(".")
            yield from ((f"#{'.'.join(parts[: d + 1])}", f"#{'.'.join(parts[:d])}") for d in range(1, len(parts)))
