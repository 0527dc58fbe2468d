"""Drafts: the parts of an outline while it is being made, when conditions still move and outer joins turn inner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from catalog.objects import Table, TableName
from catalog.statistics import Condition
from catalog.types import UNKNOWN
from rewrite_rules.outline.predicates import Is
from rewrite_rules.outline.values import Col, Mix, Ref, Value

Side = Literal["inner", "left", "right", "full"]
Pair = tuple[Value, Value]


@dataclass(slots=True, eq=False)
class ScanDraft:
    """One reading of a table."""

    number: int
    table: Table
    name: str
    """As people name it."""
    via: TableName | None = None
    needed: set[str] = field(default_factory=set)
    conditions: list[Condition] = field(default_factory=list)
    snapshot: int | str | None = None
    as_of_millis: int | None = None
    times: int = 1
    turning: bool = False
    """A condition on it turns an outer join."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Be known by its own number."""
        self.scans = frozenset((self.number,))


@dataclass(slots=True, eq=False)
class Given:
    """Rows that are written out, or that a function gives."""

    rows: int | None
    number: int = -1
    """Below zero: it is no scan, but conditions may be on its columns all the same."""
    name: str = ""
    """As people name it, where they do."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Be known by its own number."""
        self.scans = frozenset((self.number,))

    @property
    def value(self) -> Mix:
        """Return what stands for any of its columns."""
        return Mix((Ref(self.number, "", UNKNOWN, held=True),))


@dataclass(frozen=True, slots=True)
class Other:
    """A condition that is neither an equality of two parts nor moved to a scan."""

    refs: tuple[Ref, ...]
    never: bool = False
    subquery: bool = False


@dataclass(slots=True, eq=False)
class Attached:
    """What a query joins without showing it: IN, EXISTS and values from subqueries."""

    kind: Literal["semi", "anti", "left"]
    right: Cluster
    name: str
    pairs: list[Pair] = field(default_factory=list)
    others: int = 0
    correlated: bool = False
    first_row: bool = False
    """One row settles it, whatever the outer row is: EXISTS that is not correlated."""


@dataclass(slots=True, eq=False)
class Cluster:
    """Relations that are joined in any order, and what must hold of them."""

    parts: list[Draft]
    pairs: list[Pair] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    attached: list[Attached] = field(default_factory=list)
    tests: list[Is] = field(default_factory=list)
    """Conditions on one column that were moved to a scan: they hold for equal columns too."""
    known: frozenset[int] | None = None
    variants: int = 0
    """Comparisons that conditions on branches of a UNION came to so far."""

    @property
    def scans(self) -> frozenset[int]:
        """Return the numbers of all scans whose columns may be seen from outside."""
        if self.known is None:
            self.known = frozenset().union(*(part.scans for part in self.parts))
        return self.known

    def absorb(self, other: Cluster) -> None:
        """Take over all that another cluster holds."""
        self.parts += other.parts
        self.pairs += other.pairs
        self.others += other.others
        self.attached += other.attached
        self.tests += other.tests
        self.variants += other.variants
        self.known = None


@dataclass(slots=True, eq=False)
class Outer:
    """An outer join, or one that is made row by row (LATERAL). It may yet turn inner."""

    kind: Side
    """As conditions above have made it."""
    left: Cluster
    right: Cluster
    pairs: list[Pair] = field(default_factory=list)
    others: int = 0
    correlated: bool = False
    full: bool = False
    """It was written as FULL JOIN, and not all engines make less of it."""
    name: str = ""
    scans: frozenset[int] = field(init=False)
    written: Side = field(init=False)

    def __post_init__(self) -> None:
        """Gather the numbers of the scans on both sides; note how it is written."""
        self.scans = self.left.scans | self.right.scans
        self.written = self.kind


@dataclass(slots=True, eq=False)
class Grouped:
    """Groups of rows."""

    input: Cluster
    keys: tuple[Value, ...]
    sets: int = 1
    copies: int = 1
    name: str = ""
    """As people name it, where they do."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Take over the numbers of the scans below."""
        self.scans = self.input.scans


@dataclass(slots=True, eq=False)
class Several:
    """Inputs one after the other."""

    number: int
    inputs: list[Cluster]
    name: str = ""
    """As people name it, where they do."""
    homes: dict[int, Cluster] = field(init=False)
    """Which input each scan stands in."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Gather the numbers of the scans below."""
        self.homes = {scan: each for each in self.inputs for scan in each.scans}
        self.scans = frozenset(self.homes)


@dataclass(slots=True, eq=False)
class Expanded:
    """Rows made of arrays."""

    input: Cluster
    least: int
    most: int | None
    name: str = ""
    """As people name it, where they do."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Take over the numbers of the scans below."""
        self.scans = self.input.scans


@dataclass(slots=True, eq=False)
class Limited:
    """At most so many rows; None where only that rows are left out is known (TABLESAMPLE)."""

    input: Cluster
    rows: int | None
    name: str = ""
    """As people name it, where they do."""
    scans: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        """Take over the numbers of the scans below."""
        self.scans = self.input.scans


Draft: TypeAlias = ScanDraft | Given | Cluster | Outer | Grouped | Several | Expanded | Limited


@dataclass(frozen=True, slots=True)
class Rel:
    """A query or relation: its rows, and its columns."""

    rows: Cluster
    columns: Sequence[Col]
    otherwise: Value | None = None
    """What names stand for that are none of the columns."""


def path(cluster: Cluster, scan: int) -> Iterator[tuple[Outer, Literal["left", "right"]]]:
    """Yield the outer joins between a cluster and a scan below, outermost first, and on which side it stands."""
    current: Cluster | None = cluster
    while current is not None:
        part = next((part for part in current.parts if scan in part.scans), None)
        current = None
        if isinstance(part, Outer):
            at: Literal["left", "right"] = "left" if scan in part.left.scans else "right"
            yield part, at
            current = part.left if at == "left" else part.right
        elif isinstance(part, Grouped | Expanded | Limited):
            current = part.input
        elif isinstance(part, Several):
            current = part.homes[scan]
        elif isinstance(part, Cluster):
            current = part
