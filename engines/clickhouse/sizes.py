"""How much ClickHouse tables hold, by its system tables: rows and parts, and the stored bytes of each column.

Wide parts say what each column takes. Compact parts say it of all columns together: that is split by how well a sample
of each column compresses (measured: their columns are read each by itself, too).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.objects import Table, TableName

SAMPLE_ROWS = 65_536


class Held(NamedTuple):
    """Bytes of one column, or of all."""

    compressed: float
    uncompressed: float


@dataclass(frozen=True, slots=True)
class TableSizes:
    """What a table holds at one version."""

    version: str
    engine: str
    rows: int | None
    bytes: int | None
    """Compressed, of all columns; None where the server does not say."""
    columns: Mapping[str, Held] = field(default_factory=dict)
    """By the server's names; empty for engines whose columns cannot be told apart."""
    partition_key: str = ""
    sorting_key: str = ""
    partitions: int = 0
    parts: int = 0
    sampled: bool = False
    """Whether columns of compact parts were split by a sample."""

    @property
    def by_parts(self) -> bool:
        """Tell whether it is one of the MergeTree family, whose parts can be pruned."""
        return self.engine.endswith("MergeTree")


class PartsRow(NamedTuple):
    """One row of `parts_question`: all active parts of one kind of a table."""

    database: str
    table: str
    kind: str
    parts: str
    rows: str
    compressed: str
    uncompressed: str
    partitions: str


class TableRow(NamedTuple):
    """One row of `tables_question`."""

    database: str
    table: str
    engine: str
    rows: str
    bytes: str
    partition_key: str
    sorting_key: str
    version: str


def native(table: Table) -> tuple[str, str]:
    """Return the server's own names of a table."""
    database, name = table.native_name or (table.name.schema, table.name.table)
    return database, name


def tables_question(tables: Iterable[Table]) -> str:
    """Ask for several tables what they are, and for the version of their data: a digest of their active parts."""
    names = listed(tables)
    return f"""
SELECT t.database AS d, t.name AS n, t.engine, ifNull(toString(t.total_rows), ''), ifNull(toString(t.total_bytes), ''),
  t.partition_key, t.sorting_key,
  lower(hex(sipHash64(t.metadata_modification_time, ifNull(t.total_rows, 0), ifNull(t.total_bytes, 0), p.digest)))
FROM system.tables AS t
LEFT JOIN (
  SELECT database, table, groupBitXor(sipHash64(name, modification_time, rows, bytes_on_disk)) AS digest
  FROM system.parts WHERE active AND (database, table) IN ({names}) GROUP BY database, table
) AS p ON p.database = t.database AND p.table = t.name
WHERE (t.database, t.name) IN ({names})
"""  # noqa: S608  (names are quoted by `listed`)


def parts_question(table: Table) -> str:
    """Ask for the parts of a table, a row for each kind of part."""
    return f"""
SELECT database, table, toString(part_type) AS kind, toString(count()), toString(sum(rows)),
  toString(sum(data_compressed_bytes)), toString(sum(data_uncompressed_bytes)), toString(uniqExact(partition_id))
FROM system.parts WHERE active AND (database, table) IN ({listed([table])}) GROUP BY database, table, kind
"""  # noqa: S608  (our own text and quoted names)


def columns_question(table: Table) -> str:
    """Ask for the columns' bytes in wide parts."""
    return f"""
SELECT column, toString(sum(column_data_compressed_bytes)), toString(sum(column_data_uncompressed_bytes))
FROM system.parts_columns
WHERE active AND part_type = 'Wide' AND (database, table) IN ({listed([table])}) GROUP BY column
"""  # noqa: S608  (our own text and quoted names)


def sample_question(table: Table, *, measured: bool = True) -> str:
    """Ask how large a sample of each column is, in memory and (`measured`) compressed."""
    names = [identifier(column.native_name or column.name) for column in table.columns]
    kinds = [column.native_type or "" for column in table.columns]
    figures = ", ".join(
        f"toString({_stored_size(name, kind)}), toString({_ratio(name, kind) if measured else 1})"
        for name, kind in zip(names, kinds, strict=True)
    )
    place = ".".join(identifier(part) for part in native(table))
    return f"SELECT {figures} FROM (SELECT {', '.join(names)} FROM {place} LIMIT {SAMPLE_ROWS})"  # noqa: S608  (our own text and quoted names)


def _stored_size(name: str, kind: str) -> str:
    """Return what a column takes where it is stored: texts have a byte for their length there, in memory eight."""
    match kind:
        case "String":
            return f"sum(length({name})) + count()"
        case "Nullable(String)":
            return f"sum(ifNull(length({name}), 0)) + 2 * count()"
    return f"sum(byteSize({name}))"


_WIDTHS = {
    "8": 1, "16": 2, "32": 4, "64": 8, "128": 16, "256": 32, "Bool": 1, "Date": 2, "DateTime": 4, "UUID": 16,
    "IPv4": 4, "IPv6": 16, "String": 16,
}  # fmt: skip
_WIDTH = re.compile(
    r"(?:U?Int|Float|Enum|Date|DateTime|Decimal)?(?P<key>8|16|32|64|128|256|Bool|Date|DateTime|UUID|IPv[46]|String)\b"
)
_DECIMAL = re.compile(r"Decimal\((\d+)")
_GRANULE_ROWS = 8192


def _ratio(name: str, kind: str) -> str:
    """Return how a column is asked to compress: in blocks of a granule, as compact parts hold their columns."""
    return f"estimateCompressionRatio('LZ4', {_GRANULE_ROWS * _width(kind)})({name})"


def _width(kind: str) -> int:
    """Return about how many bytes a value of a type takes where it is stored."""
    bare = kind.removeprefix("LowCardinality(").removeprefix("Nullable(")
    if (decimal := _DECIMAL.match(bare)) is not None:
        digits = int(decimal[1])
        return next((width for most, width in ((9, 4), (18, 8), (38, 16)) if digits <= most), 32)
    found = _WIDTH.match(bare)
    return _WIDTHS[found["key"]] if found is not None else 8


def read_sample(table: Table, row: Sequence[str]) -> dict[str, Held]:
    """Read what a sample answered."""
    names = [column.native_name or column.name for column in table.columns]
    found = {}
    for name, size, ratio in zip(names, row[::2], row[1::2], strict=True):
        uncompressed, times = float(size), float(ratio)
        found[name] = Held(uncompressed / times if times > 0 else uncompressed, uncompressed)
    return found


def sizes_of(
    table: TableRow, parts: Sequence[PartsRow], wide: Iterable[Sequence[str]], sample: Mapping[str, Held]
) -> TableSizes:
    """Put together what is known of a table."""
    if not parts:
        nothing = table.engine.endswith("MergeTree")
        rows, size = _whole(table.rows), _whole(table.bytes)
        return TableSizes(
            table.version,
            table.engine,
            0 if nothing else rows,
            0 if nothing else size,
            partition_key=table.partition_key,
            sorting_key=table.sorting_key,
        )
    columns: defaultdict[str, Held] = defaultdict(lambda: Held(0.0, 0.0))
    for name, compressed, uncompressed in wide:
        columns[name] = Held(float(compressed), float(uncompressed))
    compact = [each for each in parts if each.kind != "Wide"]
    told = any(held.compressed > 0 for held in sample.values())  # not where all its rows are marked as deleted
    for name, share in _shares(compact, sample if told else dict(columns)).items():
        columns[name] = Held(
            columns[name].compressed + share.compressed, columns[name].uncompressed + share.uncompressed
        )
    return TableSizes(
        table.version,
        table.engine,
        rows=sum(int(each.rows) for each in parts),
        bytes=sum(int(each.compressed) for each in parts),
        columns=dict(columns),
        partition_key=table.partition_key,
        sorting_key=table.sorting_key,
        partitions=max(int(each.partitions) for each in parts),
        parts=sum(int(each.parts) for each in parts),
        sampled=bool(compact),
    )


def _shares(compact: Sequence[PartsRow], sample: Mapping[str, Held]) -> Mapping[str, Held]:
    """Split the bytes of compact parts among columns, by the sample."""
    compressed, uncompressed = (sum(float(each[at]) for each in compact) for at in (5, 6))
    whole = Held(sum(each.compressed for each in sample.values()), sum(each.uncompressed for each in sample.values()))
    if whole.compressed <= 0 or whole.uncompressed <= 0:
        return {}
    return {
        name: Held(
            compressed * each.compressed / whole.compressed, uncompressed * each.uncompressed / whole.uncompressed
        )
        for name, each in sample.items()
    }


def identifier(name: str) -> str:
    """Quote a name as ClickHouse reads it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def literal(text: str) -> str:
    """Quote a text as ClickHouse reads it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def mentions(expression: str, name: str) -> bool:
    """Tell whether a key's expression speaks of a column."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", expression) is not None


def listed(tables: Iterable[Table]) -> str:
    """Return the names of tables as a list of pairs."""
    pairs = (native(table) for table in tables)
    return ", ".join(f"({literal(database)}, {literal(name)})" for database, name in pairs)


def condition_of(tables: Sequence[Table], column: str) -> str:
    """Return the condition that a row of a system table is about one of these, written so that it is found at once."""
    pairs = [native(table) for table in tables]
    databases, names = (", ".join(sorted({literal(pair[at]) for pair in pairs})) for at in (0, 1))
    return f"database IN ({databases}) AND {column} IN ({names}) AND (database, {column}) IN ({listed(tables)})"


def named(tables: Iterable[Table]) -> Mapping[tuple[str, str], TableName]:
    """Return the names that clients know, by the server's own."""
    return {native(table): table.name for table in tables}


def _whole(text: str) -> int | None:
    return int(text) if text else None
