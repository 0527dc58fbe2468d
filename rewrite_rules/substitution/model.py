"""What substitution is given, and what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.materialized_views import Facts, Grade, Integrity
from catalog.objects import Column, Table, TableName
from rewrite_rules.substitution.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Terms:
    """Say on which terms the caller takes an answer that was computed before."""

    integrity: Integrity = "enforced"
    min_grade: Grade = "exact"
    max_staleness: float | None = None
    """Seconds, for `stale_tolerated`."""
    time_zone: str = "UTC"
    now: float = 0.0
    """Unix seconds, for ages only."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of the tables under a query."""

    tables: Mapping[TableName, Table]
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading of a view: a query over the view's table alone, which ClickHouse runs.

    States are read by `exp.Anonymous(this="$merge", expressions=[<state column>])`, those of some rows only by
    `CASE WHEN <condition> THEN <state column> END` in the column's place, with `meta["state"]`, the view's
    `catalog.materialized_views.State`, `meta["parameters"]`, the literals of the call it stands for, and
    `meta["type"]`, the type of the result.
    """

    name: TableName
    """A private name (`$views`, `scan`, `s0`), by which the rewritten tree speaks of the result."""
    view: TableName
    tree: exp.Select
    columns: tuple[Column, ...]
    """Of the result, with private names in order."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A query that gives the same answer with views in the place of (some of) its base tables."""

    tree: exp.Expr
    """Trino SQL over scans, and over base tables behind the very barriers of the governed tree; outputs have the
    original's names, types and order.
    """
    scans: tuple[Scan, ...]
    base_tables: tuple[TableName, ...]
    """What it still reads of the base."""
    grade: Grade
    certificate: Certificate
    versions: Mapping[TableName, str]
    """The versions of all base tables of the views used at which it holds; empty where staleness is tolerated."""
    bytes: int | None = None
    """Of the views' tables, for choosing among rewritings."""
    whole: bool = False
    """It reads tables' rows as they are: only the engine of the views runs it, they are carried nowhere."""


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a view did not answer a query, for a person to act on."""

    view: TableName
    condition: int
    """Which of the 16 conditions of rewriting.md, section 4."""
    missing: str
    """`key`, `measure`, `filter`, `freshness`, `grade`, `policy`, `join`, `time`, `shape`, `type`."""
    text: str
    fix: str = ""
    """What to change in the view: "add `hub` to the view's keys"."""
    distance: int = 1
    """How many such changes it lacks."""


@dataclass(frozen=True, slots=True)
class Found:
    """What substitution found for one query: rewritings, best first, and the nearest misses."""

    rewritings: tuple[Rewriting, ...] = ()
    misses: tuple[Miss, ...] = ()
