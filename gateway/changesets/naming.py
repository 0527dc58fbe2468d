"""The tables that edits name."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.errors import Refusal
from catalog.objects import TableName
from gateway.changesets.model import DeleteEntry, Edit, PutEntry
from policies.rules import asset_of


def table_named(written: object) -> TableName | None:
    """Return the single table that is written, folded as Trino folds names; None for anything else."""
    try:
        asset = asset_of(written) if isinstance(written, str) else ()
    except Refusal:
        return None
    return TableName(*asset) if len(asset) == 3 and not str(written).endswith("*") else None


def tables_of(edits: Iterable[Edit]) -> set[TableName]:
    """Return the single tables that entries name."""
    found = set()
    for edit in edits:
        if isinstance(edit, PutEntry) and isinstance(edit.entry, dict):
            found.add(table_named(edit.entry.get("table")))
        elif isinstance(edit, DeleteEntry) and edit.section in ("tags", "protected"):
            found.add(table_named(edit.key))
    return {name for name in found if name is not None}
