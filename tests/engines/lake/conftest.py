"""A small lake: one warehouse with tables of every type, and an engine over it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
import pytest_asyncio
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from engines.lake.engine import LakeEngine
from tests.engines.lake.asking import Lake

EVERY_TYPE = Schema(
    NestedField(1, "id", LongType(), required=True, doc="number of the row"),
    NestedField(2, "flag", BooleanType(), required=False),
    NestedField(3, "i", IntegerType(), required=False),
    NestedField(4, "r", FloatType(), required=False),
    NestedField(5, "d", DoubleType(), required=False),
    NestedField(6, "dec", DecimalType(38, 10), required=False),
    NestedField(7, "Name", StringType(), required=False),
    NestedField(8, "bytes", BinaryType(), required=False),
    NestedField(9, "fixed", FixedType(2), required=False),
    NestedField(10, "day", DateType(), required=False),
    NestedField(11, "clock", TimeType(), required=False),
    NestedField(12, "ts", TimestampType(), required=False),
    NestedField(13, "tz", TimestamptzType(), required=False),
    NestedField(14, "u", UUIDType(), required=False),
    NestedField(15, "list", ListType(16, LongType(), element_required=False), required=False),
    NestedField(17, "map", MapType(18, StringType(), 19, LongType(), value_required=False), required=False),
    NestedField(
        20,
        "row",
        StructType(
            NestedField(21, "a", LongType(), required=False), NestedField(22, "B b", StringType(), required=False)
        ),
        required=False,
    ),
)
ROW = {
    "id": 1,
    "flag": True,
    "i": -5,
    "r": 0.1,
    "d": 1e22,
    "dec": Decimal("1.0000000001"),
    "Name": "é'\"",
    "bytes": b"\x00",
    "fixed": b"ab",
    "day": date(1969, 12, 31),
    "clock": time(1, 2, 3, 4),
    "ts": datetime(1, 1, 1),
    "tz": datetime(2020, 3, 8, 7, 30, tzinfo=UTC),
    "u": uuid.UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59").bytes,
    "list": [1, None],
    "map": [("k", 1), ("z", None)],
    "row": {"a": 1, "B b": "x"},
}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    """Make a catalog with an empty schema `s` and `s.every`, one row of each type and one of NULLs."""
    uri = f"sqlite:///{tmp_path}/catalog.db"
    catalog = SqlCatalog("lake", uri=uri, warehouse=(tmp_path / "warehouse").as_uri())
    catalog.create_namespace("s")
    table = catalog.create_table("s.every", EVERY_TYPE, properties={"comment": "all types"})
    nulls = {**dict.fromkeys(ROW), "id": 2}
    table.append(pa.Table.from_pylist([ROW, nulls], schema=table.schema().as_arrow()))
    yield catalog
    catalog.close()


@pytest_asyncio.fixture
async def lake(catalog: SqlCatalog) -> AsyncIterator[Lake]:
    """Start an engine over the catalog; ask it by `lake.ask(sql)`."""
    engine = LakeEngine(
        "lake", {"lake": {k: str(v) for k, v in catalog.properties.items() if k in ("uri", "warehouse")}}
    )
    await engine.start()
    yield Lake(engine)
    await engine.close()
