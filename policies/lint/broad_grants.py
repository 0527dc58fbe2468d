"""Grants that give everything to everybody."""

from __future__ import annotations

from collections.abc import Iterator

from policies.lint.findings import Finding, Severity
from policies.lint.scope import Scope
from policies.rules import EVERYBODY


def find(scope: Scope) -> Iterator[Finding]:
    """Yield allows for `roles: all` on `*` or on a whole catalog."""
    for rule in scope.policies.rules:
        if rule.effect == "allow" and rule.principal == EVERYBODY and len(rule.asset) < 2 and rule.tag is None:
            what = f"all of {rule.asset[0]}" if rule.asset else "everything there is"
            reason = f"it gives everybody {what}, and whatever is added there later"
            fix = "Name the roles it is for, and the schemas or tables."
            if rule.id in scope.grants:
                severity: Severity = "error" if not rule.asset else "warning"
                yield Finding("everything-for-all", severity, rule.id, scope.grants[rule.id], reason, fix)
