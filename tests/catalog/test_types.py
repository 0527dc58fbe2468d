"""Types: their texts, as people and as the wire are shown them, and reading them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.types import (
    BIGINT,
    CANONICAL_BASES,
    VARCHAR,
    TrinoType,
    array,
    decimal,
    display_text,
    is_known,
    map_of,
    parse_type,
    row,
    timestamp,
    type_text,
    varchar,
)

# Written form, wire text, display text; measured on Trino 476.
TEXTS = [
    ("varchar", "varchar", "varchar"),
    ("varchar(2147483647)", "varchar", "varchar"),
    ("varchar(5)", "varchar(5)", "varchar(5)"),
    ("char", "char(1)", "char(1)"),
    ("DECIMAL", "decimal(38, 0)", "decimal(38,0)"),
    ("decimal(5)", "decimal(5, 0)", "decimal(5,0)"),
    ("decimal(9,2)", "decimal(9, 2)", "decimal(9,2)"),
    ("int", "integer", "integer"),
    ("double precision", "double", "double"),
    ("timestamp", "timestamp(3)", "timestamp(3)"),
    ("TIMESTAMP WITH TIME ZONE", "timestamp(3) with time zone", "timestamp(3) with time zone"),
    ("time(6) with time zone", "time(6) with time zone", "time(6) with time zone"),
    ("interval day to second", "INTERVAL DAY TO SECOND", "interval day to second"),
    ("INTERVAL YEAR TO MONTH", "INTERVAL YEAR TO MONTH", "interval year to month"),
    ("hyperloglog", "HyperLogLog", "HyperLogLog"),
    ("geometry", "Geometry", "Geometry"),
    ("qdigest(bigint)", "qdigest(bigint)", "qdigest(bigint)"),
    ("array(varchar(1))", "array(varchar(1))", "array(varchar(1))"),
    ("map(varchar,bigint)", "map(varchar, bigint)", "map(varchar, bigint)"),
    ("row(integer, integer)", "row(integer, integer)", "row(integer, integer)"),
    ("row(a bigint, b varchar)", "row(a bigint, b varchar)", "row(a bigint, b varchar)"),
    ('row("B b" decimal(10, 2))', 'row("B b" decimal(10, 2))', "row(B b decimal(10,2))"),
    ('row("select" integer, "1a" integer)', 'row("select" integer, "1a" integer)', "row(select integer, 1a integer)"),
    ('row("a""b" integer)', 'row("a""b" integer)', 'row(a"b integer)'),
    ("row(_a integer)", 'row("_a" integer)', "row(_a integer)"),
    (
        "row(d row(x time(2)), timestamp(3))",
        "row(d row(x time(2)), timestamp(3))",
        "row(d row(x time(2)), timestamp(3))",
    ),
]


@pytest.mark.parametrize(("written", "wire", "display"), TEXTS)
def test_a_type_is_read_and_shown_as_trino_shows_it(written: str, wire: str, display: str) -> None:
    kind = parse_type(written)
    assert type_text(kind) == wire
    assert display_text(kind) == display == str(kind)
    assert parse_type(wire) == kind


def test_display_text_of_rows_is_read_back_although_names_are_not_quoted() -> None:
    text = "row(a bigint, B b varchar, C decimal(3,1), d row(x time(2)), timestamp(3))"
    kind = parse_type(text)
    assert kind.fields == ("a", "B b", "C", "d", None)
    assert display_text(kind) == text


def test_unknown_types_are_kept_by_name() -> None:
    kind = parse_type("row(x frobnicator(3), y bigint)")
    assert type_text(kind) == "row(x frobnicator(3), y bigint)"
    assert not is_known(kind)


@pytest.mark.parametrize("text", ["", "()", "array(", "row()", "varchar(bigint)", "map(bigint))", 'row("a bigint)'])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type|length"):
        parse_type(text)


def test_one_type_has_one_value() -> None:
    assert varchar(None) == varchar(2**31 - 1) == VARCHAR == parse_type("VARCHAR")
    assert parse_type("timestamp") == timestamp(3)
    assert map_of(VARCHAR, array(BIGINT)) == parse_type("map(varchar, array(bigint))")


_PLAIN = sorted(set(CANONICAL_BASES.values()) - {"array", "map", "row", "decimal", "varchar", "char", "qdigest"})
_SIMPLE = st.one_of(
    st.sampled_from(_PLAIN).map(parse_type),
    st.integers(1, 38).flatmap(lambda p: st.integers(0, p).map(lambda s: decimal(p, s))),
    st.integers(0, 70_000).map(varchar),
    st.integers(0, 12).map(lambda p: timestamp(p, zone=True)),
)
_NAMES = st.one_of(st.none(), st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8))
TYPES: st.SearchStrategy[TrinoType] = st.recursive(
    _SIMPLE,
    lambda inner: st.one_of(
        inner.map(array),
        st.tuples(inner, inner).map(lambda pair: map_of(*pair)),
        st.lists(st.tuples(_NAMES, inner), min_size=1, max_size=4).map(lambda fields: row(*fields)),
    ),
    max_leaves=6,
)


@given(TYPES)
def test_every_wire_text_is_read_back(kind: TrinoType) -> None:
    assert parse_type(type_text(kind)) == kind
