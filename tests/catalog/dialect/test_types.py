"""Trino's types, read and written."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.types import data_type, type_sql
from catalog.errors import Refusal


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("int", "INTEGER"),
        ("decimal(10,2)", "DECIMAL(10, 2)"),
        ("varchar(5)", "VARCHAR(5)"),
        ("timestamp(3) with time zone", "TIMESTAMP(3) WITH TIME ZONE"),
        ("time without time zone", "TIME"),
        ("array(int)", "ARRAY(INTEGER)"),
        ("array<map<varchar, double precision>>", "ARRAY(MAP(VARCHAR, DOUBLE))"),
        ("bigint array array", "ARRAY(ARRAY(BIGINT))"),
        ('row(A bigint, "B c" varchar, x row(y int))', 'ROW("a" BIGINT, "B c" VARCHAR, "x" ROW("y" INTEGER))'),
        ("row(bigint, varchar)", "ROW(BIGINT, VARCHAR)"),
        ("row(integer array, date date)", 'ROW(ARRAY(INTEGER), "date" DATE)'),
        ("row(integer array(bigint))", 'ROW("integer" ARRAY(BIGINT))'),
        ("row(t time with time zone)", 'ROW("t" TIME WITH TIME ZONE)'),
        ("interval day to second", "INTERVAL DAY TO SECOND"),
        ("interval year", "INTERVAL YEAR"),
    ],
)
def test_types_are_read_and_written_as_trino_does_and_as_sqlglot_holds_them(text: str, written: str) -> None:
    read = data_type(text)
    assert type_sql(read) == written
    assert data_type(written) == read
    assert exp.DataType.build(written, dialect="trino") == read


@pytest.mark.parametrize("text", ["qdigest(bigint)", "P4HyperLogLog", "Geometry", "color"])
def test_types_that_sqlglot_does_not_know_pass_by_name(text: str) -> None:
    assert type_sql(data_type(text)).lower() == text.lower()


@pytest.mark.parametrize("text", ["int8", "text", "string", "float", "datetime", "blob", "varchar2(3)", "double(3)"])
def test_types_of_other_dialects_are_unknown(text: str) -> None:
    with pytest.raises(Refusal, match="Unknown type"):
        data_type(text)


@pytest.mark.parametrize(
    "text", ["", "select", "varchar(a)", "decimal(1, 2, 3)", "row()", "row(", "map(int)", "array(int", "int int", "("]
)
def test_what_is_no_type_is_a_syntax_error(text: str) -> None:
    with pytest.raises(Refusal, match="mismatched input"):
        data_type(text)
