"""Columns whose numbers are wider than Trino's are shown in another type, and the user is told."""

from __future__ import annotations

from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, VARCHAR, array, decimal
from gateway.models import TableAccess
from gateway.planning.notices import MOST, notices

NAME = TableName("clickhouse", "marts", "counters")
COLUMNS = (
    Column("n", BIGINT, native_type="Int64"),
    Column("wide", decimal(38), native_type="Nullable(UInt128)"),
    Column("wider", VARCHAR, native_type="Int256"),
    Column("list", array(VARCHAR), native_type="Array(UInt256)"),
)
KINDS = {"ch": "clickhouse", "lake": "lake"}


def told(*read: str, engine: str = "ch") -> tuple[str, ...]:
    """Return the notices of a query that reads these columns."""
    return notices((TableAccess(NAME, "select", read),), (Table(NAME, COLUMNS, engine),), KINDS)


def test_every_wide_column_that_is_read_is_named_with_how_it_is_shown() -> None:
    assert told("n", "wide", "wider", "list") == (
        "Column 'clickhouse.marts.counters.wide' shows UInt128 as decimal(38,0); a number with more digits ends the query",
        "Column 'clickhouse.marts.counters.wider' shows Int256 as varchar, by its digits; numbers are compared and sorted as text",
        "Column 'clickhouse.marts.counters.list' shows UInt256 as varchar, by its digits; numbers are compared and sorted as text",
    )


def test_columns_that_are_not_read_and_other_engines_are_not_mentioned() -> None:
    assert told("n") == ()
    assert told("wide", engine="lake") == ()


def test_a_wide_table_does_not_drown_the_answer_in_notices() -> None:
    columns = tuple(Column(f"c{i}", VARCHAR, native_type="Int256") for i in range(50))
    access = TableAccess(NAME, "select", tuple(c.name for c in columns))
    assert len(notices((access,), (Table(NAME, columns, "ch"),), KINDS)) == MOST
