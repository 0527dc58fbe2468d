"""What engines say of the past of their tables: what changed between two versions of the data.

A version is what `engines.estimates.EstimatingEngine.data_versions` names. An answer must enclose every row that
differs; what cannot be told with certainty is said to be unknown, with a reason in an operator's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What `FOR VERSION AS OF` or `FOR TIMESTAMP AS OF` names."""

    version: int | str | None = None
    """A snapshot's id, or the name of a branch or tag."""
    millis: int = 0
    """Without a version: since 1970, in UTC."""


@runtime_checkable
class TravellingEngine(Protocol):
    """An engine whose tables can be asked for as they were."""

    async def shown_by(self, table: Table, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        """Return those of the versions of a table's data that show the very snapshot asked for, with its id.

        What is asked for is looked up as the version `present` knows it. A version is left out where the snapshot can
        no longer be read, had other columns than the present, or where it is not certain that it is the same.
        """
        ...


def unknown(table: Table, why: str) -> Change:
    """Say that nothing is known of what happened to a table, and why."""
    return Change(table.name, unknown=why)
