"""Put what follows rows into a copy beside what followed before: filters, licence terms, least groups, denials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from catalog.objects import TableName
from policies.document import Document, RowFilter
from policies.following import Following
from policies.strict import Strict

_Entry = TypeVar("_Entry", bound=Strict)


def with_rows(before: Document, table: TableName, following: Following, made: Sequence[RowFilter] | None) -> Document:
    """Return the document with what follows into a table.

    `made` is given where the table is made anew: the filters that the author's policies had of its name. What an
    earlier table of that name held is gone, so its filters go too, unless somebody else's came in between.
    """
    name = str(table)
    there = [each for each in before.row_filters if each.table == name]
    gone = made is not None and list(made) == there
    filters = [each for each in before.row_filters if each.table != name] if gone else before.row_filters
    update = {
        "row_filters": _added(filters, following.filters),
        "licences": _added(before.licences, following.licences),
        "aggregate_only": _added(before.aggregate_only, following.groups),
        "grants": _added(before.grants, following.denials),
    }
    return before.model_copy(update=update)


def filters_of(document: Document | None, table: TableName) -> tuple[RowFilter, ...]:
    """Return the filters that followed rows into a table."""
    return tuple(each for each in document.row_filters if each.table == str(table)) if document is not None else ()


def _added(there: Sequence[_Entry], new: Sequence[_Entry]) -> tuple[_Entry, ...]:
    return (*there, *(each for each in new if each not in there))
