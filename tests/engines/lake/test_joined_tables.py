"""Tables that are joined: DuckDB knows how long they are where files allow it, and the values are those of one alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from engines.lake.file_schemas import say_the_same
from engines.lake.iceberg_types import folded_columns
from engines.lake.reading import files_query, local_path
from tests.engines.lake.asking import Lake

FLAT = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "Flag", BooleanType(), required=False),
    NestedField(3, "i", IntegerType(), required=False),
    NestedField(4, "r", FloatType(), required=False),
    NestedField(5, "d", DoubleType(), required=False),
    NestedField(6, "dec", DecimalType(38, 10), required=False),
    NestedField(7, "name", StringType(), required=False),
    NestedField(8, "bytes", BinaryType(), required=False),
    NestedField(9, "day", DateType(), required=False),
    NestedField(10, "ts", TimestampType(), required=False),
    NestedField(11, "tz", TimestamptzType(), required=False),
)
AT = datetime(2026, 3, 8, 9, 59, 59, 123456)
ROWS = [
    {
        "id": number, "Flag": bool(number % 2), "i": -number, "r": number / 3, "d": -0.0, "dec": Decimal("0.0000000001"),
        "name": f"ä{number}", "bytes": b"\x00\xff", "day": date(1969, 12, 31), "ts": AT, "tz": AT.replace(tzinfo=UTC),
    }
    for number in range(1000)
]  # fmt: skip


def options(catalog: SqlCatalog, name: str) -> str:
    """Return how the files of a table are read beside others."""
    table = catalog.load_table(name)
    return files_query(folded_columns(table.schema()), list(table.scan().plan_files()), sized=True)


@pytest.mark.asyncio
async def test_values_beside_another_table_are_those_of_a_table_alone(lake: Lake, catalog: SqlCatalog) -> None:
    flat = catalog.create_table("s.flat", FLAT)
    flat.append(pa.Table.from_pylist(ROWS, schema=flat.schema().as_arrow()))
    flat.append(pa.Table.from_pylist([{"id": number} for number in range(1000, 1600)], schema=flat.schema().as_arrow()))
    flat.append(pa.Table.from_pylist([{"id": 1600}], schema=flat.schema().as_arrow()))
    other = catalog.create_table("s.other", Schema(NestedField(1, "key", LongType(), required=False)))
    other.append(pa.table({"key": list(range(1601))}))
    alone = await lake.ask("SELECT * FROM flat ORDER BY id")
    assert await lake.ask("SELECT flat.* FROM flat JOIN other ON id = key ORDER BY id") == alone
    assert "schema = MAP" not in options(catalog, "s.flat")
    explained = duckdb.connect().execute(f"EXPLAIN {options(catalog, 's.flat')}")
    assert "~1,800 rows" in str(explained.fetchall()), "three times those of the file in the middle"


@pytest.mark.asyncio
async def test_a_table_whose_columns_changed_is_followed_by_id_beside_another(lake: Lake, catalog: SqlCatalog) -> None:
    schema = Schema(NestedField(1, "a", LongType(), required=False), NestedField(2, "b", StringType(), required=False))
    table = catalog.create_table("s.turned", schema)
    table.append(pa.table({"a": [1], "b": ["one"]}))
    with table.update_schema() as update:
        update.rename_column("a", "x")
    with table.update_schema() as update:
        update.rename_column("b", "a")
        update.add_column("c", LongType())
    table.append(pa.table({"x": [2], "a": ["two"], "c": [3]}))
    other = catalog.create_table("s.keys", Schema(NestedField(1, "key", LongType(), required=False)))
    other.append(pa.table({"key": [1, 2]}))
    asked = "SELECT turned.* FROM turned JOIN keys ON x = key ORDER BY x"
    assert await lake.ask(asked) == [[1, "one", None], [2, "two", 3]]
    assert "schema = MAP" in options(catalog, "s.turned")


@pytest.mark.parametrize(
    "type_", [TimeType(), UUIDType(), ListType(2, LongType(), element_required=False)], ids=["time", "uuid", "array"]
)
def test_what_files_hold_in_several_ways_is_always_mapped(catalog: SqlCatalog, type_: TimeType) -> None:
    table = catalog.create_table("s.several", Schema(NestedField(1, "v", type_, required=False)))
    table.append(pa.Table.from_pylist([{"v": None}], schema=table.schema().as_arrow()))
    assert "schema = MAP" in options(catalog, "s.several")


def test_a_file_that_is_gone_or_broken_says_nothing(catalog: SqlCatalog, tmp_path: Path) -> None:
    table = catalog.create_table("s.gone", Schema(NestedField(1, "v", LongType(), required=False)))
    table.append(pa.table({"v": [1]}))
    fields = folded_columns(table.schema())
    (path,) = (local_path(task.file.file_path) or "" for task in table.scan().plan_files())
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    assert say_the_same(fields, [path])
    assert not say_the_same(fields, [path, str(tmp_path / "broken.parquet")])
    assert not say_the_same(fields, [path, str(tmp_path / "none.parquet")])
