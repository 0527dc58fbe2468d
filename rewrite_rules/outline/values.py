"""Values: what a column of a relation stands for, as far as scans are concerned, and how names find it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from catalog.objects import Table
from catalog.types import TrinoType


class Undescribed(Exception):  # noqa: N818  (no error of the statement's: pricing goes on without an outline)
    """Say why a query has no outline."""


class Ref(NamedTuple):
    """The value of a column of one scan, unchanged."""

    scan: int
    column: str
    type: TrinoType
    held: bool = False
    """Rows may not be left out below by a condition on it: a LIMIT, a window or a guard stands between."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A value computed from columns; of none: a constant, or the clock."""

    refs: tuple[Ref, ...] = ()
    volatile: bool = False
    """Another value at each row, whatever the columns are."""
    strict: bool = False
    """NULL wherever one of the columns is."""


@dataclass(frozen=True, slots=True)
class Either:
    """A column of a UNION: in the rows of each branch that branch's value."""

    union: int
    branches: tuple[Value, ...]


Value: TypeAlias = Ref | Mix | Either
NOTHING = Mix()


def refs_of(value: Value) -> tuple[Ref, ...]:
    """Return the table columns that a value comes from."""
    if isinstance(value, Ref):
        return (value,)
    if isinstance(value, Mix):
        return value.refs
    return tuple(ref for branch in value.branches for ref in refs_of(branch))


def mixed(values: Iterable[Value], *, held: bool = False) -> Mix:
    """Return a value that is computed from others; `held` where rows are put together for it."""
    refs = dict.fromkeys(ref for value in values for ref in refs_of(value))
    return Mix(tuple(ref._replace(held=True) for ref in refs) if held else tuple(refs))


def held(value: Value) -> Value:
    """Return the same value, on which no condition may be moved further down."""
    if isinstance(value, Ref):
        return value._replace(held=True)
    if isinstance(value, Mix):
        return Mix(tuple(ref._replace(held=True) for ref in value.refs), value.volatile)
    return Either(value.union, tuple(held(branch) for branch in value.branches))


class Col(NamedTuple):
    """One column of a relation: its folded name, by what it may be qualified, and its value."""

    name: str | None
    qualifier: tuple[str, ...]
    value: Value


class Scope:
    """The columns in sight of an expression, in front of those of the query around it."""

    __slots__ = ("_by_name", "columns", "otherwise", "parent")

    def __init__(self, columns: Sequence[Col], parent: Scope | None = None, otherwise: Value | None = None) -> None:
        """`otherwise` is what an unknown name stands for, where a relation's columns are not all known."""
        self.columns = columns
        self.parent = parent
        self.otherwise = otherwise
        self._by_name: dict[str, list[Col]] | None = None

    def find(self, parts: Sequence[str]) -> tuple[Value, int] | None:
        """Return what a folded name means here and how many of its parts name it: the whole name, else the longest."""
        index = self._by_name
        if index is None:
            index = self._by_name = {}
            for column in self.columns:
                if column.name is not None:
                    index.setdefault(column.name, []).append(column)
        for used in range(len(parts), 0, -1):
            prefix = tuple(parts[: used - 1])
            for column in index.get(parts[used - 1], ()):
                if not prefix or column.qualifier[-len(prefix) :] == prefix:
                    return column.value, used
        return None


class TableScope(Scope):
    """The columns of one table, made as they are looked at."""

    __slots__ = ("_name", "_number", "_table")

    def __init__(self, number: int, table: Table, name: str) -> None:
        """Show a scan's table, by its own name or another."""
        super().__init__(())
        self._number = number
        self._table = table
        self._name = name

    def find(self, parts: Sequence[str]) -> tuple[Value, int] | None:
        """Return what a folded name means; see `Scope.find`."""
        name, columns = self._table.name, self._table.by_name
        start = 0
        if len(parts) > 1:
            for written in ((self._name,), tuple(name), tuple(name)[1:]):
                if tuple(parts[: len(written)]) == written and len(parts) > len(written):
                    start = len(written)
                    break
        column = columns.get(parts[start])
        if column is None:
            return None
        return Ref(self._number, column.name, column.type), start + 1


def look_up(parts: Sequence[str], scope: Scope) -> tuple[Value, int] | None:
    """Return what a folded name means, seen from a scope; None where it means nothing known."""
    current: Scope | None = scope
    while current is not None:
        found = current.find(parts)
        if found is not None:
            return found
        if current.otherwise is not None:
            return current.otherwise, len(parts)
        current = current.parent
    return None
