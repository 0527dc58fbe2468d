"""Versions of the data in ClickHouse tables: for each partition what its parts hold, by a digest of their contents.

A version must change whenever a row does. The server tells that of the MergeTree family only: a table kept in memory
can be updated without a trace, so it has no version. Measured: new defaults of columns change values that no part holds
and no mutation tells of, so columns are part of a version; lightweight updates lie in partitions of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from catalog.objects import Table
from engines.clickhouse.sizes import condition_of

MOST_PARTITIONS = 500
"""Beyond them partitions are not kept apart: a version is asked for often, and kept beside every view."""
_PATCH = "patch-"
_PLAIN = "'MergeTree', 'ReplicatedMergeTree', 'SharedMergeTree'"
"""Engines whose merges leave every row as it is; also they do not where a TTL is."""


class Partition(msgspec.Struct, array_like=True, frozen=True):
    """What one partition holds."""

    value: str
    """As the server shows it: `202403`, `2024-03-09`, `('A',202403)`."""
    digest: str
    """Of the contents of its parts: the same contents have the same, whatever the parts are called."""
    last_block: int
    """Number of the latest insert; numbers only grow while the server runs."""
    rows: int
    mutated: int
    """Number of the latest mutation that its parts have been through; 0 for none."""


class PartVersion(msgspec.Struct, array_like=True, frozen=True):
    """What a table holds at one moment."""

    identity: str
    """Of the table and of its columns' types and defaults."""
    merging: bool
    """Merges may change rows: a replacing, collapsing or summing engine, or a TTL."""
    mutating: bool
    """A mutation was under way."""
    partitions: dict[str, Partition]
    """By the server's ids."""
    digest: str = ""
    """Of all partitions, where there are too many to be kept apart."""


class VersionRow(msgspec.Struct, array_like=True, frozen=True):
    """One row of `versions_question`."""

    database: str
    table: str
    engine: str
    identity: str
    merging: str
    mutating: str
    partitions: str


_PARTITIONS = msgspec.json.Decoder(list[tuple[str, str, str, str, str, str]])
_VERSION = msgspec.json.Decoder(PartVersion)


def versions_question(tables: Iterable[Table]) -> str:
    """Ask for the versions of several tables, a row each."""
    asked = list(tables)
    here, named_here = condition_of(asked, "table"), condition_of(asked, "name")
    return f"""
SELECT t.database, t.name, t.engine,
  lower(hex(sipHash64(t.uuid, if(t.uuid = toUUID('00000000-0000-0000-0000-000000000000'),
    toUInt32(t.metadata_modification_time), 0), c.digest))),
  toString(t.engine NOT IN ({_PLAIN}) OR position(t.create_table_query, ' TTL ') > 0), toString(m.open > 0),
  toJSONString(p.entries)
FROM (
  SELECT database, name, engine, uuid, metadata_modification_time, create_table_query
  FROM system.tables WHERE {named_here}
) AS t
LEFT JOIN (
  SELECT database, table,
    sipHash64(arraySort(groupArray((position, name, type, default_kind, default_expression)))) AS digest
  FROM system.columns WHERE {here} GROUP BY database, table
) AS c ON c.database = t.database AND c.table = t.name
LEFT JOIN (
  SELECT database, table, countIf(NOT is_done) AS open
  FROM system.mutations WHERE {here} GROUP BY database, table
) AS m ON m.database = t.database AND m.table = t.name
LEFT JOIN (
  SELECT database, table, groupArray((partition_id, value, digest, last, held, mutated)) AS entries FROM (
    SELECT database, table, partition_id, any(partition) AS value,
      lower(hex(sum(sipHash64(hash_of_all_files, rows)))) AS digest, toString(max(max_block_number)) AS last,
      toString(sum(rows)) AS held, toString(maxIf(data_version, data_version > min_block_number)) AS mutated
    FROM system.parts WHERE active AND {here} GROUP BY database, table, partition_id
    ORDER BY database, table, partition_id
  ) GROUP BY database, table
) AS p ON p.database = t.database AND p.table = t.name
"""  # noqa: S608  (names are quoted)


def version_text(row: VersionRow) -> str | None:
    """Return a version as text; None for a table that does not tell when its rows change."""
    if not row.engine.endswith("MergeTree"):
        return None
    found = {
        number: Partition(value, digest, int(last), int(rows), int(mutated))
        for number, value, digest, last, rows, mutated in _PARTITIONS.decode(row.partitions)
    }
    whole = "" if len(found) <= MOST_PARTITIONS else _digest(found)
    version = PartVersion(
        row.identity, row.merging == "1", row.mutating == "1", {} if whole else dict(sorted(found.items())), whole
    )
    return msgspec.json.encode(version).decode()


def read_version(text: str) -> PartVersion | None:
    """Read a version; None where it is none of ours."""
    try:
        return _VERSION.decode(text)
    except msgspec.MsgspecError:
        return None


def changed_partitions(
    since: PartVersion, until: PartVersion
) -> Mapping[str, tuple[Partition | None, Partition | None]]:
    """Return the partitions that do not hold the same, by their ids, as they were and as they are.

    What a lightweight update adds lies beside the partition that it changes: that one is named.
    """
    found: dict[str, tuple[Partition | None, Partition | None]] = {}
    for number in sorted(since.partitions.keys() | until.partitions.keys()):
        before, after = since.partitions.get(number), until.partitions.get(number)
        if (before and before.digest) != (after and after.digest):
            base = _patched(number)
            found[base] = since.partitions.get(base), until.partitions.get(base)
    return found


def patched_partitions(version: PartVersion) -> frozenset[str]:
    """Return the partitions of which rows were updated lightly."""
    return frozenset(_patched(number) for number in version.partitions if number.startswith(_PATCH))


def _patched(number: str) -> str:
    """Return the partition that a patch is for: `patch-<digest>-<partition>`."""
    return number.removeprefix(_PATCH).partition("-")[2] if number.startswith(_PATCH) else number


def _digest(partitions: Mapping[str, Partition]) -> str:
    return hashlib.sha256(msgspec.json.encode(dict(sorted(partitions.items())))).hexdigest()
