"""What engines say of sizes: before a statement what it would read, afterwards what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from catalog.objects import Table, TableName
from catalog.statistics import Scan, ScanEstimate, TableStatistics
from engines.base import EngineStatement


@runtime_checkable
class EstimatingEngine(Protocol):
    """An engine that knows what its tables hold. Each reads a table's figures once for a version of its data."""

    async def data_versions(self, tables: Sequence[Table]) -> Mapping[TableName, str]:
        """Name the present version of each table's data, cheaply; a table that cannot be asked is left out."""
        ...

    async def statistics(self, table: Table) -> TableStatistics | None:
        """Return a table's figures at its present version; None where there are none. Raises Refusal."""
        ...

    async def estimate(
        self, scans: Sequence[Scan], tables: Mapping[TableName, Table], statement: EngineStatement
    ) -> tuple[ScanEstimate, ...]:
        """Say what each scan of a governed statement would read. Raises Refusal where the engine does not answer.

        What cannot be told is said so in its estimate: bounded by the table's size, or by nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class Actuals:
    """What an engine says that a statement took, once it is over."""

    scanned_bytes: int | None
    """Read from storage, compressed."""
    rows_read: int | None = None
    seconds: float | None = None
    final: bool = True
    """False while the statement still runs, or its figures still come in."""


@runtime_checkable
class AccountingEngine(Protocol):
    """An engine that can be asked afterwards what a statement took."""

    async def actuals(self, query_id: str, engine_query_id: str | None) -> Actuals | None:
        """Say what a statement took, by the gateway's id or the engine's own; None where it does not know it (yet).

        Raises Refusal where the engine does not answer.
        """
        ...
