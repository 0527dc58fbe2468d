"""Compile: checked documents into one PolicySet, or all their faults."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from policies.bounds import Bounds, turning_points
from policies.budgets.compile import compile_budgets
from policies.clock import PROCESS_CLOCK, Clock
from policies.columns import Protection, Unclassified
from policies.compile_rules import compile_filters, compile_groups, compile_licences, compile_masks, compile_tags
from policies.conflicts import contradictions
from policies.directory import Acting, AdminRole, Directory, Person
from policies.expressions import ParseExpression, TypeOf
from policies.faults import Fault, PolicyError
from policies.grants import index_grants
from policies.index import PolicySet
from policies.mask_choice import MasksByColumn
from policies.masks import HashKey
from policies.row_filters import FiltersByPrincipal
from policies.rules import Asset, Roles, Rule, asset_of, close_roles, keys_of, rules_of
from policies.sources import Compiling, Source, each

Secrets = Callable[[str], str | None]


def compile_policies(
    sources: Sequence[Source],
    parse: ParseExpression,
    *,
    version: str,
    secrets: Secrets,
    type_of: TypeOf | None = None,
    clock: Clock = PROCESS_CLOCK,
) -> PolicySet:
    """Compile documents into one PolicySet. Raises PolicyError with every fault found."""
    faults: list[Fault] = []
    groups = frozenset(name for source in sources for name in source.document.groups)
    work = Compiling(parse, _roles(sources, faults), faults, groups)
    rules = tuple(_rules(sources, work))
    tags = compile_tags(sources, work)
    filters = compile_filters(sources, work)
    masks, tag_masks = compile_masks(sources, work)
    licences = compile_licences(sources, work)
    policies = PolicySet(
        version=version,
        roles=work.roles,
        directory=_directory(sources, work),
        grants=index_grants(rules, tags),
        protections=_protections(sources, work),
        filters=filters,
        masks=masks,
        keys=_keys(sources, work, secrets),
        type_of=type_of,
        rules=rules,
        tags=tags,
        tag_masks=tag_masks,
        licences=licences,
        reads_sources=any(rule.terms.display_only is not None for rule in licences.every()),
        groups=compile_groups(sources, work),
        unclassified=_unclassified(sources, work),
        turning_points=turning_points(_bounds(rules, filters, [*masks.values(), tag_masks])),
        clock=clock,
        sources=tuple(sources),
        budgets=compile_budgets(sources, work),
    )
    if faults:
        raise PolicyError(sorted(faults, key=lambda f: (f.origin.file, f.origin.line)))
    return replace(policies, warnings=contradictions(policies, work.places))


def _bounds(
    rules: Sequence[Rule], filters: Mapping[TableName, FiltersByPrincipal], masks: Sequence[MasksByColumn]
) -> Iterator[Bounds]:
    """Yield the bounds of all rules."""
    yield from (rule.bounds for rule in rules)
    yield from (rule.bounds for by_principal in filters.values() for its in by_principal.values() for rule in its)
    for by_column in masks:
        yield from (rule.bounds for by_p in by_column.values() for its in by_p.values() for rule in its)


def _unclassified(sources: Sequence[Source], work: Compiling) -> Unclassified:
    """Return what all files that say so agree on; `deny` if none does."""
    found: Unclassified | None = None
    for source in sources:
        said = source.document.unclassified
        if said is not None and found not in (None, said):
            work.fault(source.origin("unclassified"), f"unclassified columns are both {found} and {said}")
        found = said or found
    return found or "deny"


def _roles(sources: Sequence[Source], faults: list[Fault]) -> Roles:
    inherits: dict[str, tuple[str, ...]] = {}
    for source in sources:
        for name, role in source.document.roles.items():
            if name in inherits:
                faults.append(Fault(source.origin("roles", name), f"the role `{name}` is defined twice"))
            inherits[name] = role.inherits if role is not None else ()
    for source in sources:
        for name, role in source.document.roles.items():
            unknown = [other for other in (role.inherits if role is not None else ()) if other not in inherits]
            faults.extend(Fault(source.origin("roles", name), f"unknown role `{r}`") for r in unknown)
    try:
        return close_roles(inherits)
    except ValueError as circle:
        faults.append(Fault(sources[0].origin("roles"), f"roles inherit in a circle: {circle}"))
        return close_roles(dict.fromkeys(inherits, ()))


def _rules(sources: Sequence[Source], work: Compiling) -> Iterator[Rule]:
    for _, origin, grant in each(sources, "grants", lambda d: d.grants):
        work.known(grant, origin)
        identifier = work.identify(grant.id, origin)
        work.places[identifier] = origin
        try:
            yield from rules_of(grant, identifier)
        except Refusal as refusal:
            work.fault(origin, refusal.text)


def _protections(sources: Sequence[Source], work: Compiling) -> dict[Asset, Protection]:
    protections: dict[Asset, Protection] = {}
    for _, origin, entry in each(sources, "protected", lambda d: d.protected):
        asset = asset_of(entry.table)
        if asset in protections:
            work.fault(origin, f"{entry.table} is protected twice", "Join the two entries.")
        folded = (frozenset(fold_trino(c) for c in part) for part in (entry.open, entry.sensitive))
        protections[asset] = Protection(*folded)
    return protections


def _keys(sources: Sequence[Source], work: Compiling, secrets: Secrets) -> dict[str, HashKey]:
    keys: dict[str, HashKey] = {}
    for source in sources:
        for name, entry in source.document.keys.items():
            origin = source.origin("keys", name)
            secret = (secrets(entry.env) or "").encode()
            if len(secret) < 32:
                work.fault(
                    origin,
                    f"the environment variable {entry.env} does not hold a key",
                    "Set it to at least 32 random characters.",
                )
            if name in keys:
                work.fault(origin, f"the key `{name}` is defined twice")
            keys[name] = HashKey(secret, frozenset(entry.engines), entry.tenant)
    return keys


def _directory(sources: Sequence[Source], work: Compiling) -> Directory:
    people: dict[str, Person] = {}
    for source in sources:
        for name, user in source.document.users.items():
            origin = source.origin("users", name)
            work.known_roles(user.roles, origin)
            work.known_groups(user.groups, origin)
            if name in people:
                work.fault(origin, f"the user `{name}` is defined twice")
            people[name] = Person(frozenset(user.roles), tuple(sorted(user.attributes.items())), frozenset(user.groups))
    acting: dict[str, list[Acting]] = defaultdict(list)
    for _, origin, entry in each(sources, "impersonation", lambda d: d.impersonation):
        work.known(entry, origin)
        work.identify(entry.id, origin)
        work.known_roles(entry.may_act_as.roles, origin)
        work.known_groups(entry.may_act_as.groups, origin)
        users = entry.may_act_as.users
        rule = Acting(
            users == "all",
            frozenset() if users == "all" else frozenset(users),
            frozenset(entry.may_act_as.roles),
            frozenset(entry.may_act_as.groups),
        )
        for principal in keys_of(entry.roles, entry.users, entry.groups):
            acting[principal].append(rule)
    properties: dict[str, set[str]] = defaultdict(set)
    for _, origin, allowed in each(sources, "session_properties", lambda d: d.session_properties):
        work.known(allowed, origin)
        work.identify(allowed.id, origin)
        for principal in keys_of(allowed.roles, allowed.users, allowed.groups):
            properties[principal] |= {name.lower() for name in allowed.allow}
    queries: dict[str, set[str]] = defaultdict(set)
    for _, origin, handled in each(sources, "queries", lambda d: d.queries):
        work.known(handled, origin)
        work.identify(handled.id, origin)
        for principal in keys_of(handled.roles, handled.users, handled.groups):
            queries[principal] |= set(handled.allow)
    administration: dict[str, set[AdminRole]] = defaultdict(set)
    for _, origin, given in each(sources, "administration", lambda d: d.administration):
        work.known(given, origin)
        work.identify(given.id, origin)
        for principal in keys_of(given.roles, given.users, given.groups):
            administration[principal] |= set(given.allow)
    return Directory(
        people,
        {principal: tuple(rules) for principal, rules in acting.items()},
        {principal: frozenset(names) for principal, names in properties.items()},
        {principal: frozenset(ways) for principal, ways in queries.items()},
        {principal: frozenset(roles) for principal, roles in administration.items()},
    )
