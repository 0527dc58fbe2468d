"""Trials: policies with something added and something taken out, for one question."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pydantic import ValidationError

from catalog.dialect.parse import parse_expression
from gateway.simulation.policy_sets import anew
from gateway.simulation.proposals import FILE, Proposal, document_of
from policies.compile import compile_policies
from policies.document import Document
from policies.entitlements import Entitlement
from policies.faults import PolicyError
from policies.grants import Effects, Grants, index_grants
from policies.index import PolicySet
from policies.licences import LicenceRule
from policies.mask_choice import MasksByColumn, MasksByPrincipal
from policies.sources import Source

K = TypeVar("K")
V = TypeVar("V")


def tried(policies: PolicySet, proposals: Iterable[Proposal]) -> PolicySet | None:
    """Return what policies would be with these changes, quickly: what is added is compiled alone, and joined to them.

    What stands in the way is taken out. None where it would not be whole.
    """
    return _changed(policies, tuple(proposals), _joined)


def compiled(policies: PolicySet, proposals: Iterable[Proposal]) -> PolicySet | None:
    """Return the same, what is added compiled together with everything else as it would be; None where not whole."""
    return _changed(policies, tuple(proposals), _together)


def _changed(
    policies: PolicySet, proposals: tuple[Proposal, ...], join: Callable[[PolicySet, Source], PolicySet]
) -> PolicySet | None:
    added = document_of(each for each in proposals if each.section != "users")
    gone = frozenset(each.rule for each in proposals if each.stands_in_the_way and each.kind == "column_mask")
    changed = policies = _unmasked(policies, gone)
    if len(added) > 1:
        try:
            changed = join(policies, Source(FILE, Document.model_validate(added)))
        except (ValidationError, PolicyError):
            return None
    for each in proposals:
        if each.stands_in_the_way:
            changed = _without(changed, each)
        elif each.section == "entitlements":
            changed = _entitled(changed, each)
    return anew(changed, f"with {len(proposals)} changes")


def _unmasked(policies: PolicySet, gone: frozenset[str]) -> PolicySet:
    """Return policies whose documents lack some masks: another mask for the same reader would contradict them."""
    if not gone:
        return policies
    sources = tuple(
        replace(
            source,
            document=source.document.model_copy(
                update={"column_masks": tuple(m for m in source.document.column_masks if m.id not in gone)}
            ),
        )
        for source in policies.sources
    )
    return replace(policies, sources=sources)


def _together(policies: PolicySet, proposed: Source) -> PolicySet:
    return _compile(policies, (*policies.sources, proposed))


def _compile(policies: PolicySet, sources: Sequence[Source]) -> PolicySet:
    found = compile_policies(
        sources,
        parse_expression,
        version=policies.version,
        secrets=os.environ.get,
        type_of=policies.type_of,
        clock=policies.clock,
    )
    return replace(found, partners=policies.partners)


def _joined(policies: PolicySet, proposed: Source) -> PolicySet:
    """Join what is proposed, which names users only, to policies; what needs more of them is compiled with them."""
    try:
        extra = _compile(policies, (proposed,))
    except PolicyError:
        return _together(policies, proposed)
    rules = (*policies.rules, *extra.rules)
    known, more = policies.directory, extra.directory
    directory = replace(
        known,
        acting=_merged(known.acting, more.acting, operator.add),
        properties=_merged(known.properties, more.properties, operator.or_),
    )
    both = partial(_merged, join=operator.add)
    return replace(
        policies,
        rules=rules,
        grants=_granted(policies.grants, extra.grants),
        directory=directory,
        filters=_merged(policies.filters, extra.filters, both),
        masks=_merged(policies.masks, extra.masks, partial(_merged, join=both)),
    )


def _granted(known: Grants, more: Grants) -> Grants:
    """Return two indexes of grants as one, without going through the first again."""
    effects = _merged(known.effects, more.effects, partial(_merged, join=_both))
    within = _merged(known.within, more.within, partial(_merged, join=operator.or_))
    return replace(known, effects=effects, within=within)


def _both(one: Effects, other: Effects) -> Effects:
    found = Effects(bounded=[*one.bounded, *other.bounded])
    found.include(one)
    found.include(other)
    return found


def _merged(one: Mapping[K, V], other: Mapping[K, V], join: Callable[[V, V], V]) -> dict[K, V]:
    """Return two mappings as one; what both have is joined."""
    found = dict(one)
    for key, value in other.items():
        found[key] = join(found[key], value) if key in found else value
    return found


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
            return _undenied(policies, rule)
        case "row_filter":
            filters = {
                table: {p: tuple(each for each in its if each.id != rule) for p, its in by_principal.items()}
                for table, by_principal in policies.filters.items()
            }
            return replace(policies, filters=filters)
        case "column_mask":
            masks = {table: _without_mask(by_column, rule) for table, by_column in policies.masks.items()}
            return replace(policies, masks=masks)
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


def _without_mask(by_column: MasksByColumn, rule: str) -> dict[str, MasksByPrincipal]:
    """Return a table's masks without one; a column that nothing else speaks of is open again."""
    left = {
        column: {p: kept for p, its in by_principal.items() if (kept := tuple(r for r in its if r.id != rule))}
        for column, by_principal in by_column.items()
    }
    return {column: by_principal for column, by_principal in left.items() if by_principal}


def _undenied(policies: PolicySet, rule: str) -> PolicySet:
    """Return policies without one denial; only what it is about is indexed again."""
    rules = tuple(each for each in policies.rules if each.id != rule)
    gone = [each for each in policies.rules if each.id == rule]
    if any(each.tag is not None for each in gone):
        return replace(policies, rules=rules, grants=index_grants(rules, policies.tags))
    assets = {each.asset for each in gone}
    again = index_grants([each for each in rules if each.asset in assets and each.tag is None]).effects
    effects = {**policies.grants.effects, **{asset: again.get(asset, {}) for asset in assets}}
    return replace(policies, rules=rules, grants=replace(policies.grants, effects=effects))


def _others(rules: tuple[LicenceRule, ...], rule: str) -> tuple[LicenceRule, ...]:
    return tuple(each for each in rules if each.id != rule)
