"""Run every rule of lint over policies, or over files that are no policies yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from policies.faults import Fault
from policies.lint import (
    against_catalog,
    attributes,
    broad_grants,
    budgets,
    constant_filters,
    duplicates,
    hashes,
    partners,
    personal,
    plain_masks,
    recursion,
    shadowed,
    unreachable,
)
from policies.lint.findings import Finding, in_order
from policies.lint.scope import Scope
from policies.sources import Source

Find = Callable[[Scope], Iterable[Finding]]

RULES: Sequence[Find] = (
    recursion.find,
    against_catalog.find,
    constant_filters.find,
    unreachable.find,
    shadowed.find,
    duplicates.find,
    hashes.find,
    plain_masks.find,
    attributes.find,
    personal.find,
    broad_grants.find,
    partners.find,
    budgets.find,
)


def lint(scope: Scope) -> tuple[Finding, ...]:
    """Return everything that lint finds in policies that compile, errors first."""
    found = [finding for rule in RULES for finding in rule(scope)]
    told = {finding.origin for finding in found if finding.code == "always-false-filter"}
    found += (finding for finding in _contradictions(scope) if finding.origin not in told)
    return in_order(found)


def lint_faults(sources: Sequence[Source], faults: Iterable[Fault]) -> tuple[Finding, ...]:
    """Return why files are no policies: what is known by name, and every other fault as it was told."""
    named = [
        *recursion.reading(sources),
        *recursion.role_circles(sources),
        *(
            finding
            for sql, _, identifier, origin in recursion.expressions(sources)
            for finding in hashes.unkeyed(sql, identifier, origin)
        ),
    ]
    told = {finding.origin for finding in named}
    circle = any(finding.origin.path.startswith("roles.") for finding in named)
    for fault in faults:
        if fault.origin in told or (circle and fault.origin.path == "roles"):
            continue
        named.append(Finding("not-whole", "error", "", fault.origin, fault.message, fault.hint))
    return in_order(named)


def _contradictions(scope: Scope) -> Iterator[Finding]:
    for fault in scope.policies.warnings:
        code = fault.kind or "contradiction"
        yield Finding(code, "warning", scope.ids.get(fault.origin, ""), fault.origin, fault.message, fault.hint)
