"""What the reading of a tree remembers, and where an expression stands in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.objects import Table, TableName
from rewrite_rules.outline.constants import Clock
from rewrite_rules.outline.drafts import Cluster, Given, Rel, ScanDraft
from rewrite_rules.outline.predicates import Pred
from rewrite_rules.outline.values import Ref, Scope, Undescribed, Value

MOST_NODES = 100_000
"""How many nodes are looked at before a query counts as too large: WITH queries are read again at each mention."""


@dataclass(slots=True)
class Reader:
    """The state of one reading, shared by all its parts."""

    tables: Mapping[TableName, Table]
    clock: Clock
    stored_zone: str
    """Whose clocks moments from storage show; empty where each may show its own."""
    inlined: bool
    """Whether the engine reads a WITH query again at each mention."""
    query: Callable[[exp.Expr, Place], Rel]
    recursion: Callable[[Named], Rel]
    join: Callable[[exp.Expr, Place], Value]
    """Joins a query that stands for a value."""
    scans: list[ScanDraft] = field(default_factory=list)
    loose: list[Pred] = field(default_factory=list)
    """Conditions inside subqueries that look at columns of the query around them."""
    mentions: Mapping[str, int] = field(default_factory=dict)
    """How often each name stands for a relation, where that matters."""
    copies: list[list[tuple[int, int]]] = field(default_factory=list)
    """For each WITH query that is computed once: the ranges of scans of its mentions."""
    unions: int = 0
    others: int = 0
    nodes: int = 0

    @property
    def zone(self) -> str:
        """Return the session's time zone."""
        return self.clock.zone

    def spend(self, nodes: int) -> None:
        """Count nodes looked at. Raises Undescribed beyond what a query may have."""
        self.nodes += nodes
        if self.nodes > MOST_NODES:
            raise Undescribed("it is too large once its WITH queries are written out")

    def given(self, rows: int | None, name: str = "") -> Given:
        """Make rows that are read from no table."""
        self.others -= 1
        return Given(rows, self.others, name)

    def need(self, refs: tuple[Ref, ...]) -> None:
        """Note that columns are read."""
        for ref in refs:
            if ref.scan >= 0:
                self.scans[ref.scan].needed.add(ref.column)


@dataclass(frozen=True, slots=True)
class Named:
    """A WITH query in sight, and where it was written."""

    body: exp.Expr
    columns: tuple[str, ...]
    place: Place
    recursive: str = ""
    """Its own name, where it mentions itself."""
    known: Rel | None = None
    """What it gives, where it is not read anew: the anchor of a recursion."""
    ranges: list[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a query or expression stands."""

    reader: Reader
    scope: Scope | None = None
    """The columns in sight; for a query those of the query around it."""
    named: Mapping[str, Named] = field(default_factory=dict)
    rows: Cluster | None = None
    """The rows that an expression is computed of; its subqueries are joined to them."""
    via: TableName | None = None
    """The view whose text this is."""
