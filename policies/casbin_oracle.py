"""The oracle: casbin's own `enforce()` over the same rules, to prove the compiled index right in tests."""

from __future__ import annotations

from pathlib import Path

import casbin

from catalog.objects import TableName
from policies.decisions import Action, Subject
from policies.index import PolicySet
from policies.rules import EVERYBODY, role_key, user_key

MODEL = Path(__file__).with_name("model.conf")


def covers(wide: str, narrow: str) -> bool:
    """Tell whether a path is another or lies above it; the empty path lies above all."""
    return wide in ("", narrow) or narrow.startswith(f"{wide}/")


class GrantOracle:
    """Answer grant questions by casbin, one `enforce()` each: slow and plain."""

    def __init__(self, policies: PolicySet) -> None:
        """Hand every rule of a policy set to casbin."""
        self._enforcer = casbin.Enforcer(str(MODEL))
        self._enforcer.add_function("covers", covers)
        lines: set[tuple[str, str, str, str]] = set()
        for rule in policies.rules:
            paths = [rule.asset] if rule.columns is None else [(*rule.asset, c) for c in sorted(rule.columns)]
            for path in paths:
                lines.update((rule.principal, "/".join(path), a.value, rule.effect) for a in rule.actions)
        self._enforcer.add_policies(sorted(list(line) for line in lines))
        inherited = [
            [role_key(role), role_key(other)]
            for role, below in policies.roles.closure.items()
            for other in below
            if other != role
        ]
        if inherited:
            self._enforcer.add_grouping_policies(inherited)

    def allows(self, subject: Subject, action: Action, table: TableName, column: str | None = None) -> bool:
        """Tell whether casbin allows an action on a table, or on one column of it."""
        asker = f"asker:{subject.user}"
        links = [[asker, EVERYBODY], [asker, user_key(subject.user)]]
        links += [[asker, role_key(role)] for role in sorted(subject.roles)]
        self._enforcer.add_grouping_policies(links)
        try:
            path = "/".join((*table, column) if column is not None else table)
            return bool(self._enforcer.enforce(asker, path, action.value))
        finally:
            self._enforcer.remove_grouping_policies(links)
