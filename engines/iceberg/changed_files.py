"""Which files two snapshots do not share. Files never change, and a manifest that both have is not even read."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, DataFileContent, ManifestContent, ManifestFile
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Operation, Snapshot

_PATH = 2147483546
"""The field of position deletes that names a data file."""
Key = tuple[str, int]
"""A file and the number of the commit that it counts as: deletes concern what is older than they are."""


@dataclass(frozen=True, slots=True)
class FileChanges:
    """What one snapshot has and the other has not."""

    removed: tuple[DataFile, ...] = ()
    added: tuple[DataFile, ...] = ()
    deletes: tuple[DataFile, ...] = ()
    """Delete files that only one of them has."""
    concerned: tuple[DataFile, ...] = ()
    """Data files that both have, in which these may delete rows by position."""

    @property
    def appended_only(self) -> bool:
        """Tell whether every row of the older snapshot is still there."""
        return not self.removed and not self.deletes

    @property
    def keeps_count(self) -> bool:
        """Tell whether as many rows come as go; where files of deletes are worked in there may be fewer."""
        gone, come = (sum(file.record_count for file in files) for files in (self.removed, self.added))
        return gone == come or (bool(self.deletes) and come < gone)

    @property
    def files(self) -> tuple[DataFile, ...]:
        """Return every file that must be read to know which rows differ."""
        return (*self.removed, *self.added, *self.deletes, *self.concerned)


def steps(
    metadata: TableMetadata, since: Snapshot | None, until: Snapshot
) -> Sequence[tuple[Snapshot | None, Snapshot]]:
    """Return the pairs of snapshots to compare: one by one where some commit between says that it changes no rows.

    Where not all commits between are known the two ends are compared, whatever lies between.
    """
    way = _way(metadata, since, until)
    if way is None or not any(_rewrites(each) for each in way):
        return [(since, until)]
    return [(since, way[0]), *itertools.pairwise(way)]


def is_rewriting(snapshot: Snapshot, *, of: Snapshot | None) -> bool:
    """Tell whether a commit follows right after another and says of itself that it changes no rows."""
    return snapshot.parent_snapshot_id == (None if of is None else of.snapshot_id) and _rewrites(snapshot)


def _rewrites(snapshot: Snapshot) -> bool:
    return snapshot.summary is not None and snapshot.summary.operation == Operation.REPLACE


def _way(metadata: TableMetadata, since: Snapshot | None, until: Snapshot) -> list[Snapshot] | None:
    """Return the commits after `since` up to `until`; None where one is forgotten, or they are no line."""
    start = None if since is None else since.snapshot_id
    way: list[Snapshot] = []
    at: int | None = until.snapshot_id
    while at != start:
        found = None if at is None else metadata.snapshot_by_id(at)
        if found is None:
            return None
        way.append(found)
        at = found.parent_snapshot_id
    return way[::-1]


def changed_files(before: Snapshot | None, after: Snapshot, io: FileIO) -> FileChanges:
    """Compare two snapshots, reading only manifests that differ. Raises what pyiceberg raises."""
    old = () if before is None else before.manifests(io)
    new = after.manifests(io)
    shared = {each.manifest_path for each in old} & {each.manifest_path for each in new}
    gone, come = _listed(old, shared, io), _listed(new, shared, io)
    removed, added = _without(gone.data, come.data), _without(come.data, gone.data)
    deletes = (*_without(gone.deletes, come.deletes), *_without(come.deletes, gone.deletes))
    fresh = {file.file_path for file in added}
    named = _concerned(deletes, new, io) if _by_position(deletes) else ()
    return FileChanges(removed, added, deletes, tuple(file for file in named if file.file_path not in fresh))


@dataclass(frozen=True, slots=True)
class _Listed:
    data: Sequence[tuple[Key, DataFile]]
    deletes: Sequence[tuple[Key, DataFile]]


def _listed(manifests: Iterable[ManifestFile], shared: set[str], io: FileIO) -> _Listed:
    data: list[tuple[Key, DataFile]] = []
    deletes: list[tuple[Key, DataFile]] = []
    for manifest in manifests:
        if manifest.manifest_path not in shared:
            (data if manifest.content == ManifestContent.DATA else deletes).extend(_entries(manifest, io))
    return _Listed(data, deletes)


def _entries(manifest: ManifestFile, io: FileIO) -> Iterator[tuple[Key, DataFile]]:
    for entry in manifest.fetch_manifest_entry(io, discard_deleted=True):
        yield (entry.data_file.file_path, entry.sequence_number or 0), entry.data_file


def _without(files: Sequence[tuple[Key, DataFile]], others: Sequence[tuple[Key, DataFile]]) -> tuple[DataFile, ...]:
    """Return the files that the others are not; one that is listed twice counts twice."""
    left = Counter(key for key, _ in others)
    found = []
    for key, file in files:
        if left[key]:
            left[key] -= 1
        else:
            found.append(file)
    return tuple(found)


def _by_position(deletes: Iterable[DataFile]) -> list[DataFile]:
    return [each for each in deletes if each.content == DataFileContent.POSITION_DELETES]


def _concerned(deletes: Sequence[DataFile], manifests: Iterable[ManifestFile], io: FileIO) -> Iterator[DataFile]:
    """Yield the live data files that position deletes may name: of their partition, and between their bounds."""
    paths: dict[tuple[int, tuple[object, ...]], list[tuple[bytes | None, bytes | None]]] = {}
    for each in _by_position(deletes):
        paths.setdefault(_partition(each), []).append((_bound(each.lower_bounds), _bound(each.upper_bounds)))
    for manifest in manifests:
        if manifest.content == ManifestContent.DATA:
            for _, file in _entries(manifest, io):
                name = file.file_path.encode()
                if any(
                    (low is None or low <= name) and (high is None or name <= high)
                    for low, high in paths.get(_partition(file), ())
                ):
                    yield file


def _partition(file: DataFile) -> tuple[int, tuple[object, ...]]:
    return file.spec_id, tuple(file.partition[at] for at in range(len(file.partition)))


def _bound(bounds: Mapping[int, bytes] | None) -> bytes | None:
    return (bounds or {}).get(_PATH)
