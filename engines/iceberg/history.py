"""What happened to an Iceberg table between two of its metadata files: the rows that differ, enclosed by regions.

The two snapshots' files are compared, so that rollbacks, branches and what commits call themselves do not matter.
What differs is enclosed by what manifests say of the files, or, where the files are small, by their very rows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFileContent
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Change
from catalog.names import fold_trino
from catalog.objects import TableName
from engines.history import Asked
from engines.iceberg.asked import asked_snapshot, same_reading
from engines.iceberg.bounds_text import region_of, speakable
from engines.iceberg.boxes import Box, few
from engines.iceberg.changed_files import FileChanges, changed_files, is_rewriting, steps
from engines.iceberg.differing_rows import Differing, Side, differing_rows
from engines.iceberg.estimates import IcebergTables
from engines.iceberg.failures import translated
from engines.iceberg.memory import Memory
from engines.iceberg.spans import box_of, box_of_values

_log = logging.getLogger("penstock.iceberg")
_CHANGES = 4096
_METADATA = 500
_NAME_MAPPING = "schema.name-mapping.default"
_EXPIRED = "its history does not reach back: the snapshot that the older version shows has expired"
_GONE = "its history does not reach back: files of the older version are gone"
_STRANGE = "its metadata are in a form that is not understood"


@dataclass(frozen=True, slots=True)
class _Versions:
    """Two versions of one table."""

    since: TableMetadata
    until: TableMetadata
    io: FileIO

    @property
    def columns(self) -> Schema:
        """Return the columns that both have, as the newer one calls them."""
        kept = {field.field_id for field in self.since.schema().fields}
        return Schema(*(f for f in self.until.schema().fields if f.field_id in kept and speakable(f.name)))


class History:
    """Answer for the tables of one engine, in a thread of its own; each pair of versions is compared once."""

    def __init__(self, tables: IcebergTables) -> None:
        """Read nothing yet."""
        self._tables = tables
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="iceberg-history")
        self._changes: Memory[tuple[TableName, str, str], Change] = Memory(_CHANGES, lambda _: 1)
        self._metadata: Memory[str, TableMetadata] = Memory(_METADATA, lambda _: 1)

    @property
    def read(self) -> int:
        """Return how many pairs of versions were compared so far."""
        return self._changes.made

    async def close(self) -> None:
        """End the thread."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    async def changes(self, name: TableName, since: str, until: str) -> Change:
        """Enclose what differs between two versions of a table. Raises Refusal where nobody answers."""
        if since == until:
            return Change(name)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.compare, name, since, until)

    async def snapshot(self, name: TableName, version: str) -> int | None:
        """Return the snapshot that a version shows, as far as it can still be read. Raises Refusal."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._snapshot, name, version)

    async def shown_by(self, name: TableName, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        """Return the versions that show the snapshot asked for; see `engines.history.TravellingEngine`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._shown_by, name, versions, present, asked)

    def compare(self, name: TableName, since: str, until: str) -> Change:
        """Enclose what differs, blocking until it is known. Raises Refusal."""
        io = self._tables.present(name).io
        try:
            with translated():
                return self._changes.get((name, since, until), lambda: self._compared(name, since, until, io))
        except Refusal as refusal:
            gone = isinstance(refusal.__cause__, FileNotFoundError)
            if not gone and refusal.code == ErrorCode.GENERIC_EXTERNAL:
                raise  # storage does not answer now: that is no word about the past
            _log.info("history not known", extra={"table": str(name), "reason": refusal.detail or refusal.message})
            return Change(name, unknown=_GONE if gone else _STRANGE)

    def _snapshot(self, name: TableName, version: str) -> int | None:
        present = self._tables.present(name)
        try:
            with translated():
                asked = self._read(version, present.io)
        except Refusal:
            return None
        number = asked.current_snapshot_id
        kept = asked.table_uuid == present.metadata.table_uuid and number is not None
        return number if kept and present.metadata.snapshot_by_id(number or 0) is not None else None

    def _shown_by(self, name: TableName, versions: Sequence[str], present: str, asked: Asked) -> Mapping[str, int]:
        io, found = self._tables.present(name).io, {}
        try:
            with translated():
                now = self._read(present, io)
                snapshot = asked_snapshot(now, asked)
                for version in versions if snapshot is not None else ():
                    then = self._read(version, io)
                    if same_reading(then, now) and snapshot and then.current_snapshot_id == snapshot.snapshot_id:
                        found[version] = snapshot.snapshot_id
        except Refusal:
            return {}
        return found

    def _compared(self, name: TableName, since: str, until: str, io: FileIO) -> Change:
        versions = _Versions(self._read(since, io), self._read(until, io), io)
        why = _incomparable(versions)
        if why is not None:
            return Change(name, unknown=why)
        before, after = versions.since.current_snapshot(), versions.until.current_snapshot()
        if after is None:
            return Change(name) if before is None else Change(name, unknown="its present snapshot was taken away")
        if before is not None and before.snapshot_id == after.snapshot_id:
            return Change(name)
        if before is not None and versions.until.snapshot_by_id(before.snapshot_id) is None:
            return Change(name, unknown=_EXPIRED)
        boxes, appended_only = _enclosed(before, after, versions)
        schema = versions.columns
        regions = tuple(region_of(box, schema) for box in few(boxes, schema, _partitioned(versions)))
        return Change(name, regions, appended_only=appended_only) if regions else Change(name)

    def _read(self, location: str, io: FileIO) -> TableMetadata:
        return self._metadata.get(location, lambda: FromInputFile.table_metadata(io.new_input(location)))


def _incomparable(versions: _Versions) -> str | None:
    """Say why rows of one version cannot be taken for rows of the other."""
    since, until = versions.since, versions.until
    if since.table_uuid != until.table_uuid:
        return "it was dropped and made anew"
    if since.properties.get(_NAME_MAPPING) != until.properties.get(_NAME_MAPPING):
        return "the names by which files without ids are read were changed"
    before = {_folded(field.name): field for field in since.schema().fields}
    for field in until.schema().fields:
        old = before.get(_folded(field.name))
        if old is not None and (old.field_id, old.field_type) != (field.field_id, field.field_type):
            return f"column {field.name} is another than it was"
    return None


def _folded(name: str) -> str:
    return fold_trino(name) if speakable(name) else name


def _partitioned(versions: _Versions) -> list[int]:
    sources = [field.source_id for spec in versions.until.partition_specs for field in spec.fields]
    known = {field.field_id for field in versions.columns.fields}
    return [number for number in dict.fromkeys(sources) if number in known]


def _enclosed(before: Snapshot | None, after: Snapshot, versions: _Versions) -> tuple[list[Box], bool]:
    """Return boxes around the rows that differ, and whether rows were only added.

    Rows are compared where they are few. Else commits that say that they change no rows are believed, if they count as
    many rows as before: no more can be known of a large compaction.
    """
    whole = _between(before, after, versions)
    if whole.exact is not None:
        return whole.exact.boxes, whole.exact.added_only
    boxes: list[Box] = []
    appended_only = True
    for older, newer in steps(versions.until, before, after):
        step = whole if (older, newer) == (before, after) else _between(older, newer, versions)
        if is_rewriting(newer, of=older) and step.changes.keeps_count:
            continue
        boxes += step.exact.boxes if step.exact is not None else _by_manifests(step.changes, versions)
        appended_only &= step.exact.added_only if step.exact is not None else step.changes.appended_only
    return boxes, appended_only


@dataclass(frozen=True, slots=True)
class _Step:
    """What differs between two snapshots: their files, and their rows where these could be compared."""

    changes: FileChanges
    exact: Differing | None


def _between(before: Snapshot | None, after: Snapshot, versions: _Versions) -> _Step:
    changes = changed_files(before, after, versions.io)
    older = None if before is None else Side(before, versions.until, versions.io)
    return _Step(changes, differing_rows(changes, older, Side(after, versions.until, versions.io), versions.columns))


def _by_manifests(changes: FileChanges, versions: _Versions) -> list[Box]:
    schema, specs = versions.columns, {**versions.since.specs(), **versions.until.specs()}
    rows = (*changes.removed, *changes.added, *changes.concerned)
    by_values = [file for file in changes.deletes if file.content == DataFileContent.EQUALITY_DELETES]
    return [
        *(box_of(file, specs[file.spec_id], schema) for file in rows),
        *(box_of_values(file, specs[file.spec_id], schema) for file in by_values),
    ]
