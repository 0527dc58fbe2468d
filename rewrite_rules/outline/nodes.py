"""The nodes of an outline: relational algebra with just what figures need. Rows flow from the inputs to the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from catalog.objects import TableName
from catalog.statistics import Condition, Scan


@dataclass(frozen=True, slots=True)
class Origin:
    """A column of a table, as values that go through a query unchanged stem from it."""

    table: TableName
    column: str
    scan: int = -1
    """The number of the scan that it comes from: two uses of one table differ."""


@dataclass(frozen=True, slots=True)
class ScanOf:
    """Read a table: the scan of that number in the outline. Its condition is applied already."""

    scan: int
    whole: bool = False
    """Engines may read it without its condition, see `Outline.written`."""


@dataclass(frozen=True, slots=True)
class Values:
    """Rows that are written out, or that a function gives; None where their number is not known."""

    rows: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Leave out rows by a condition that could not be moved to a scan."""

    input: Node
    condition: Condition


@dataclass(frozen=True, slots=True)
class Join:
    """Join two inputs. `pairs` are equalities of columns; None as a side where it is an expression."""

    kind: Literal["inner", "left", "right", "full", "cross", "semi", "anti"]
    left: Node
    right: Node
    pairs: tuple[tuple[Origin | None, Origin | None], ...] = ()
    other_conditions: int = 0
    """How many further conditions there are: ranges, expressions over both sides."""
    text: str = ""
    """What is joined as a person would name it, for messages: `orders o and lineitem l`. No literal, no hidden name."""
    single: bool = False
    """Each row of the left finds at most one on the right, by what it is: a value or a mark from a subquery."""
    correlated: bool = False
    """The right side is worked out from the left: engines may join them before they are done with the right side."""


@dataclass(frozen=True, slots=True)
class Group:
    """Group rows by keys (DISTINCT too); no keys: one row comes out."""

    input: Node
    keys: tuple[Origin | None, ...]
    sets: int = 1
    """How many grouping sets (ROLLUP, CUBE) multiply the output."""
    copies: int = 1
    """How often engines may hold each row of the input on the way: once for each set of DISTINCT arguments."""


@dataclass(frozen=True, slots=True)
class Union:
    """Put inputs together, one after the other."""

    inputs: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unnest:
    """Make rows of arrays: each row of the input becomes some; None where nothing bounds how many."""

    input: Node
    most: int | None
    least: int = 0
    """So many at least: arrays that are written out, or a left join."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Let at most so many rows through. What lies below still may make more."""

    input: Node
    rows: int
    written: bool = True
    """False where the engine may stop early by itself: EXISTS needs one row."""


Node: TypeAlias = ScanOf | Values | Filter | Join | Group | Union | Unnest | Limit


@dataclass(frozen=True, slots=True)
class Outline:
    """What a query does: its scans, in the text's order, and how their rows are put together.

    A WITH query that is named several times stands there once for each; a correlated subquery is a semi, anti or left
    join.
    """

    scans: tuple[Scan, ...]
    root: Node
    metadata_only: bool = False
    """Engines may answer it from counts alone: `SELECT count(*) FROM t` without conditions."""
    clocked: bool = False
    """Conditions hold the moment at which it was made: it ages."""
    written: Node | None = None
    """The same with outer joins as they are written, where a condition turns some of them: engines may not see that."""
