"""What is known of how much a table holds, and what reading a part of it would take: figures with their basis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from catalog.objects import TableName


class Interval(NamedTuple):
    """A figure that is not known exactly: between `low` and `high` (which may be infinite), most likely `likely`."""

    low: float
    likely: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Interval:
        """Return the interval of a figure that is known."""
        return cls(value, value, value)

    @property
    def exact(self) -> bool:
        """Tell whether the figure is known."""
        return self.low == self.high


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition on one column with constants: what pruning can use.

    `values` are Python's own: str, int, float, bool, Decimal, date, datetime (aware for `with time zone`), bytes.
    `between` has two, inclusive; `in` any number; `is null` and `is not null` none; `starts with` one text.
    """

    column: str
    operator: Literal[
        "=", "<>", "<", "<=", ">", ">=", "between", "in", "not in", "is null", "is not null", "starts with"
    ]
    values: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Opaque:
    """A condition that statistics say nothing of; it may still leave out rows."""

    columns: tuple[str, ...] = ()
    subquery: bool = False
    """Its values come from another table at run time (IN, a join): engines may or may not prune by them."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """All of the parts hold; of none: always true."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the parts holds; of none: never true."""

    parts: tuple[Condition, ...] = ()


Condition: TypeAlias = Comparison | Opaque | AllOf | AnyOf
ALL_ROWS = AllOf()
NO_ROWS = AnyOf()


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a table by a statement: which columns, and under which condition on them."""

    table: TableName
    columns: tuple[str, ...]
    condition: Condition = ALL_ROWS
    times: int = 1
    """How often engines do it: a WITH query named twice is read twice."""
    snapshot: int | str | None = None
    """The version asked for, by FOR VERSION AS OF: its id, or a branch's or tag's name; None for the present one."""
    as_of_millis: int | None = None
    via: TableName | None = None
    """The view by which it is read: who may read the view need not know of the table."""


BasisKind = Literal["manifest", "explain estimate", "explain io", "statistics", "table size", "none"]


@dataclass(frozen=True, slots=True)
class Basis:
    """What an estimate rests on."""

    kind: BasisKind
    version: str = ""
    """The snapshot's id, or what else names the data's version."""
    taken_at: float = 0.0
    """Unix seconds at which the figures were read."""


@dataclass(frozen=True, slots=True)
class PartitionField:
    """One field by which a table's files are told apart: `day` of `interval_start_time`."""

    column: str
    transform: str
    """As Iceberg writes it (`identity`, `day`, `bucket[16]`), or the engine's own partition expression."""


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What is known of one column; None for what is not."""

    bytes: int | None = None
    """Stored size in all files, compressed."""
    nulls: int | None = None
    distinct: float | None = None
    low: object = None
    high: object = None
    """Bounds as Python values; they may be wider than the data."""


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """What is known of one table at one version of its data."""

    table: TableName
    rows: int | None
    bytes: int | None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    partitioning: tuple[PartitionField, ...] = ()
    keys: tuple[tuple[str, ...], ...] = ()
    """Sets of columns that no two rows agree on, where that is known."""
    basis: Basis = Basis("none")


@dataclass(frozen=True, slots=True)
class ScanEstimate:
    """What one scan would read: bytes from storage, and rows that come out of it (once, see `Scan.times`)."""

    scan: Scan
    bytes: Interval
    rows: Interval
    basis: Basis
    column_bytes: Mapping[str, int] = field(default_factory=dict)
    """How the likely bytes are shared among the columns read."""
    partitions: tuple[int, int] | None = None
    """Partitions read, and those there are."""
    files: tuple[int, int] | None = None
    """Files (or parts) read, and those there are."""
    unfiltered: tuple[PartitionField, ...] = ()
    """Partition fields that the condition says nothing of."""
    statistics: TableStatistics | None = None
    why: str = ""
    """Why nothing better is known, for people; empty where all is well."""
