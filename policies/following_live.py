"""What of the rules that followed rows into copies holds: until somebody decides, and for roles that still exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from policies.document import Document, RowFilter
from policies.whom import Named

_Entry = TypeVar("_Entry", bound=Named)
_NOBODY = "false"


def undecided_rows(inherited: Document, others: Sequence[Document], known: frozenset[str]) -> Document:
    """Return what copies inherited without what others decide on: a copy's filters, least groups, single columns.

    Licence terms stay: they restrict everybody, and another's add to them. Of entries that name roles or groups which
    are gone the rest stays; a table whose filters name nobody any more shows no rows.
    """
    filtered = {each.table.lower() for document in others for each in document.row_filters}
    grouped = {each.table.lower() for document in others for each in document.aggregate_only}
    granted = {a.lower() for d in others for each in d.grants if each.columns is not None for a in each.assets}
    filters = [each for each in inherited.row_filters if each.table.lower() not in filtered]
    left = _known(filters, known)
    orphans = {each.table for each in filters} - {each.table for each in left}
    closed = [RowFilter(table=table, roles="all", filter=_NOBODY) for table in sorted(orphans)]
    groups = [each for each in inherited.aggregate_only if each.table.lower() not in grouped]
    grants = [each for each in inherited.grants if not {a.lower() for a in each.assets} & granted]
    rows = {
        "row_filters": (*left, *closed),
        "aggregate_only": tuple(_known(groups, known)),
        "grants": tuple(_known(grants, known)),
    }
    return inherited.model_copy(update=rows)


def _known(entries: Sequence[_Entry], known: frozenset[str]) -> list[_Entry]:
    """Return entries without the roles and groups that are gone; were one a fault, nobody could take it away."""
    found = []
    for entry in entries:
        roles = entry.roles if entry.roles == "all" else tuple(each for each in entry.roles if each in known)
        groups = tuple(each for each in entry.groups if each in known)
        if (roles, groups) == (entry.roles, entry.groups):
            found.append(entry)
        elif roles or groups or entry.users:
            found.append(entry.model_copy(update={"roles": roles, "groups": groups}))
    return found
