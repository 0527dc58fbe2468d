"""Materialized views as frozen data: what each holds, how fresh that is, and what is known of the tables under it.

A view's rows lie in a table of ClickHouse. Its definition is Trino SQL over *base tables*; its *watermark* names the
version of each base table that the rows were computed from. Source: rewriting.md, sections 4, 8 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalog.objects import Table, TableName

Grade = Literal["exact", "float", "approximate"]
"""How alike an answer is: the same values; the same up to the order of additions; from a sketch of the same kind."""
GRADES: tuple[Grade, ...] = ("exact", "float", "approximate")
"""From the strictest to the laxest."""
Integrity = Literal["enforced", "trusted", "stale_tolerated"]
"""What may be relied on: only what is proved and current; also facts that are only declared; also rows up to an age."""
INTEGRITIES: tuple[Integrity, ...] = ("enforced", "trusted", "stale_tolerated")
"""From the strictest to the laxest."""


def stricter(one: Integrity, other: Integrity) -> Integrity:
    """Return the stricter of two levels: what both allow."""
    return min(one, other, key=INTEGRITIES.index)


@dataclass(frozen=True, slots=True)
class State:
    """Say what a column keeps as a state of an aggregate, which ClickHouse's `-Merge` functions read."""

    column: str
    function: str
    """ClickHouse's name: `uniqExact`, `uniq`, `quantileExact`, `quantileTDigest`, `argMax`, `argMin`."""
    arguments: tuple[str, ...]
    """Trino expressions over the base tables, as the definition would name their columns."""
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """Hold how a view was declared."""

    name: TableName
    """The table that holds its rows, as the catalog knows it."""
    sql: str
    """One query in Trino's SQL. A state's column is in it too, as the plain value that the state was made from."""
    catalog: str | None = None
    """Where bare names in `sql` are looked up."""
    schema: str | None = None
    states: tuple[State, ...] = ()
    built_under: tuple[str, ...] = ()
    """The policies it was filled under; with any it answers nobody."""
    maintained: Literal["none", "inserts", "full"] = "none"
    """What its keeper does when a base table changes; `inserts` sees appended rows only (ClickHouse's own views)."""
    integrity: Integrity = "stale_tolerated"
    """The laxest level at which it may be used, whatever a session takes."""
    max_staleness: float | None = None
    """Seconds: how far behind its base it may be used where staleness is tolerated; None: as far as a session says."""

    @property
    def form(self) -> tuple[object, ...]:
        """Return what says which rows it holds: views of the same form hold the same."""
        return self.sql, self.catalog, self.schema, self.states

    @property
    def state_of(self) -> Mapping[str, State]:
        """Return the states by their columns."""
        return {each.column: each for each in self.states}


@dataclass(frozen=True, slots=True)
class Watermark:
    """Name the version of each base table that a view's rows were computed from; written with the rows, atomically."""

    versions: Mapping[TableName, str]
    """As `engines.estimates.EstimatingEngine.data_versions` names them."""
    built_at: float
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Bound one column of a base table: `low <= column <= high`, both inclusive; with `nulls`, or it is NULL."""

    column: str
    low: str | None
    """A Trino literal of the column's type (`DATE '2024-03-09'`, `'CAISO'`, `5`); None for no lower end."""
    high: str | None
    nulls: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """Enclose changed rows of a base table: each lies within ALL of the bounds (of none: anywhere)."""

    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Say what happened to one base table between a watermark and a later version."""

    table: TableName
    regions: tuple[Region, ...] = ()
    """Every row that was added, removed or altered lies in one of them; none: the table holds the same rows."""
    appended_only: bool = False
    """No row was removed or altered."""
    unknown: str | None = None
    """Why nothing is known of it (history that does not reach back, changes without a trace): all may differ."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Compare a view's rows with its base tables at stated versions."""

    versions: Mapping[TableName, str]
    """The versions of the base tables that this was found for; the answer holds for these only."""
    changes: tuple[Change, ...] = ()
    """Of tables that changed since the watermark; the others hold what the view saw."""
    lost: str | None = None
    """Why rows that the view once held are gone (TTL, a dropped partition); it then answers nobody."""
    behind_since: float | None = None
    """Unix seconds from which on the base held what the view has not; None where it is current."""

    @property
    def current(self) -> bool:
        """Tell whether the view holds what the base tables hold."""
        return not self.changes and self.lost is None


@dataclass(frozen=True, slots=True)
class Key:
    """A set of columns of which no two rows have the same values (rows with a NULL among them aside)."""

    table: TableName
    columns: tuple[str, ...]
    status: Literal["declared", "verified"] = "declared"


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Each row whose columns are all not NULL has a row in `references` with these values."""

    table: TableName
    columns: tuple[str, ...]
    references: TableName
    referenced: tuple[str, ...]
    status: Literal["declared", "verified"] = "declared"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of tables besides their columns; `verified` was found true on the data of `versions`."""

    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    versions: Mapping[TableName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaterializedView:
    """One view with all that deciding about it needs."""

    definition: Definition
    table: Table
    """The table of its rows; a state's column has the type of the value in the definition."""
    watermark: Watermark | None = None
    freshness: Freshness | None = None
    """None where nothing could be found out: it answers nobody then."""
    rows: int | None = None
    bytes: int | None = None
    quarantined: str | None = None
    """Why it must not be used: a comparison with its base differed."""
    unusable: str | None = None
    """Why it answers nobody for now: it was never filled, a table under it is gone, nobody says when that changes."""
    bounds: tuple[Bound, ...] = ()
    """The least and greatest values in columns of its own table, where they were looked up: a proof that hours make up
    a zone's days needs to know how far back they go. Without a bound every change of a clock counts, since 1850.
    """

    @property
    def name(self) -> TableName:
        """Return the table of its rows."""
        return self.definition.name
