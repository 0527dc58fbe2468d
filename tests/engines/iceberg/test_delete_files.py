"""Files of deletes concern the data files that they may speak of, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io import FileIO
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
    write_manifest_list,
)
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import Record
from pyiceberg.types import LongType, NestedField

from engines.iceberg.boxes import Range
from engines.iceberg.changed_files import _PATH, changed_files
from engines.iceberg.spans import box_of_values

SCHEMA = Schema(NestedField(1, "k", LongType(), required=False), NestedField(2, "v", LongType(), required=False))


class _Deletes(ManifestWriterV2):
    """Write a manifest of delete files, which pyiceberg itself never does."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class Writer:
    """Write snapshots of made up files."""

    def __init__(self, folder: Path, io: FileIO) -> None:
        self.folder, self.io, self.made = folder, io, 0

    def manifest(self, files: Sequence[DataFile], number: int) -> ManifestFile:
        """Write a manifest of data files, or of delete files, added by a commit."""
        self.made += 1
        kind = ManifestWriterV2 if files[0].content == DataFileContent.DATA else _Deletes
        output = self.io.new_output(f"{self.folder.as_uri()}/m{self.made}.avro")
        with kind(UNPARTITIONED_PARTITION_SPEC, SCHEMA, output, number, "null") as writer:
            for file in files:
                entry = ManifestEntry.from_args(status=ManifestEntryStatus.ADDED, snapshot_id=number, data_file=file)
                writer.add_entry(entry)
        return writer.to_manifest_file()

    def snapshot(self, number: int, manifests: Sequence[ManifestFile]) -> Snapshot:
        """Write a snapshot of manifests."""
        path = f"{self.folder.as_uri()}/s{number}.avro"
        with write_manifest_list(2, self.io.new_output(path), number, None, number, "null") as writer:
            writer.add_manifests(list(manifests))
        return Snapshot(snapshot_id=number, sequence_number=number, timestamp_ms=number, manifest_list=path)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    """Take the files of an empty table's catalog."""
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=(tmp_path / "w").as_uri())
    catalog.create_namespace("s")
    yield Writer(tmp_path, catalog.create_table("s.t", SCHEMA).io)
    catalog.close()


def file(name: str, content: DataFileContent = DataFileContent.DATA, **more: Any) -> DataFile:
    """Make up a file."""
    made = DataFile.from_args(
        content=content,
        file_path=f"file:///{name}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1,
        file_size_in_bytes=1,
        **more,
    )
    made.spec_id = 0
    return made


def by_position(low: str, high: str) -> DataFile:
    """Make up a file of deletes in data files between two paths."""
    bounds = [{_PATH: f"file:///{name}".encode()} for name in (low, high)]
    return file("d", DataFileContent.POSITION_DELETES, lower_bounds=bounds[0], upper_bounds=bounds[1])


def paths(files: Sequence[DataFile]) -> list[str]:
    """Return files by their names."""
    return sorted(each.file_path.removeprefix("file:///") for each in files)


def test_deletes_concern_the_older_files_between_their_bounds(writer: Writer) -> None:
    first = writer.manifest([file("a"), file("c"), file("e")], 1)
    before = writer.snapshot(1, [first])
    new, deletes = writer.manifest([file("b")], 2), writer.manifest([by_position("a", "c")], 2)
    found = changed_files(before, writer.snapshot(2, [first, new, deletes]), writer.io)
    assert (paths(found.removed), paths(found.added), paths(found.deletes)) == ([], ["b"], ["d"])
    assert paths(found.concerned) == ["a", "c"], "the new file is read as new, not as one that both have"
    assert not found.appended_only
    again = changed_files(writer.snapshot(3, [first, deletes]), writer.snapshot(4, [first]), writer.io)
    assert paths(again.concerned) == ["a", "c"], "deletes that are taken back bring rows back"


def test_a_file_that_counts_as_newer_than_its_deletes_is_another(writer: Writer) -> None:
    before = writer.snapshot(1, [writer.manifest([file("a")], 1)])
    found = changed_files(before, writer.snapshot(2, [writer.manifest([file("a")], 2)]), writer.io)
    assert (paths(found.removed), paths(found.added)) == (["a"], ["a"])


def test_a_file_that_is_listed_twice_counts_twice(writer: Writer) -> None:
    before = writer.snapshot(1, [writer.manifest([file("b")], 1)])
    twice = writer.snapshot(2, [writer.manifest([file("a"), file("a")], 2)])
    assert paths(changed_files(before, twice, writer.io).added) == ["a", "a"]


def test_deletes_by_values_are_enclosed_by_their_own_bounds() -> None:
    number = (7).to_bytes(8, "little", signed=True)
    told = {"lower_bounds": {1: number, 2: number}, "upper_bounds": {1: number, 2: number}}
    exact = file("q", DataFileContent.EQUALITY_DELETES, equality_ids=[1], null_value_counts={1: 0}, **told)
    assert box_of_values(exact, UNPARTITIONED_PARTITION_SPEC, SCHEMA) == {1: Range(7, 7, nulls=False)}
    silent = file("q", DataFileContent.EQUALITY_DELETES, equality_ids=[1])
    assert box_of_values(silent, UNPARTITIONED_PARTITION_SPEC, SCHEMA) == {}
