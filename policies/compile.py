"""Compile: checked documents into one PolicySet, or all their faults."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from catalog.errors import Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from policies.assembly import ColumnRule, FilterRule
from policies.directory import Acting, Directory, Person
from policies.document import ColumnMask, Defaults, Transformation, check_table
from policies.expressions import ParseExpression, TypeOf
from policies.faults import Fault, Origin, PolicyError, Unfit
from policies.index import Effects, Grants, PolicySet, Protection
from policies.mask_specs import SqlMask
from policies.masks import HashKey
from policies.platform_form import plain_mask
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
) -> PolicySet:
    """Compile documents into one PolicySet. Raises PolicyError with every fault found."""
    faults: list[Fault] = []
    work = Compiling(parse, _roles(sources, faults), faults)
    rules = tuple(_rules(sources, work))
    policies = PolicySet(
        version=version,
        roles=work.roles,
        directory=_directory(sources, work),
        grants=index_grants(rules),
        protections=_protections(sources, work),
        filters=_filters(sources, work),
        masks=_masks(sources, work),
        keys=_keys(sources, work, secrets),
        type_of=type_of,
        rules=rules,
    )
    if faults:
        raise PolicyError(sorted(faults, key=lambda f: (f.origin.file, f.origin.line)))
    return policies


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
        work.known_roles(grant.roles, origin)
        try:
            yield from rules_of(grant, work.identify(grant.id, origin))
        except Refusal as refusal:
            work.fault(origin, refusal.text)


def index_grants(rules: Iterable[Rule]) -> Grants:
    """Join flat rules by asset and principal."""
    effects: dict[Asset, dict[str, Effects]] = defaultdict(lambda: defaultdict(Effects))
    within: dict[Asset, set[str]] = defaultdict(set)
    for rule in rules:
        found = effects[rule.asset][rule.principal]
        found.rules.append(rule.id)
        if rule.columns is not None:
            (found.columns if rule.effect == "allow" else found.denied_columns).update(rule.columns)
        else:
            (found.allowed if rule.effect == "allow" else found.denied).update(rule.actions)
        if rule.effect == "allow":
            for depth in range(min(len(rule.asset), 2) + 1):
                within[rule.asset[:depth]].add(rule.principal)
    return Grants(
        {asset: dict(by_principal) for asset, by_principal in effects.items()},
        {asset: frozenset(principals) for asset, principals in within.items()},
    )


def _protections(sources: Sequence[Source], work: Compiling) -> dict[Asset, Protection]:
    protections: dict[Asset, Protection] = {}
    for _, origin, entry in each(sources, "protected", lambda d: d.protected):
        asset = asset_of(entry.table)
        if asset in protections:
            work.fault(origin, f"{entry.table} is protected twice", "Join the two entries.")
        folded = (frozenset(fold_trino(c) for c in part) for part in (entry.open, entry.sensitive))
        protections[asset] = Protection(*folded)
    return protections


def _filters(sources: Sequence[Source], work: Compiling) -> dict[TableName, dict[str, tuple[FilterRule, ...]]]:
    filters: dict[TableName, dict[str, tuple[FilterRule, ...]]] = defaultdict(dict)
    for _, origin, entry in each(sources, "row_filters", lambda d: d.row_filters):
        work.known_roles(entry.roles, origin)
        table = TableName(*asset_of(entry.table))
        identifier = work.identify(entry.id, origin, entry.table)
        expression = None
        if entry.filter.strip().lower() != "none":
            expression = work.expression(entry.filter, origin)
        rule = FilterRule(identifier, expression, entry.group, origin)
        for principal in keys_of(entry.roles, entry.users):
            filters[table][principal] = (*filters[table].get(principal, ()), rule)
    return dict(filters)


def _masks(sources: Sequence[Source], work: Compiling) -> dict[TableName, dict[str, dict[str, ColumnRule]]]:
    masks: dict[TableName, dict[str, dict[str, ColumnRule]]] = defaultdict(lambda: defaultdict(dict))
    for source in sources:
        document = source.document
        here = {t.name: t for t in document.transformations}
        for number, entry in enumerate(document.column_masks):
            _mask(entry, source.origin("column_masks", number), here, document.defaults, masks, work)
        part = document.clickhouse
        there = here | {t.name: t for t in part.transformations}
        defaults = Defaults(catalog=part.catalog, schema=document.defaults.schema_)
        for number, entry in enumerate(part.column_masks):
            _mask(entry, source.origin("clickhouse", "column_masks", number), there, defaults, masks, work)
    return {table: {c: dict(rules) for c, rules in by_column.items()} for table, by_column in masks.items()}


def _mask(
    entry: ColumnMask,
    origin: Origin,
    transformations: Mapping[str, Transformation],
    defaults: Defaults,
    masks: dict[TableName, dict[str, dict[str, ColumnRule]]],
    work: Compiling,
) -> None:
    """Note one column mask under every principal that it names."""
    roles = entry.roles or entry.apply_to_roles
    work.known_roles(roles, origin)
    try:
        written, spec = plain_mask(entry, transformations, defaults)
        table = TableName(*asset_of(check_table(written)))
    except (Unfit, ValueError) as error:
        work.fault(origin, str(error), getattr(error, "hint", ""))
        return
    column = fold_trino(entry.column)
    identifier = work.identify(entry.id, origin, f"{written}.{column}")
    expression = work.expression(spec.expression, origin) if isinstance(spec, SqlMask) else None
    rule = ColumnRule(identifier, column, spec, expression, origin)
    for principal in keys_of(roles, entry.users):
        if principal in masks[table][column]:
            work.fault(origin, f"{principal} has two masks on {written}.{column}", "One column has one mask.")
        masks[table][column][principal] = rule


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
            keys[name] = HashKey(secret, frozenset(entry.engines))
    return keys


def _directory(sources: Sequence[Source], work: Compiling) -> Directory:
    people: dict[str, Person] = {}
    for source in sources:
        for name, user in source.document.users.items():
            origin = source.origin("users", name)
            work.known_roles(user.roles, origin)
            if name in people:
                work.fault(origin, f"the user `{name}` is defined twice")
            people[name] = Person(frozenset(user.roles), tuple(sorted(user.attributes.items())))
    acting: dict[str, list[Acting]] = defaultdict(list)
    for _, origin, entry in each(sources, "impersonation", lambda d: d.impersonation):
        work.known_roles(entry.roles, origin)
        work.known_roles(entry.may_act_as.roles, origin)
        users = entry.may_act_as.users
        rule = Acting(
            users == "all",
            frozenset() if users == "all" else frozenset(users),
            frozenset(entry.may_act_as.roles),
        )
        for principal in keys_of(entry.roles, entry.users):
            acting[principal].append(rule)
    properties: dict[str, set[str]] = defaultdict(set)
    for _, origin, allowed in each(sources, "session_properties", lambda d: d.session_properties):
        work.known_roles(allowed.roles, origin)
        for principal in keys_of(allowed.roles, allowed.users):
            properties[principal] |= {name.lower() for name in allowed.allow}
    queries: dict[str, set[str]] = defaultdict(set)
    for _, origin, handled in each(sources, "queries", lambda d: d.queries):
        work.known_roles(handled.roles, origin)
        for principal in keys_of(handled.roles, handled.users):
            queries[principal] |= set(handled.allow)
    return Directory(
        people,
        {principal: tuple(rules) for principal, rules in acting.items()},
        {principal: frozenset(names) for principal, names in properties.items()},
        {principal: frozenset(ways) for principal, ways in queries.items()},
    )
