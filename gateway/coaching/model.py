"""What the coach hands out: advice on one statement, for one caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from catalog.objects import TableName
from gateway.models import Planned
from gateway.received import Received
from policies.cost.estimate import Estimate

AlternativeKind = Literal[
    "partition_filter",
    "prunable_filter",
    "fewer_columns",
    "unused_part",
    "approximate",
    "sample",
    "materialized_view",
]

Sight: TypeAlias = Mapping[TableName, frozenset[str]]
"""The tables that a caller may know, each with the columns that he may. Nothing else is spoken of to him."""


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be spent: None where nothing limits it. Candidates are made to fit into it where they can."""

    nano: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A statement that the caller could run instead: it was planned as his, and priced by the same estimator."""

    kind: AlternativeKind
    title: str
    """What it does, in a few words for people: `the newest 7 days only (filter on ts)`."""
    sql: str
    estimate: Estimate
    same_result: bool
    """It gives the very same rows, whatever the tables hold: proven by its form, not guessed."""
    difference: str = ""
    """In what the result is different; empty where it is the same."""
    fingerprint: str = ""
    table: str = ""
    """The table that it reads less of."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What can be said to a caller about his statement; empty where nothing is known in time."""

    sight: Sight = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()
    limit_in_vain: bool = False
    """The statement has a LIMIT, which does not lower what is read."""


NO_ADVICE = Advice()

Advise: TypeAlias = Callable[[Planned, Received, Room], Awaitable[Advice]]
"""Advise on a priced statement, within the coach's time; raises nothing."""
