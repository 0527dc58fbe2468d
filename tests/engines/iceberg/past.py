"""A table whose past is asked for: written by pyiceberg, compared row by row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
)

from catalog.materialized_views import Bound, Change, Region
from catalog.objects import TableName
from engines.iceberg.catalogs import Catalogs
from engines.iceberg.history import History
from tests.engines.iceberg.tables import Written

NAME = TableName("lake", "s", "prices")
PRICES = Schema(
    NestedField(1, "hub", StringType(), required=False),
    NestedField(2, "ts", TimestampType(), required=False),
    NestedField(3, "tz", TimestamptzType(), required=False),
    NestedField(4, "day", DateType(), required=False),
    NestedField(5, "mw", LongType(), required=False),
    NestedField(6, "price", DecimalType(9, 2), required=False),
    NestedField(7, "d", DoubleType(), required=False),
)
START = datetime(2024, 3, 9)
Row = dict[str, Any]


class World:
    """One lake with one table, written by pyiceberg, and who tells its history."""

    def __init__(self, folder: Path) -> None:
        self.uri, self.warehouse = f"sqlite:///{folder}/c.db", (folder / "w").as_uri()
        self.catalog = SqlCatalog("lake", uri=self.uri, warehouse=self.warehouse)
        self.catalog.create_namespace("s")
        self.written = Written(self.catalog, "s.prices")
        self.history = History(Catalogs({"lake": {"type": "sql", "uri": self.uri, "warehouse": self.warehouse}}))

    def create(self, spec: PartitionSpec | None = None, **properties: str) -> Table:
        """Make the table anew."""
        if self.catalog.table_exists("s.prices"):
            self.catalog.drop_table("s.prices")
        return self.catalog.create_table(
            "s.prices", PRICES, partition_spec=spec or PartitionSpec(), properties={"format-version": "2", **properties}
        )

    @property
    def table(self) -> Table:
        """Return the table as it is now."""
        return self.catalog.load_table("s.prices")

    @property
    def version(self) -> str:
        """Return its present version."""
        return self.table.metadata_location

    def rows(self) -> list[Row]:
        """Return its present rows."""
        return self.table.scan().to_arrow().to_pylist()

    def append(self, *rows: Row) -> None:
        """Append rows in one commit, a file for each partition."""
        self.written.add(rows)

    def replace(self, *rows: Row) -> None:
        """Put other rows in the place of all there are, as pyiceberg itself does."""
        table = self.table
        table.overwrite(pa.Table.from_pylist(list(rows), schema=table.schema().as_arrow()))

    def since(self, version: str) -> Change:
        """Say what changed since a version."""
        return self.history.compare(NAME, version, self.version)


def row(hour: int, hub: str | None = "SP15", mw: int | None = 100, **more: Any) -> Row:
    """Make a row at an hour after the start."""
    ts = START + timedelta(hours=hour)
    made = {"hub": hub, "ts": ts, "tz": ts.replace(tzinfo=UTC), "day": ts.date(), "mw": mw, "price": Decimal("1.50")}
    return {**made, "d": 0.5, **more}


def value_of(text: str | None, example: Any) -> Any:
    """Read a bound's literal as a value like an example."""
    if text is None:
        return None
    body = text.split("'")[1] if "'" in text else text
    if isinstance(example, str):
        return text[1:-1].replace("''", "'")
    if isinstance(example, datetime):
        found = datetime.fromisoformat(body.removesuffix(" UTC"))
        return found.replace(tzinfo=UTC) if body.endswith("UTC") else found
    if isinstance(example, date):
        return date.fromisoformat(body)
    return Decimal(body)


def lies_in(each: Row, region: Region) -> bool:
    """Tell whether a row lies within a region."""
    return all(_within(each[bound.column], bound) for bound in region.bounds)


def _within(value: Any, bound: Bound) -> bool:
    if value is None:
        return bound.nulls
    low, high = value_of(bound.low, value), value_of(bound.high, value)
    return (low is None or low <= value) and (high is None or value <= high)


def differing(before: list[Row], after: list[Row]) -> list[Row]:
    """Return the rows that one side has more often than the other."""
    old, new = (Counter(repr(sorted(each.items())) for each in rows) for rows in (before, after))
    named = {repr(sorted(each.items())): each for each in [*before, *after]}
    return [named[key] for key in ((old - new) + (new - old))]
