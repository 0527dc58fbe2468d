"""What of rules about rows follows a copy: filters, licence terms, least groups, denials of single columns.

A copy holds the rows that its author saw. Of everybody whom the source's filters name it is known what he would see
there, so of the copy

- its author sees all, and so does whom `filter: none` names;
- who stands under the author's own filter sees what the author saw, where his attributes are the same;
- anybody else sees the rows that his filter leaves, where the copy's rows are rows of the source and the columns that
  the filter reads were copied as they are; else none.

It is written down as filters that mostly ask who reads, which are settled when the decision is made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.objects import Table, TableName
from policies.bounds import ALWAYS, FOREVER, Bounds
from policies.decisions import Action, Subject, TableDecision
from policies.document import Grant, RowFilter
from policies.expressions import PolicyExpression
from policies.inheritance import Origin
from policies.licence_entries import AggregateOnly, Licence
from policies.licences import Licences
from policies.row_filters import FilterRule, FiltersByPrincipal
from policies.rules import Rule
from policies.tags import TableTags

_LONGEST_ID = 128


class Followed(Protocol):
    """What of a policy set follows; `policies.index.PolicySet` is one."""

    @property
    def filters(self) -> Mapping[TableName, FiltersByPrincipal]:
        """Return the row filter statements by table."""
        ...

    @property
    def groups(self) -> Mapping[TableName, Mapping[str, tuple[tuple[str, int], ...]]]:
        """Return the least sizes of groups by table and principal."""
        ...

    @property
    def licences(self) -> Licences:
        """Return the licence terms."""
        ...

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the flat rules of grants."""
        ...

    def tags_of(self, table: TableName) -> TableTags:
        """Return the tags that a table and its columns carry."""
        ...


@dataclass(frozen=True, slots=True)
class Following:
    """Entries of the policy language that a copy is given."""

    filters: tuple[RowFilter, ...] = ()
    licences: tuple[Licence, ...] = ()
    groups: tuple[AggregateOnly, ...] = ()
    denials: tuple[Grant, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything follows."""
        return bool(self.filters or self.licences or self.groups or self.denials)


NOTHING_FOLLOWS = Following()


class Copying(NamedTuple):
    """A copy that is about to be made."""

    author: Subject
    table: TableName
    sources: Sequence[tuple[Table, TableDecision]]
    """What is read, as the author sees it."""
    flows: Mapping[str, Collection[Origin]]
    """What flows into each column, as far as that is known."""
    plain: Mapping[Origin, str]
    """Where the rows are a single source's: its columns that stand in the copy as they are, and under which names."""


def follow(policies: Followed, copying: Copying) -> Following:
    """Return what of the rules about the sources' rows follows a copy. Raises ValueError where it cannot be written."""
    sources = [(table, decision) for table, decision in copying.sources if table.name != copying.table]
    return Following(
        tuple(each for table, decision in sources for each in _filters(policies, copying, table, decision)),
        tuple({each.id: each for table, _ in sources for each in _licences(policies, copying, table)}.values()),
        tuple(each for table, decision in sources for each in _groups(policies, copying, table, decision)),
        tuple(each for table, _ in sources for each in _denials(policies, copying, table)),
    )


def _filters(policies: Followed, copying: Copying, table: Table, decision: TableDecision) -> Iterator[RowFilter]:
    own = frozenset(ref.id for ref in decision.policies if ref.kind == "row_filter")
    told: defaultdict[tuple[str, bool | str, Bounds], list[str]] = defaultdict(list)
    for principal, rules in sorted(policies.filters.get(table.name, {}).items()):
        for rule in rules:
            text = _condition(rule, copying, table.name, own)
            guard = {"always": True, "never": False}.get(rule.guard, "auto") if text != "none" else "auto"
            told[text, guard, rule.bounds if text != _by_author(copying) else ALWAYS].append(principal)
    for (text, guard, bounds), principals in told.items():
        yield RowFilter.model_validate(
            {"table": str(copying.table), "filter": text, "guard": guard, **_within(bounds), **named(principals)}
        )


def _by_author(copying: Copying) -> str:
    return f"currentUser() = {_quoted(copying.author.user)}"


def _condition(rule: FilterRule, copying: Copying, table: TableName, own: frozenset[str]) -> str:
    """Return which rows of a copy somebody sees whom a filter of its source names."""
    if rule.expression is None:
        return "none"
    names = {column: copying.plain.get((table, column)) for column in rule.expression.columns}
    if rule.group is None and names and None not in names.values():
        return f"{_by_author(copying)} OR ({_renamed(rule.expression, names)})"
    if rule.group is None and rule.id in own:
        alike = _alike(rule.expression, copying.author)
        if alike is not None:
            return f"{_by_author(copying)} OR ({alike})" if alike else "none"
    return _by_author(copying)


def _renamed(expression: PolicyExpression, names: Mapping[str, str | None]) -> str:
    def named_so(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            return exp.Column(this=exp.Identifier(this=names[node.name], quoted=True))
        return node

    return generate(expression.tree.transform(named_so))


def _alike(expression: PolicyExpression, author: Subject) -> str | None:
    """Return when a filter leaves another the rows that it leaves the author; None where that cannot be said."""
    calls = (each.name.lower() for each in expression.tree.find_all(exp.Anonymous))
    known = dict(author.attributes)
    if "currentuser" in calls or not expression.attributes <= known.keys():
        return None
    return " AND ".join(f"attr({_quoted(a)}) = {_quoted(known[a])}" for a in sorted(expression.attributes))


def _licences(policies: Followed, copying: Copying, table: Table) -> Iterator[Licence]:
    """Yield the terms that a copy needs: what forbids export is not copied, and rows under embargo were not seen."""
    there = {rule.id for rule in policies.licences.of(tuple(copying.table))}
    for rule in policies.licences.of(tuple(table.name), policies.tags_of(table.name)):
        terms = rule.terms
        identifier = f"{rule.id.removesuffix(f' of {table.name}')} of {copying.table}"
        if rule.id not in there and (terms.no_partner or terms.allowed_regions is not None):
            if len(identifier) > _LONGEST_ID:
                identifier = f"of a copy {sha256(identifier.encode()).hexdigest()}"
            yield Licence(
                id=identifier,
                table=str(copying.table),
                no_partner=terms.no_partner,
                allowed_regions=terms.allowed_regions,
            )


def _groups(policies: Followed, copying: Copying, table: Table, decision: TableDecision) -> Iterator[AggregateOnly]:
    """Yield the least sizes that are more than the author's own: what he has are groups of that size already."""
    sizes: defaultdict[int, list[str]] = defaultdict(list)
    for principal, rules in sorted(policies.groups.get(table.name, {}).items()):
        size = max(size for _, size in rules)
        if size > decision.min_group:
            sizes[size].append(principal)
    for size, principals in sorted(sizes.items()):
        yield AggregateOnly.model_validate({"table": str(copying.table), "min_group_size": size, **named(principals)})


def _denials(policies: Followed, copying: Copying, table: Table) -> Iterator[Grant]:
    """Yield the denials of single columns; what they deny of the source they deny of what flows from it."""
    told: defaultdict[tuple[tuple[str, ...], Bounds], list[str]] = defaultdict(list)
    for rule in policies.rules:
        if rule.effect == "deny" and rule.columns and rule.asset == tuple(table.name) and Action.SELECT in rule.actions:
            denied = {(table.name, column) for column in rule.columns}
            columns = tuple(sorted(c for c, origins in copying.flows.items() if not denied.isdisjoint(origins)))
            if columns:
                told[columns, rule.bounds].append(rule.principal)
    for (columns, bounds), principals in told.items():
        yield Grant.model_validate(
            {
                "assets": str(copying.table),
                "deny": ["select"],
                "columns": columns,
                **_within(bounds),
                **named(principals),
            }
        )


def denies_columns(policies: Followed, tables: Iterable[Table]) -> bool:
    """Tell whether any rule denies anybody single columns of tables."""
    assets = {tuple(table.name) for table in tables}
    return any(rule.effect == "deny" and rule.columns and rule.asset in assets for rule in policies.rules)


def named(principals: Iterable[str]) -> dict[str, Any]:
    """Return whom principals' keys stand for, in the words of the policy language."""
    found: dict[str, Any] = {}
    for category, _, name in (each.partition(":") for each in dict.fromkeys(principals)):
        if not name:
            found["roles"] = "all"
        elif found.get(f"{category}s") != "all":
            found.setdefault(f"{category}s", []).append(name)
    return found


def _within(bounds: Bounds) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if bounds.when:
        found["when"] = {name: sorted(values) for name, values in bounds.when}
    if bounds.start != -FOREVER:
        found["valid_from"] = datetime.fromtimestamp(bounds.start, UTC)
    if bounds.end != FOREVER:
        found["valid_until"] = datetime.fromtimestamp(bounds.end, UTC)
    return found


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
