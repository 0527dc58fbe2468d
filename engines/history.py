"""What engines say of the past of their tables: what changed between two versions of the data.

A version is what `engines.estimates.EstimatingEngine.data_versions` names. An answer must enclose every row that
differs; what cannot be told with certainty is said to be unknown, with a reason in an operator's words.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from catalog.materialized_views import Change
from catalog.objects import Table


@runtime_checkable
class HistoryEngine(Protocol):
    """An engine that knows what happened to its tables."""

    async def changes(self, table: Table, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table's data, `since` being the older.

        Where nothing differs the change has no regions. Costs one reading of metadata for each pair of versions, and
        keeps nobody else waiting. Raises Refusal where the engine does not answer.
        """
        ...


@runtime_checkable
class PinningEngine(Protocol):
    """An engine whose tables can be read as they were."""

    async def snapshot(self, table: Table, version: str) -> int | None:
        """Return the snapshot that a version of a table's data shows, for `FOR VERSION AS OF`.

        None where there is none: an empty table without one, or a version that can no longer be read.
        """
        ...


def unknown(table: Table, why: str) -> Change:
    """Say that nothing is known of what happened to a table, and why."""
    return Change(table.name, unknown=why)
