"""Scopes: the fields in sight of an expression, and how a name finds its field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.objects import TableName
from catalog.types import TrinoType

Origins = tuple[tuple[TableName, str], ...] | None
"""Table columns from which values may come; None: from anything that the statement reads."""


@dataclass(slots=True, eq=False)
class Field:
    """One column of a relation. Two fields are the same only if they are one object.

    `name` is as its author wrote it (None for an unnamed expression), `qualifier` the folded parts by which it may
    be qualified, in order. `relation` numbers the relation that brought it in.
    """

    name: str | None
    type: TrinoType | None
    qualifier: tuple[str, ...] = ()
    relation: int = 0
    table: TableName | None = None
    sources: tuple[tuple[TableName, str], ...] = ()
    """Table columns that a reference to this field reads."""
    output: bool = False
    """A result column, as ORDER BY sees it."""
    origins: Origins = None

    def answers_to(self, prefix: Sequence[str]) -> bool:
        """Tell whether the field may be qualified so; folded parts, possibly none."""
        return not prefix or self.qualifier[-len(prefix) :] == tuple(prefix)


class Scope:
    """The fields of one relation or query level, in front of those of its parent.

    `boundary` marks the edge of a query: fields beyond it are outer ones. An `open` scope holds a relation whose
    columns the gateway does not know, so that a name it lacks may still exist.
    """

    __slots__ = ("_by_name", "boundary", "fields", "open", "parent")

    def __init__(
        self,
        fields: Sequence[Field],
        parent: Scope | None = None,
        *,
        boundary: bool = False,
        is_open: bool = False,
    ) -> None:
        """Make a scope; the fields must not change any more."""
        self.fields = fields
        self.parent = parent
        self.boundary = boundary
        self.open = is_open
        self._by_name: dict[str, list[Field]] | None = None

    def matches(self, parts: Sequence[str]) -> list[Field]:
        """Return the fields of this scope alone that a folded, possibly qualified name means."""
        index = self._by_name
        if index is None:
            index = self._by_name = {}
            for field in self.fields:
                if field.name is not None:
                    index.setdefault(field.name.lower(), []).append(field)
        found = index.get(parts[-1], [])
        if len(parts) == 1 or not found:
            return found
        prefix = tuple(parts[:-1])
        return [field for field in found if field.answers_to(prefix)]

    def prefix_length(self, parts: Sequence[str]) -> int:
        """Return how many leading parts name a field of this scope, the longest way; 0 if none does."""
        for length in range(len(parts) - 1, 0, -1):
            if self.matches(parts[:length]):
                return length
        return 0
