"""The attack world: every hidden row and every raw value carries a canary, and copies hold what is left of it.

`sales` is the real schema. Each who sees a part of it has a twin, who sees all of a copy: hidden rows deleted, masked
columns replaced, the denied column gone. The same statement of both must end in the same way. A copy's name differs
from the original's in its last letter only, so that texts and types keep their lengths.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.schema import Schema
from pyiceberg.types import (
    DecimalType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)


@dataclass(frozen=True, slots=True)
class Twin:
    """Who asks the copies instead of a user, and by what names."""

    user: str
    role: str
    schema: str
    sandbox: str = "sandbor"


TWINS = {
    "EU": Twin("anr", "analysr", "saler"),
    "US": Twin("bor", "americar", "salea"),
    "": Twin("nor", "nobody", "salen"),
}
"""The twins, by the region of the orders that they see; the last sees none."""
REGIONS = {"ana": "EU", "bob": "US"}
"""What the users of the world see; `partner-x` brings a region in a claim."""
NAMES = {"sales": ("saler", "salea", "salen"), "sandbox": ("sandbor",), "ana": ("anr",), "bob": ("bor",),
         "analyst": ("analysr",), "american": ("americar",)}  # fmt: skip
"""Names of the world, and what the copies call them."""
CANARIES = ("CANARY", "ceo@corp.com", "94000000000", "95000000000", "9600960096", "1987-06-05")
"""What begins the values that are hidden."""
MASKED = "user-****@****.com"
_TEXT, _LONG = StringType(), LongType()
_SSN = StructType(NestedField(90, "ssn", _TEXT), NestedField(91, "note", _TEXT))
ORDERS: dict[str, IcebergType] = {
    "order_id": _LONG,
    "region": _TEXT,
    "amount": DecimalType(12, 2),
    "customer_email": _TEXT,
    "customer_id": _LONG,
    "ts": TimestamptzType(),
    "card_number": _TEXT,
    "attrs": _SSN,
    "tags": ListType(92, _TEXT),
}
COMMENTS = {("sales", "orders", "card_number"): "CANARY-comment: denied"}
CUSTOMERS: dict[str, IcebergType] = {"customer_id": _LONG, "name": _TEXT, "card_number": _TEXT}


def _order(number: int, region: str | None, amount: str, email: str | None, *, hidden: bool = False) -> dict[str, Any]:
    """Make an order; of a hidden one every value is a canary."""
    return {
        "order_id": 940000000000 + number if hidden else number,
        "region": region,
        "amount": Decimal(amount),
        "customer_email": email,
        "customer_id": 950000000000 + number if hidden else 70 + number % 2,
        "ts": dt.datetime(1987, 6, 5, 1, tzinfo=dt.UTC) if hidden else dt.datetime(2026, 1, number, tzinfo=dt.UTC),
        "card_number": f"4111-CANARY-card-{number}",
        "attrs": {"ssn": f"CANARY-ssn-{number}", "note": f"CANARY-note-{number}" if hidden else f"note {number}"},
        "tags": [f"CANARY-tag-{number}"] if hidden else ["a", "b"][: number - 1],
    }


ROWS = [
    _order(1, "EU", "10.00", "ceo@corp.com"),
    _order(2, "EU", "30.50", "CANARY-mail-2@corp.com"),
    _order(3, "EU", "20.00", None),
    _order(4, "US", "9600960096.04", "CANARY-mail-4@corp.com", hidden=True),
    _order(5, "US", "9600960096.05", None, hidden=True),
    _order(6, None, "9600960096.06", "CANARY-mail-6@corp.com", hidden=True),
]


def reduced(region: str) -> list[dict[str, Any]]:
    """Return the orders as policy leaves them to one who sees a region."""
    left = [dict(row) for row in ROWS if row["region"] == region]
    for row in left:
        del row["card_number"]
        row["customer_email"] = row["customer_email"] and MASKED
        row["attrs"] = {**row["attrs"], "ssn": None}
    return left


_REDUCED = {name: kind for name, kind in ORDERS.items() if name != "card_number"}
CLIENTS = [
    {"customer_id": 70, "name": "Ada", "card_number": "x1"},
    {"customer_id": 71, "name": "Bo", "card_number": "x2"},
]
_T = ({"x": _LONG, "order_id": _LONG}, [{"x": 1, "order_id": 1}, {"x": 2, "order_id": 940000000004}])
_GUESS = ({"e": _TEXT}, [{"e": mail} for mail in ("ceo@corp.com", "CANARY-mail-2@corp.com", "CANARY-mail-4@corp.com")])
_SANDBOX: dict[str, tuple[Mapping[str, IcebergType], list[dict[str, Any]]]] = {"t": _T, "guess": _GUESS}
TABLES: dict[tuple[str, str], tuple[Mapping[str, IcebergType], list[dict[str, Any]]]] = {
    ("sales", "orders"): (ORDERS, ROWS),
    ("sales", "customers"): (CUSTOMERS, CLIENTS),
    **{(twin.schema, "orders"): (_REDUCED, reduced(region)) for region, twin in TWINS.items()},
    **{(twin.schema, "customers"): (CUSTOMERS, CLIENTS) for twin in TWINS.values()},
    ("hr", "salaries"): ({"person": _TEXT, "salary": _LONG}, [{"person": "CANARY-person", "salary": 940000000000}]),
    **{(schema, name): table for schema in ("sandbox", "sandbor", "kept") for name, table in _SANDBOX.items()},
}
"""The tables of the world, by schema and name; `kept` is what the sandboxes are made from again."""


def fill_lake(catalog: SqlCatalog) -> dict[str, int]:
    """Make the world's Iceberg tables; return the snapshots of orders, by schema."""
    snapshots = {}
    for (schema, name), (columns, rows) in TABLES.items():
        catalog.create_namespace_if_not_exists(schema)
        layout = Schema(
            *(
                NestedField(number, column, kind, required=False, doc=COMMENTS.get((schema, name, column)))
                for number, (column, kind) in enumerate(columns.items(), start=1)
            )
        )
        table = catalog.create_table((schema, name), layout)
        if rows:
            table.append(pa.Table.from_pylist(rows, schema=schema_to_pyarrow(table.schema())))
        snapshot = catalog.load_table((schema, name)).current_snapshot()
        if name == "orders" and snapshot is not None:
            snapshots[schema] = snapshot.snapshot_id
    return snapshots


_NATIVE = {
    "order_id": "Int64",
    "region": "Nullable(String)",
    "amount": "Decimal(12, 2)",
    "customer_email": "Nullable(String)",
    "customer_id": "Int64",
    "ts": "DateTime64(6, 'UTC')",
    "card_number": "String",
    "attrs": "Tuple(ssn Nullable(String), note Nullable(String))",
    "tags": "Array(String)",
    "name": "String",
    "person": "String",
    "salary": "Int64",
    "x": "Int64",
    "e": "String",
}


def fill_clickhouse(folder: Path) -> None:
    """Make the same world in a ClickHouse folder; needs a process of its own, since one process opens one folder."""
    import clickhouse_connect

    client = clickhouse_connect.get_client(interface="chdb", path=str(folder))
    try:
        for (schema, name), (columns, rows) in TABLES.items():
            client.command(f"CREATE DATABASE IF NOT EXISTS {schema}")
            layout = ", ".join(f"{column} {_NATIVE[column]}" for column in columns)
            client.command(f"CREATE TABLE {schema}.{name} ({layout}) ENGINE = MergeTree ORDER BY tuple()")
            if rows:
                client.command(f"INSERT INTO {schema}.{name} VALUES " + ", ".join(_native_row(row) for row in rows))
        for twin in ("twin", "Twin"):
            client.command(f"CREATE TABLE sales.{twin} (x Int64) ENGINE = MergeTree ORDER BY tuple()")
    finally:
        client.close()


def _native_row(row: Mapping[str, Any]) -> str:
    return "(" + ", ".join(_native(value) for value in row.values()) + ")"


def _native(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"'{value}'"
    if isinstance(value, dt.datetime):
        return f"'{value:%Y-%m-%d %H:%M:%S}'"
    if isinstance(value, list):
        return "[" + ", ".join(_native(each) for each in value) + "]"
    if isinstance(value, dict):
        return _native_row(value)
    return str(value)
