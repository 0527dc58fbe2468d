"""Contradictions: rules of one policy that speak against each other, or that can have no effect.

None of them opens anything, for the stricter side always holds; each is worth a steward's look. What can have no
meaning at all is a fault instead, and keeps the policy from being taken: see `compile_rules`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from sqlglot import exp

from policies.bounds import Bounds
from policies.faults import Fault, Origin
from policies.index import PolicySet
from policies.licences import LicenceRule
from policies.mask_choice import ColumnRule, MasksByPrincipal
from policies.row_filters import FilterRule
from policies.rules import Rule, group_key, role_key, user_key
from policies.tags import covering

UNREACHABLE, SHADOWED = "unreachable", "shadowed"
_MOST = 200
"""Warnings that are kept; a policy with more has one mistake many times."""


def contradictions(policies: PolicySet, places: Mapping[str, Origin]) -> tuple[Fault, ...]:
    """Return what contradicts itself in a policy, in the files' order; `places` says where grants stand."""
    found = [
        *_grants(policies, places),
        *_filters(policies),
        *_masks(policies),
        *_tag_masks(policies),
        *_tags(policies, places),
        *_licences(policies),
    ]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda fault: (fault.origin.file, fault.origin.line))[:_MOST])


def _grants(policies: PolicySet, places: Mapping[str, Origin]) -> Iterator[Fault]:
    """An allow of which a deny for the same principal leaves nothing; a grant that has ended."""
    now = policies.clock.moment().latest
    for rule in policies.rules:
        origin = places.get(rule.id)
        if origin is None:
            continue
        if rule.bounds.end <= now:
            yield Fault(origin, f"the grant {rule.id} has ended", "Remove it, or give it a later end.", UNREACHABLE)
        if rule.effect == "allow" and _denied(policies, rule):
            hint = "A deny wins over every allow: remove one of the two."
            yield Fault(origin, f"all that {rule.id} allows to {rule.principal} is denied to it", hint, UNREACHABLE)


def _denied(policies: PolicySet, rule: Rule) -> bool:
    """Tell whether denials without bounds, of the same principal, take all that a rule allows."""
    above = (policies.grants.effects.get(rule.asset[:depth]) for depth in range(len(rule.asset) + 1))
    found = [by_principal[rule.principal] for by_principal in above if by_principal and rule.principal in by_principal]
    denying = [effects for effects in found if effects.denied or effects.denied_columns]
    if not denying:
        return False
    actions = rule.actions.difference(*(effects.denied for effects in denying))
    columns = (rule.columns or frozenset()).difference(*(effects.denied_columns for effects in denying))
    return not actions or (rule.columns is not None and not columns)


def _filters(policies: PolicySet) -> Iterator[Fault]:
    for table, by_principal in policies.filters.items():
        for principal, rules in by_principal.items():
            yield from _ended(policies, ((rule.id, rule.bounds, rule.origin) for rule in rules), "row filter")
            for one, other in combinations(rules, 2):
                if one.bounds.may_meet(other.bounds):
                    yield from _two_filters(str(table), principal, one, other)


def _two_filters(table: str, principal: str, one: FilterRule, other: FilterRule) -> Iterator[Fault]:
    if (one.expression is None) != (other.expression is None) and one.group is None and other.group is None:
        none, real = (one, other) if one.expression is None else (other, one)
        message = f"`filter: none` has no effect for {principal} on {table}: {real.id} filters as well"
        yield Fault(none.origin, message, kind=SHADOWED)
    if one.group is None and other.group is None:
        mine, theirs = _required(one), _required(other)
        for column in sorted(mine.keys() & theirs.keys()):
            if mine[column] != theirs[column]:
                message = (
                    f"{one.id} and {other.id} ask for two values of `{column}`: {principal} sees no row of {table}"
                )
                yield Fault(other.origin, message, "Give both the same `group` if either may hold.")


def _required(rule: FilterRule) -> dict[str, str]:
    """Return the columns that a filter wants to equal a literal."""
    tree = rule.expression.tree if rule.expression is not None else None
    parts = [tree] if isinstance(tree, exp.EQ) else list(tree.flatten()) if isinstance(tree, exp.And) else []
    return {
        part.this.name: part.expression.sql()
        for part in parts
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Literal)
    }


def _ended(policies: PolicySet, rules: Iterator[tuple[str, Bounds, Origin]], what: str) -> Iterator[Fault]:
    now = policies.clock.moment().latest
    for identifier, bounds, origin in rules:
        if bounds.end <= now:
            hint = "Whom it named is refused until another holds."
            yield Fault(origin, f"the {what} {identifier} has ended", hint, UNREACHABLE)


def _masks(policies: PolicySet) -> Iterator[Fault]:
    """Two masks on a column that may meet in one caller: by their conditions, or by the roles of somebody known."""
    unranked: dict[frozenset[str], tuple[Fault, str]] = {}
    for table, by_column in policies.masks.items():
        for column, by_principal in by_column.items():
            what = f"{column} of {table}"
            for rules in by_principal.values():
                yield from _ended(policies, ((rule.id, rule.bounds, rule.origin) for rule in rules), "mask")
            yield from _same_principal(by_principal, what)
            for (p, one), (q, other) in combinations(((p, r) for p, its in by_principal.items() for r in its), 2):
                if p != q and _differ(policies, p, q, one, other):
                    fault = Fault(other.origin, f"{one.id} and {other.id} mask {what} in two ways")
                    unranked.setdefault(frozenset({p, q}), (fault, what))
    yield from _held_together(policies, unranked)


def _same_principal(by_principal: MasksByPrincipal, what: str) -> Iterator[Fault]:
    for principal, rules in by_principal.items():
        for one, other in combinations(rules, 2):
            same_tier = bool(one.bounds.when) == bool(other.bounds.when)
            if same_tier and one.bounds.may_meet(other.bounds) and not one.same_as(other):
                message = f"{one.id} and {other.id} may both hold for {principal}: then {what} is withheld"
                yield Fault(other.origin, message, "Make their conditions exclude each other.")


def _differ(policies: PolicySet, p: str, q: str, one: ColumnRule, other: ColumnRule) -> bool:
    ranked = policies.roles.outranks(p, q) or policies.roles.outranks(q, p)
    return not ranked and not one.same_as(other) and one.bounds.may_meet(other.bounds)


def _held_together(policies: PolicySet, unranked: Mapping[frozenset[str], tuple[Fault, str]]) -> Iterator[Fault]:
    """Report the pairs of principals that a person of the files stands for at once."""
    if not unranked:
        return
    for name, person in policies.directory.people.items():
        held = {r for role in person.roles for r in policies.roles.closure.get(role, ())}
        keys = sorted({user_key(name), *map(role_key, held), *map(group_key, person.groups)})
        for pair in combinations(keys, 2):
            found = unranked.get(frozenset(pair))
            if found is not None:
                fault, what = found
                yield Fault(fault.origin, f"{fault.message}, and {name} has both: {what} is withheld from {name}")


def _tag_masks(policies: PolicySet) -> Iterator[Fault]:
    """Two masks for tags that one column carries and that one caller may have."""
    for tag, by_principal in policies.tag_masks.items():
        yield from _same_principal(by_principal, f"what carries {tag}")
        for rules in by_principal.values():
            yield from _ended(policies, ((rule.id, rule.bounds, rule.origin) for rule in rules), "mask")
    if not policies.tag_masks:
        return
    for table, carried in policies.tags.items():
        for column, tags in carried.columns.items():
            rules_of: dict[str, list[ColumnRule]] = defaultdict(list)
            for tag in sorted(covering(tags | carried.table)):
                for principal, rules in policies.tag_masks.get(tag, {}).items():
                    rules_of[principal].extend(rules)
            yield from _clashes(policies, f"{column} of {table}", rules_of)


def _clashes(policies: PolicySet, what: str, rules_of: Mapping[str, Sequence[ColumnRule]]) -> Iterator[Fault]:
    for rules in rules_of.values():
        for one, other in combinations(rules, 2):
            if one.tag != other.tag and not one.same_as(other) and one.bounds.may_meet(other.bounds):
                message = f"the masks {one.id} ({one.tag}) and {other.id} ({other.tag}) differ: {what} is withheld"
                yield Fault(other.origin, message, "Write a mask for the column itself: it goes before those for tags.")


def _tags(policies: PolicySet, places: Mapping[str, Origin]) -> Iterator[Fault]:
    """Rules for a tag that nothing carries: a misspelt one protects nothing."""
    known = covering(tag for carried in policies.tags.values() for tag in carried.all())
    named = [(rule.tag, places[rule.id]) for rule in policies.rules if rule.tag is not None and rule.id in places]
    named += [(tag, r.origin) for tag, by_p in policies.tag_masks.items() for its in by_p.values() for r in its]
    named += [(tag, rule.origin) for tag, rules in policies.licences.by_tag.items() for rule in rules]
    for tag, origin in named:
        if tag not in known:
            hint = "A rule for it has no effect until something does."
            yield Fault(origin, f"nothing carries the tag {tag}", hint, UNREACHABLE)


def _licences(policies: PolicySet) -> Iterator[Fault]:
    groups = (*policies.licences.by_asset.values(), *policies.licences.by_tag.values())
    for rules in groups:
        for one, other in combinations(rules, 2):
            if _no_region_left(one, other):
                message = f"the licences {one.id} and {other.id} have no region in common: nobody reads what both cover"
                yield Fault(other.origin, message)


def _no_region_left(one: LicenceRule, other: LicenceRule) -> bool:
    mine, theirs = one.terms.allowed_regions, other.terms.allowed_regions
    return mine is not None and theirs is not None and not set(mine) & set(theirs)
