"""Filters and masks that ask for an attribute which nobody has: they refuse everybody whom they name."""

from __future__ import annotations

from collections.abc import Iterator

from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope


def find(scope: Scope) -> Iterator[Finding]:
    """Yield expressions with `attr('name')` for a name that neither people in the files nor tokens bring."""
    if scope.claims is None:
        return
    known = {name for person in scope.policies.directory.people.values() for name, _ in person.attributes}
    known |= scope.claims
    for _, rule, _ in scope.filters.values():
        if rule.expression is not None:
            yield from _unknown(rule.id, rule.origin, rule.expression.attributes - known)
    for _, mask, _ in scope.masks.values():
        if mask.expression is not None:
            yield from _unknown(mask.id, mask.origin, mask.expression.attributes - known)
        if mask.condition is not None:
            yield from _unknown(mask.id, mask.origin, mask.condition.expression.attributes - known)


def _unknown(identifier: str, origin: Origin, names: frozenset[str]) -> Iterator[Finding]:
    for name in sorted(names):
        reason = f"it asks for the attribute `{name}`, which nobody has: whom it names is refused"
        fix = "Correct the name, give it under `users:`, or list it in an issuer's `attribute_claims`."
        yield Finding("unknown-attribute", "warning", identifier, origin, reason, fix)
