"""ClickHouse's type names and the Trino types they are shown as."""

from __future__ import annotations

import pytest

from engines.clickhouse.native_types import is_nullable, parse_native, trino_type

SHOWN = {
    "Bool": "boolean",
    "Int8": "tinyint",
    "Int16": "smallint",
    "Int32": "integer",
    "Int64": "bigint",
    "UInt8": "smallint",
    "UInt16": "integer",
    "UInt32": "bigint",
    "UInt64": "decimal(20,0)",
    "Int128": "decimal(38,0)",
    "UInt128": "decimal(38,0)",
    "Int256": "varchar",
    "UInt256": "varchar",
    "Float32": "real",
    "Float64": "double",
    "Decimal(9, 2)": "decimal(9,2)",
    "Decimal(38, 10)": "decimal(38,10)",
    "Decimal(76, 10)": None,
    "String": "varchar",
    "FixedString(3)": "varbinary",
    "LowCardinality(Nullable(String))": "varchar",
    "Enum8('a' = 1, 'b,(' = 2)": "varchar",
    "UUID": "uuid",
    "IPv4": "ipaddress",
    "IPv6": "ipaddress",
    "Date": "date",
    "Nullable(Date32)": "date",
    "DateTime": "timestamp(0)",
    "DateTime('Europe/Berlin')": "timestamp(0) with time zone",
    "DateTime64(9)": "timestamp(9)",
    "Nullable(DateTime64(3, 'UTC'))": "timestamp(3) with time zone",
    "Array(Nullable(Int64))": "array(bigint)",
    "Array(Array(String))": "array(array(varchar))",
    "Map(LowCardinality(String), Array(UInt32))": "map(varchar, array(bigint))",
    "Tuple(Int32, String)": "row(integer, varchar)",
    "Tuple(a Int32, `b c` Nullable(String))": "row(a integer, b c varchar)",
    "Nested(a Int32, b String)": "array(row(a integer, b varchar))",
    "SimpleAggregateFunction(sum, Int64)": "bigint",
    "AggregateFunction(uniq, String)": None,
    "JSON": None,
    "Variant(Int8, String)": None,
    "Dynamic": None,
    "Array(JSON)": None,
    "Tuple(a Int32, b Dynamic)": None,
    "Time64(3)": None,
    "Point": None,
    "Decimal(9, 2": None,
}


@pytest.mark.parametrize(("native", "shown"), SHOWN.items())
def test_each_type_is_shown_exactly_or_not_at_all(native: str, shown: str | None) -> None:
    found = trino_type(native)
    assert (str(found) if found is not None else None) == shown


def test_arguments_are_split_outside_of_quotes_and_brackets() -> None:
    parsed = parse_native("Tuple(`a\\`, b` Enum8('x,)' = 1), Map(String, Array(Int8)))")
    assert parsed.fields == ("a`, b", None)
    assert parsed.arguments == ("Enum8('x,)' = 1)", "Map(String, Array(Int8))")


def test_nullability_is_read_from_the_name() -> None:
    assert is_nullable("Nullable(Int8)")
    assert is_nullable("LowCardinality(Nullable(String))")
    assert not is_nullable("Array(Nullable(Int8))")
