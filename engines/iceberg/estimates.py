"""Answer for the Iceberg tables of one engine what they hold and what scans of them would read.

Figures are read once for a metadata file and snapshot, in threads; estimates are arithmetic on them. A table whose
metadata cannot be read is said to be unknown in its estimate, with the reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from pyiceberg.table import Table as IcebergTable
from pyiceberg.table.snapshots import Snapshot

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.statistics import Basis, Interval, Scan, ScanEstimate, TableStatistics
from engines.iceberg.failures import translated
from engines.iceberg.manifests import read_figures
from engines.iceberg.memory import Memory
from engines.iceberg.readers import Reader
from engines.iceberg.scans import Version, estimate_scan
from engines.iceberg.statistics import table_statistics

_log = logging.getLogger("penstock.iceberg")
T = TypeVar("T")
MEMORY = 256 << 20
"""Bytes of memory that figures may take: some ten million files and columns."""
_ESTIMATES = 4096
_UNBOUNDED = Interval(0.0, float("inf"), float("inf"))


class IcebergTables(Protocol):
    """Where the tables of an engine come from. Every call blocks and raises only Refusal."""

    def versions(self, names: Sequence[TableName]) -> Mapping[TableName, str]:
        """Name the metadata file of each table as it is now; one that cannot be asked is left out."""
        ...

    def present(self, name: TableName) -> IcebergTable:
        """Return a table as it is now. Raises Refusal TABLE_NOT_FOUND."""
        ...


class ManifestEstimates:
    """Estimates from manifests, for one engine and the way it reads; `reader` may differ by table."""

    def __init__(
        self, tables: IcebergTables, reader: Callable[[IcebergTable], Reader], *, memory: int = MEMORY
    ) -> None:
        """Read nothing yet."""
        self._tables = tables
        self._reader = reader
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="iceberg")
        self._versions: Memory[tuple[str, int | None], Version] = Memory(memory, lambda each: each.figures.held)
        self._estimates: Memory[tuple[str, Scan], ScanEstimate] = Memory(_ESTIMATES, lambda _: 1)

    async def close(self) -> None:
        """End the threads."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    @property
    def read(self) -> int:
        """Return how many snapshots' manifests were read so far."""
        return self._versions.made

    async def data_versions(self, names: Sequence[TableName]) -> Mapping[TableName, str]:
        """Name the present version of each table's data. Raises Refusal where a catalog does not answer."""
        return await self._blocking(lambda: self._tables.versions(names))

    async def statistics(self, name: TableName) -> TableStatistics:
        """Return what is known of a table at its present version. Raises Refusal."""
        return await self._blocking(lambda: self._present(name).statistics)

    async def estimate(self, scans: Sequence[Scan]) -> tuple[ScanEstimate, ...]:
        """Say what each scan would read; what cannot be told is said so."""
        return await self._blocking(lambda: tuple(self._estimate(scan) for scan in scans))

    def _present(self, name: TableName) -> Version:
        return self._version(name, self._tables.present(name), None)

    def _estimate(self, scan: Scan) -> ScanEstimate:
        try:
            with translated():
                table = self._tables.present(scan.table)
                return self._estimates.get((table.metadata_location, scan), lambda: self._made(scan, table))
        except Refusal as refusal:
            if refusal.code == ErrorCode.INVALID_ARGUMENTS:
                raise
            _log.warning("table not estimated", extra={"table": str(scan.table), "reason": refusal.message})
            return ScanEstimate(scan, _UNBOUNDED, _UNBOUNDED, Basis("none"), why=refusal.message)

    def _made(self, scan: Scan, table: IcebergTable) -> ScanEstimate:
        version = self._version(scan.table, table, asked_for(scan, table))
        return estimate_scan(scan, version, self._reader(table))

    def _version(self, name: TableName, table: IcebergTable, snapshot: Snapshot | None) -> Version:
        """Return a table at a snapshot, or at the present one; its schema is the present one only there."""
        asked = None if snapshot is None else snapshot.snapshot_id
        with translated():
            return self._versions.get((table.metadata_location, asked), lambda: _read(name, table, snapshot))

    async def _blocking(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _read(name: TableName, table: IcebergTable, snapshot: Snapshot | None) -> Version:
    schema = table.schema()
    if snapshot is not None and snapshot.schema_id is not None:
        schema = table.schemas()[snapshot.schema_id]
    figures = read_figures(table, snapshot or table.current_snapshot())
    return Version(table.metadata, schema, figures, table_statistics(name, table.metadata, schema, figures))


def asked_for(scan: Scan, table: IcebergTable) -> Snapshot | None:
    """Return the snapshot that a scan travels to; None for the present one. Raises Refusal where there is none."""
    if scan.snapshot is None and scan.as_of_millis is None:
        return None
    if isinstance(scan.snapshot, str):
        reference = table.metadata.refs.get(scan.snapshot)
        found = None if reference is None else table.snapshot_by_id(reference.snapshot_id)
    elif scan.snapshot is not None:
        found = table.snapshot_by_id(scan.snapshot)
    else:
        found = table.snapshot_as_of_timestamp(scan.as_of_millis or 0)
    if found is None:
        raise Refusal(ErrorCode.INVALID_ARGUMENTS, "The table has no snapshot of this version")
    return found
