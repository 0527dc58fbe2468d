"""What a query sees while it is flattened: the fields of its relations, written over columns of base tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlglot import exp

from catalog.types import TrinoType
from rewrite_rules.substitution.blocks import Block, Condition, Occurrence
from rewrite_rules.substitution.model import Ground


class OddError(Exception):
    """Say why a query has no canonical form."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a relation: its folded name, and what it is in terms of base columns."""

    name: str | None
    value: exp.Expr | None
    """None: the value has no canonical form where it stands (a constant of the side that an outer join extends)."""
    qualifier: tuple[str, ...] = ()
    relation: int = 0

    @property
    def type(self) -> TrinoType | None:
        """Return the type of its values."""
        kind = self.value.meta.get("type") if self.value is not None else None
        return kind if isinstance(kind, TrinoType) else None


@dataclass(frozen=True, slots=True)
class Rows:
    """Relations joined so far, the conditions that every row meets, and the fields in sight."""

    occurrences: tuple[Occurrence, ...] = ()
    conditions: tuple[Condition, ...] = ()
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A common table expression: its query, the names of its columns, and those in sight of it."""

    query: exp.Expr
    columns: tuple[str, ...]
    names: Mapping[str, Named]
    recursive: bool = False


@dataclass(slots=True)
class Aliases:
    """Give each occurrence of one block an alias of its own."""

    prefix: str = "t"
    taken: int = 0

    def next(self) -> str:
        """Return the next alias."""
        self.taken += 1
        return f"{self.prefix}{self.taken - 1}"


class Sight:
    """The fields that expressions of one query may name, in front of those of the queries around it."""

    __slots__ = ("_fields", "around")

    def __init__(self, fields: Iterable[Field], around: Sight | None = None) -> None:
        """See fields, and behind them what is around."""
        self._fields = {(each.relation, each.name): each for each in fields if each.name is not None}
        self.around = around

    def find(self, relation: int, name: str) -> Field | None:
        """Return the field of a relation, which has one number in the whole statement."""
        found = self._fields.get((relation, name.lower()))
        if found is None and self.around is not None:
            return self.around.find(relation, name)
        return found


class Spelling(Protocol):
    """Flatten a query, see `selects.spelled`."""

    def __call__(self, query: exp.Expr, place: Place, aliases: Aliases, *, merged: bool = False) -> Flat:
        """Return the flattened query. Raises OddError."""
        ...


@dataclass(frozen=True, slots=True)
class Steps:
    """The parts of flattening that call each other round and round."""

    spelled: Spelling
    embedded: Callable[[exp.Expr, Sight, Place], exp.Expr]
    """Write a subquery of an expression."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a query stands: the common table expressions in sight, the queries around it, how deep it lies."""

    ground: Ground
    steps: Steps
    names: Mapping[str, Named] = field(default_factory=dict)
    around: Sight | None = None
    depth: int = 0

    def inside(self, sight: Sight) -> Place:
        """Return the place of a subquery in an expression that sees `sight`."""
        return replace(self, around=sight, depth=self.depth + 1)


@dataclass(frozen=True, slots=True)
class Flat:
    """A flattened SELECT: its block, and what only fingerprints ask for."""

    block: Block
    named: tuple[bool, ...]
    """Which outputs have a name that a query around may say."""
    closed: Mapping[str, tuple[exp.Expr, Place]]
    """The queries that stay closed, by the alias of their occurrence, and where each stands."""
    filters: int = 0
    """How many conditions, the last ones, are its own; the others came with what it reads."""
    order: tuple[exp.Expr, ...] = ()
    """The keys of ORDER BY, written over base columns."""
    others: tuple[exp.Expr, ...] = ()
    """GROUPING SETS and their like, WINDOW, LIMIT, OFFSET."""
