"""Grants that give partners what a licence keeps from them."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.objects import TableName
from policies.lint.findings import Finding
from policies.lint.scope import Scope


def find(scope: Scope) -> Iterator[Finding]:
    """Yield allows for partners on assets under a licence with `no_partner`."""
    licences, partners = scope.policies.licences, scope.policies.licences.partners
    if not partners or not any(rule.terms.no_partner for rule in licences.every()):
        return
    for rule in scope.policies.rules:
        if rule.effect == "deny" or rule.tag is not None or not scope.surely(rule.principal) & partners:
            continue
        tags = scope.policies.tags_of(TableName(*rule.asset)) if len(rule.asset) == 3 else None
        found = licences.of(rule.asset, tags) if tags is not None else licences.of(rule.asset)
        for licence in found:
            if licence.terms.no_partner and rule.id in scope.grants:
                what = ".".join(rule.asset) or "everything"
                reason = f"it gives {what} to {rule.principal}, and the licence {licence.id} keeps it from partners"
                fix = "Take the grant back; or, if the contract allows it, the term."
                yield Finding("partner-licence", "warning", rule.id, scope.grants[rule.id], reason, fix)
