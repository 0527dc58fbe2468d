"""Trials: policies with something added and something taken out, compiled as they would be, for one question."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from pydantic import ValidationError

from catalog.dialect.parse import parse_expression
from gateway.simulation.policy_sets import anew
from gateway.simulation.proposals import Proposal, document_of
from policies.compile import compile_policies
from policies.document import Document
from policies.entitlements import Entitlement
from policies.faults import PolicyError
from policies.grants import index_grants
from policies.index import PolicySet
from policies.licences import LicenceRule
from policies.sources import Source


def with_changes(policies: PolicySet, proposals: Iterable[Proposal]) -> PolicySet | None:
    """Return what policies would be with these changes; None where they would not be whole.

    What is added is compiled together with everything else; what stands in the way is taken out afterwards.
    """
    wanted = tuple(proposals)
    added = document_of(each for each in wanted if each.section != "users")
    changed = policies
    if len(added) > 1:
        try:
            proposed = Source("proposal", Document.model_validate(added))
            changed = _compiled(policies, proposed)
        except (ValidationError, PolicyError):
            return None
    for each in wanted:
        if each.stands_in_the_way:
            changed = _without(changed, each)
        elif each.section == "entitlements":
            changed = _entitled(changed, each)
    return anew(changed, f"with {len(wanted)} changes")


def _compiled(policies: PolicySet, proposed: Source) -> PolicySet:
    compiled = compile_policies(
        (*policies.sources, proposed),
        parse_expression,
        version=f"{policies.version} proposed",
        secrets=os.environ.get,
        type_of=policies.type_of,
        clock=policies.clock,
    )
    return replace(compiled, partners=policies.partners)


def _entitled(policies: PolicySet, proposal: Proposal) -> PolicySet:
    """Return policies under which a partner is entitled to one table more."""
    name, access = proposal.asset, policies.partners
    if name is None:
        return policies
    columns = frozenset(proposal.columns) or None
    made = Entitlement("proposed", proposal.user, name, float("inf"), allowed_columns=columns)
    theirs = {**access.entitlements.get(proposal.user, {}), name: (made,)}
    return policies.with_partners(replace(access, entitlements={**access.entitlements, proposal.user: theirs}))


def _without(policies: PolicySet, obstacle: Proposal) -> PolicySet:
    """Return policies without one rule, wherever it counts."""
    rule = obstacle.rule
    match obstacle.kind:
        case "deny":
            rules = tuple(each for each in policies.rules if each.id != rule)
            return replace(policies, rules=rules, grants=index_grants(rules, policies.tags))
        case "row_filter":
            filters = {
                table: {p: tuple(each for each in its if each.id != rule) for p, its in by_principal.items()}
                for table, by_principal in policies.filters.items()
            }
            return replace(policies, filters=filters)
        case "aggregate_only":
            groups = {
                table: {p: tuple(each for each in its if each[0] != rule) for p, its in by_principal.items()}
                for table, by_principal in policies.groups.items()
            }
            return replace(policies, groups=groups)
        case "licence":
            kept = policies.licences
            by_asset = {asset: _others(its, rule) for asset, its in kept.by_asset.items()}
            by_tag = {tag: _others(its, rule) for tag, its in kept.by_tag.items()}
            return replace(policies, licences=replace(kept, by_asset=by_asset, by_tag=by_tag))
    return policies


def _others(rules: tuple[LicenceRule, ...], rule: str) -> tuple[LicenceRule, ...]:
    return tuple(each for each in rules if each.id != rule)
