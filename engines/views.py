"""What an engine does that keeps the rows of materialized views."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from catalog.materialized_views import Definition, Region, State, Watermark
from catalog.objects import TableName
from catalog.types import TrinoType
from catalog.view_documents import Document


@dataclass(frozen=True, slots=True)
class Filled:
    """One column of a view and how its values come: as Trino's wire writes them, states as the values they are of.

    A state of a set or of percentiles comes as an array. One of `argMax` or `argMin` comes as two columns, the value
    of the extreme row of a group and, at the end of the row, what is extreme.
    """

    name: str
    type: TrinoType
    """Of what comes; an array for a state of many values."""
    state: State | None = None
    beside: TrinoType | None = None
    """The type of what is extreme, for `argMax` and `argMin`."""
    nullable: bool = True
    """False only where it is proved: a NULL that comes nevertheless fails the filling."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Which of a view's rows stay as they are while the others come anew."""

    comment: str
    """The document of the rows: where the table has another one by now, nothing is filled."""
    rows: int
    """How many there are: of another number some were lost."""
    anew: tuple[Region, ...]
    """Rows in these regions, over the view's own columns, come anew; of none: all stay."""


@dataclass(frozen=True, slots=True)
class Filling:
    """All that is to be known of a view's table before its first row comes."""

    document: Document
    """Its watermark is written at the end, see `ViewKeepingEngine.fill`."""
    columns: tuple[Filled, ...]
    order_by: tuple[str, ...] = ()
    """Columns whose values are those of its groups, or what rows are best found by."""
    grouped: bool = True
    """No two rows have the same values in `order_by`."""
    kept: Kept | None = None
    """The old rows that stay; None where all rows come anew."""


@dataclass(frozen=True, slots=True)
class Fill:
    """What became of a filling."""

    rows: int
    replaced: bool
    """There was an earlier table, which is gone."""
    kept: int = 0
    """How many of the rows are old ones."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a view's table holds now."""

    name: TableName
    comment: str
    """The document."""
    rows: int | None
    bytes: int | None
    lost: str | None = None
    """Why its rows are not those that it was filled with."""


Pages = AsyncIterator[bytes]
"""Rows as the protocol writes `data`: a JSON array of rows, which are arrays of values."""


@runtime_checkable
class ViewKeepingEngine(Protocol):
    """An engine in which views can be built. All methods raise Refusal."""

    async def fill(self, filling: Filling, pages: Pages, mark: Callable[[], Watermark | None]) -> Fill:
        """Put a new table with these rows in the place of the view's table, in one step, or change nothing.

        `mark` is called when all rows are there: it returns the watermark to write beside them, or None where they
        are worth nothing after all. A table of that name that is no view of ours is never replaced.
        """
        ...

    async def held_views(self, catalog: str) -> Sequence[Holding]:
        """Describe the tables of all views, in one round trip; `catalog` is the name that clients know."""
        ...

    async def drop_view(self, name: TableName) -> bool:
        """Drop a view's table; False if there is none. What is no view of ours is refused."""
        ...


@dataclass(frozen=True, slots=True)
class OwnView:
    """A view that the engine keeps up by itself."""

    name: TableName
    definition: Definition | None
    """None where its text is not read."""
    why: str = ""
    """Why not."""
    base: TableName | None = None
    """The table that it reads."""
    present: tuple[str, str] | None = None
    """The versions of its base and of its rows now; None where nobody tells them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of such a view's rows with its own text came to."""

    versions: tuple[str, str] | None
    """Of its base and of its rows, for which it was found out; None where they moved, or nobody answered."""
    why: str = ""
    """Why the view does not count; empty where both hold the same."""


@runtime_checkable
class OwnViewsEngine(Protocol):
    """An engine that has materialized views of its own. All methods raise Refusal."""

    async def own_views(self, catalog: str) -> Sequence[OwnView]:
        """Describe them, by few round trips however many there are; `catalog` is the name that clients know."""
        ...

    async def compare(self, view: OwnView, most_bytes: int) -> Compared:
        """Compare a view's rows with what its text gives, if its base has no more bytes than that."""
        ...
