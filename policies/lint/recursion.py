"""What leads back to itself: filters and masks that read tables, roles that inherit in a circle, acting in chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.errors import Refusal
from policies.faults import Origin
from policies.lint.findings import Finding
from policies.lint.scope import Scope
from policies.rules import EVERYBODY, group_key, keys_of, role_key, user_key
from policies.sources import Source, each

_CODE = "recursion"


def tables_read(sql: str) -> frozenset[str] | None:
    """Return the tables that an expression reads by subqueries; None where it cannot be parsed."""
    try:
        tree = parse_expression(sql)
    except Refusal:
        return None
    return frozenset(".".join(part.name.lower() for part in table.parts) for table in tree.find_all(exp.Table))


def reading(sources: Sequence[Source]) -> Iterator[Finding]:
    """Yield filters and custom masks that read tables. They are not taken as policies either; this says why."""
    for sql, table, identifier, origin in expressions(sources):
        found = tables_read(sql)
        if found:
            back = any(table == name or table.endswith(f".{name}") for name in found)
            where = "its own table, whose policies would ask for it again" if back else ", ".join(sorted(found))
            reason = f"it reads {where}: a policy that reads tables would need policies for that"
            fix = "Put the value into an attribute of the user: attr('...')."
            yield Finding(_CODE, "error", identifier, origin, reason, fix)


def expressions(sources: Sequence[Source]) -> Iterator[tuple[str, str, str, Origin]]:
    """Yield the SQL in filters and masks with its table, its rule and its place."""
    for _, origin, rule in each(sources, "row_filters", lambda d: d.row_filters):
        if rule.filter.strip().lower() != "none":
            yield rule.filter, rule.table.lower(), rule.id or origin.path, origin
    for _, origin, mask in each(sources, "column_masks", lambda d: d.column_masks):
        table, identifier = (mask.table or "").lower(), mask.id or origin.path
        written = [
            getattr(mask.mask, "expression", None),
            mask.unless,
            mask.when if isinstance(mask.when, str) else None,
        ]
        for sql in written:
            if sql is not None:
                yield sql, table, identifier, origin


def role_circles(sources: Sequence[Source]) -> Iterator[Finding]:
    """Yield circles of roles that inherit each other, each once."""
    inherits: dict[str, tuple[str, ...]] = {}
    places: dict[str, Origin] = {}
    for source in sources:
        for name, role in source.document.roles.items():
            inherits[name] = role.inherits if role is not None else ()
            places.setdefault(name, source.origin("roles", name))
    for circle in circles(inherits):
        reason = f"the roles inherit in a circle: {' inherits '.join((*circle, circle[0]))}"
        yield Finding(_CODE, "error", circle[0], places[circle[0]], reason, "Take out one of the `inherits`.")


def circles(below: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the circles of a graph that a walk in depth meets, each from its least name on."""
    done: set[str] = set()
    told: set[tuple[str, ...]] = set()
    for start in below:
        path: list[str] = []
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                path.pop()
                done.add(name)
            elif name in path:
                circle = path[path.index(name) :]
                least = circle.index(min(circle))
                turned = (*circle[least:], *circle[:least])
                if turned not in told:
                    told.add(turned)
                    yield turned
            elif name not in done:
                path.append(name)
                waiting.append((name, True))
                waiting += [(other, False) for other in below.get(name, ())]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of `impersonation`: who may act, and as which principals."""

    origin: Origin
    who: tuple[str, ...]
    targets: frozenset[str]


def find(scope: Scope) -> Iterator[Finding]:
    """Yield people who may act for others who may act for others in turn; worst, for each other."""
    entries = list(_entries(scope))
    starting: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        for principal in entry.who:
            starting[principal].append(entry)
    for entry in entries:
        further = {other for target in entry.targets for other in (target,) if other in starting}
        for target in sorted(further - set(entry.who)):
            back = any(set(entry.who) & next_.targets for next_ in starting[target])
            who = " and ".join(entry.who)
            if back:
                reason = f"{who} may act for {target}, who may act for {who} in turn"
            else:
                reason = f"{who} may act for {target}, who may act for others: rights of one pass through another"
            fix = "Name under `may_act_as` people or roles who act for nobody."
            yield Finding(_CODE, "warning" if back else "note", "", entry.origin, reason, fix)


def _entries(scope: Scope) -> Iterator[_Entry]:
    """Yield the entries, with all principals for whose holders one may surely act."""
    heirs: defaultdict[str, set[str]] = defaultdict(set)
    for role, closure in scope.policies.roles.closure.items():
        for held in closure:
            heirs[held].add(role_key(role))
    acting = {p for p in scope.policies.directory.acting if p != EVERYBODY}
    for _, origin, entry in each(scope.policies.sources, "impersonation", lambda d: d.impersonation):
        acted = entry.may_act_as
        if acted.users == "all":
            targets = set(acting)
        else:
            targets = {key for user in acted.users for key in scope.surely(user_key(user))} - {EVERYBODY}
            targets |= {key for role in acted.roles for key in heirs[role]} | set(map(group_key, acted.groups))
        yield _Entry(origin, keys_of(entry.roles, entry.users, entry.groups), frozenset(targets))
