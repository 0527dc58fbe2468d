"""Which snapshot a table shows at the version or time that is asked for, by one of its metadata files."""

from __future__ import annotations

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from engines.history import Asked

_NAME_MAPPING = "schema.name-mapping.default"


def asked_snapshot(metadata: TableMetadata, asked: Asked) -> Snapshot | None:
    """Return a snapshot that has the columns of the present; None where there is none, or others may see another."""
    found = _by_version(metadata, asked.version) if asked.version is not None else _by_time(metadata, asked.millis)
    if found is None or found.schema_id is None:
        return None
    then = next((schema for schema in metadata.schemas if schema.schema_id == found.schema_id), None)
    now = metadata.schema()
    same = then is not None and then.fields == now.fields and then.identifier_field_ids == now.identifier_field_ids
    return found if same else None


def same_reading(one: TableMetadata, other: TableMetadata) -> bool:
    """Tell whether two metadata files are of one table, whose files are read by the same names."""
    mapping = (each.properties.get(_NAME_MAPPING) for each in (one, other))
    return one.table_uuid == other.table_uuid and len(set(mapping)) == 1


def _by_version(metadata: TableMetadata, version: int | str) -> Snapshot | None:
    if isinstance(version, int):
        return metadata.snapshot_by_id(version)
    reference = metadata.refs.get(version)
    return None if reference is None else metadata.snapshot_by_id(reference.snapshot_id)


def _by_time(metadata: TableMetadata, millis: int) -> Snapshot | None:
    """Return the last snapshot until then; None where clocks of writers leave open which that is."""
    until = [entry for entry in metadata.snapshot_log if entry.timestamp_ms <= millis]
    if not until:
        return None
    newest = max(entry.timestamp_ms for entry in until)
    last = {entry.snapshot_id for entry in until if entry.timestamp_ms == newest}
    return metadata.snapshot_by_id(last.pop()) if last == {until[-1].snapshot_id} else None
