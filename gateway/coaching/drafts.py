"""Drafts of cheaper statements: each maker is a pure function from a caller's own query and its estimate to texts.

Whether a draft is allowed, and what it costs, is not decided here: the planner and the estimator say so, as of any
statement of the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlglot import exp

from catalog.objects import TableName
from catalog.statistics import ScanEstimate
from gateway.coaching.model import AlternativeKind, Room, Sight
from gateway.coaching.reading import Own
from policies.cost.estimate import Estimate
from rewrite_rules.substitution.model import Miss


@dataclass(frozen=True, slots=True)
class Draft:
    """A query that could be run instead, not planned or priced yet."""

    kind: AlternativeKind
    title: str
    tree: exp.Expr
    same_result: bool
    difference: str = ""
    table: str = ""
    session: tuple[tuple[str, str], ...] = ()
    """Session properties that it is to be run with."""

    @property
    def prefix(self) -> str:
        """Return what stands before the query's text."""
        listed = ", ".join(f"{name} = '{value}'" for name, value in self.session)
        return f"WITH SESSION {listed} " if listed else ""


@dataclass(frozen=True, slots=True)
class Matter:
    """What makers work on."""

    own: Own
    estimate: Estimate
    sight: Sight
    room: Room
    now: float
    """Unix seconds: when the statement was received."""
    misses: tuple[Miss, ...] = ()
    """Why views do not answer it, of those that the caller may know of, the nearest first."""
    behind: Mapping[TableName, float] = field(default_factory=dict)
    """Since when such views are behind their base, in Unix seconds."""

    @property
    def share(self) -> float:
        """Return the share of the estimate that there is room for, with something left over; a tenth without limit."""
        parts = [
            left * 0.8 / likely
            for left, likely in (
                (self.room.nano, self.estimate.nano.likely),
                (self.room.bytes, self.estimate.bytes.likely),
            )
            if left is not None and likely > 0
        ]
        return min([*parts, 0.9]) if parts else 0.1

    def heaviest(self) -> Iterator[ScanEstimate]:
        """Yield the scans of tables in sight, those that read the most first."""
        for scan in sorted(self.estimate.scans, key=lambda each: -each.bytes.likely * each.scan.times):
            if scan.scan.table in self.sight and scan.scan.table in self.own.tables:
                yield scan


Maker: TypeAlias = Callable[[Matter], Iterator[Draft]]


def leaves_of(tree: exp.Expr, table: TableName) -> list[exp.Table]:
    """Return where a query reads a table."""
    return [node for node in tree.find_all(exp.Table) if node.meta.get("table") == table]


def conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions of which all must hold."""
    if isinstance(condition, exp.And):
        yield from conjuncts(condition.this)
        yield from conjuncts(condition.expression)
    elif isinstance(condition, exp.Paren):
        yield from conjuncts(condition.this)
    else:
        yield condition


def add_condition(select: exp.Select, condition: exp.Expr) -> None:
    """Add a condition to a query's WHERE, in place."""
    where = select.args.get("where")
    if where is None:
        select.set("where", exp.Where(this=condition))
    else:
        where.set("this", both(where.this, condition))


def both(first: exp.Expr, second: exp.Expr) -> exp.Expr:
    """Return that two conditions hold."""
    return exp.And(this=exp.Paren(this=first) if isinstance(first, exp.Or) else first, expression=second)


def column_of(leaf: exp.Table, name: str, *, qualified: bool) -> exp.Column:
    """Return a reference to a column of a leaf."""
    table = exp.to_identifier(leaf.alias_or_name, quoted=True) if qualified else None
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=table)
