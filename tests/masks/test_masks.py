"""Masks are total, keep type and NULL, and never let their input through; proven by running them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_expression
from catalog.objects import Column
from catalog.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    REAL,
    TINYINT,
    VARCHAR,
    TrinoType,
    array,
    char,
    decimal,
    timestamp,
    type_text,
    varchar,
)
from policies.faults import Unfit
from policies.mask_specs import MaskSpec
from policies.masks import HashKey, build_mask, fits

SPEC: TypeAdapter[MaskSpec] = TypeAdapter(MaskSpec)
KEYS = {"pii": HashKey(b"k" * 32, frozenset({"lake"}))}
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def masked(of: TrinoType, /, **spec: object) -> str:
    """Return a mask's text over a column `c`."""
    return generate(build_mask(SPEC.validate_python(spec), Column("c", of), "lake", KEYS))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def run(engine: duckdb.DuckDBPyConnection, mask: str, value: object, kind: str = "VARCHAR") -> Any:
    """Evaluate a mask over one value and check that its type is the column's."""
    row = engine.execute(f'SELECT {mask}, typeof({mask}) = typeof("c") FROM (SELECT CAST(? AS {kind}) AS "c")', [value])
    result, same_type = row.fetchall()[0]
    assert same_type
    return result


# what PostgreSQL-like engines take as text: no NUL, no lone surrogates
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("spec", "value", "shown"),
    [
        ({"kind": "email", "template": "user-****@****.com"}, "ada@corp.example", "user-****@****.com"),
        ({"kind": "email", "template": "user-****@****.com"}, "", "user-****@****.com"),
        ({"kind": "ssn"}, "123-45-6789", "***-**-6789"),
        ({"kind": "ssn"}, "123456789", "***-**-6789"),
        ({"kind": "ssn"}, "123-45-678x", "***-**-****"),
        ({"kind": "ssn"}, "6789", "***-**-****"),
        ({"kind": "ssn"}, "123-45-६७८९", "***-**-****"),
        ({"kind": "ssn"}, "123-45-6789\n", "***-**-****"),
        ({"kind": "card"}, "4111-1111-1111-1234", "****-****-****-1234"),
        ({"kind": "card"}, "378282246310005", "****-****-****-0005"),
        ({"kind": "card"}, "0005", "****-****-****-****"),
        ({"kind": "phone", "template": "***-***-4567"}, "+1-555-0101", "***-***-0101"),
        ({"kind": "first_n", "n": 2}, "Zoë Müller", "Zo****"),
        ({"kind": "first_n", "n": 3}, "Zoë", "****"),
        ({"kind": "first_n", "n": 1}, "😀😀", "😀****"),
        ({"kind": "last_n", "n": 2}, "a\nb\nc", "****\nc"),
        ({"kind": "last_n", "n": 2}, "ab", "****"),
        ({"kind": "last_n", "n": 1, "fill": "x"}, "ab", "xb"),
        ({"kind": "redact"}, "anything", "****"),
        ({"kind": "constant", "value": "it's"}, "x", "it's"),
        ({"kind": "null"}, "x", None),
    ],
)
def test_text_masks(engine: duckdb.DuckDBPyConnection, spec: dict[str, object], value: str, shown: str | None) -> None:
    assert run(engine, masked(VARCHAR, **spec), value) == shown


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "email"},
        {"kind": "ssn"},
        {"kind": "card"},
        {"kind": "phone"},
        {"kind": "first_n", "n": 3},
        {"kind": "last_n", "n": 3},
        {"kind": "redact"},
        {"kind": "constant", "value": "MASKED"},
        {"kind": "null"},
    ],
    ids=lambda spec: spec["kind"],
)
@SETTINGS
@given(value=TEXT)
def test_a_text_mask_is_total_and_hides(engine: duckdb.DuckDBPyConnection, spec: dict[str, object], value: str) -> None:
    mask = masked(VARCHAR, **spec)
    shown = run(engine, mask, value)
    assert run(engine, mask, None) is None
    if spec["kind"] == "null":
        assert shown is None
        return
    revealed = {"ssn": 4, "card": 4, "phone": 4, "first_n": 3, "last_n": 3}.get(str(spec["kind"]), 0)
    if revealed:
        fill = masked(VARCHAR, **spec).rpartition("ELSE '")[2].partition("'")[0]
        clear = shown[:revealed] if spec["kind"] == "first_n" else shown[-revealed:]
        assert shown == fill or (clear in value and len(value) > revealed)
        assert shown == fill or len(shown) <= len(fill) + revealed
    else:
        assert shown == run(engine, mask, "another value")


@SETTINGS
@given(value=TEXT, n=st.integers(1, 20))
def test_a_partial_mask_shows_nothing_of_values_that_fit_its_window(
    engine: duckdb.DuckDBPyConnection, value: str, n: int
) -> None:
    for kind in ("first_n", "last_n"):
        shown = run(engine, masked(VARCHAR, kind=kind, n=n), value)
        assert (shown == "****") is (len(value) <= n) or value[:n] == "" or shown != value


INTEGERS = st.integers(-(2**63), 2**63 - 1)


@SETTINGS
@given(value=INTEGERS)
def test_rounding_is_total_at_the_extremes(engine: duckdb.DuckDBPyConnection, value: int) -> None:
    shown = run(engine, masked(BIGINT, kind="round", to=100), value, "BIGINT")
    assert shown % 100 == 0
    assert abs(shown) <= abs(value) < abs(shown) + 100


@SETTINGS
@given(value=st.decimals("-99999999.99", "99999999.99", places=2))
def test_decimals_round_within_their_type(engine: duckdb.DuckDBPyConnection, value: object) -> None:
    mask = masked(decimal(10, 2), kind="round", to="0.5")
    shown = run(engine, mask, value, "DECIMAL(10, 2)")
    assert (shown * 2) % 1 == 0
    assert abs(shown) <= abs(value)  # type: ignore[arg-type]


@SETTINGS
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_round_without_failing(engine: duckdb.DuckDBPyConnection, value: float) -> None:
    shown = run(engine, masked(DOUBLE, kind="round", to=10), value, "DOUBLE")
    assert abs(shown) <= abs(value)


@pytest.mark.parametrize(
    ("kind", "to", "value", "shown"),
    [("year", DATE, "2026-07-09", "2026-01-01"), ("month", DATE, "2026-07-09", "2026-07-01")],
)
def test_dates_are_brought_to_the_start_of_their_period(
    engine: duckdb.DuckDBPyConnection, kind: str, to: TrinoType, value: str, shown: str
) -> None:
    assert str(run(engine, masked(to, kind=kind), value, "DATE")) == shown


@pytest.mark.parametrize(
    ("kind", "duck", "value", "shown"),
    [
        (BIGINT, "BIGINT", 5, "0"),
        (DOUBLE, "DOUBLE", 5.5, "0.0"),
        (decimal(9, 2), "DECIMAL(9, 2)", 5, "0.00"),
        (BOOLEAN, "BOOLEAN", True, "False"),
        (DATE, "DATE", "2026-07-09", "1970-01-01"),
        (timestamp(6), "TIMESTAMP", "2026-07-09 01:02:03", "1970-01-01 00:00:00"),
        (varchar(2), "VARCHAR", "x", "**"),
    ],
    ids=lambda value: str(value),
)
def test_redaction_knows_a_neutral_value_of_most_types(
    engine: duckdb.DuckDBPyConnection, kind: TrinoType, duck: str, value: object, shown: str
) -> None:
    mask = masked(kind, kind="redact")
    assert str(run(engine, mask, value, duck)) == shown
    assert run(engine, mask, None, duck) is None


def test_null_may_be_hidden_too(engine: duckdb.DuckDBPyConnection) -> None:
    for spec in ({"kind": "redact"}, {"kind": "email"}, {"kind": "constant", "value": "x"}):
        assert run(engine, masked(VARCHAR, **spec, nulls="hide"), None) is not None


@pytest.mark.parametrize(
    "kind",
    [
        VARCHAR,
        varchar(3),
        char(4),
        BIGINT,
        TINYINT,
        decimal(38, 10),
        REAL,
        DATE,
        timestamp(9, zone=True),
        JSON,
        array(VARCHAR),
    ],
    ids=str,
)
def test_null_fits_every_type(kind: TrinoType) -> None:
    assert masked(kind, kind="null").upper() == f"CAST(NULL AS {type_text(kind).upper()})"


MISFITS: list[tuple[TrinoType, dict[str, object]]] = [
    (BIGINT, {"kind": "email"}),
    (BIGINT, {"kind": "first_n", "n": 2}),
    (BIGINT, {"kind": "hash", "key": "pii"}),
    (char(20), {"kind": "ssn"}),
    (varchar(10), {"kind": "ssn"}),
    (varchar(10), {"kind": "email", "template": "user-****@****.com"}),
    (varchar(5), {"kind": "first_n", "n": 2}),
    (varchar(63), {"kind": "hash", "key": "pii"}),
    (varchar(5), {"kind": "constant", "value": "MASKED"}),
    (BIGINT, {"kind": "constant", "value": "MASKED"}),
    (TINYINT, {"kind": "constant", "value": 128}),
    (BOOLEAN, {"kind": "constant", "value": 1}),
    (decimal(4, 2), {"kind": "constant", "value": "100"}),
    (decimal(4, 2), {"kind": "constant", "value": "1.234"}),
    (DATE, {"kind": "constant", "value": "2026-02-30"}),
    (array(VARCHAR), {"kind": "redact"}),
    (VARCHAR, {"kind": "year"}),
    (VARCHAR, {"kind": "round", "to": 10}),
    (BIGINT, {"kind": "round", "to": "0.5"}),
    (TINYINT, {"kind": "round", "to": 128}),
    (decimal(4, 1), {"kind": "round", "to": "0.25"}),
    (VARCHAR, {"kind": "email", "template": "no address"}),
    (VARCHAR, {"kind": "email", "template": "user@host.com"}),
    (VARCHAR, {"kind": "ssn", "template": "123-45-6789"}),
    (VARCHAR, {"kind": "ssn", "template": "***-**-****"}),
    (VARCHAR, {"kind": "card", "template": "********45678"}),
    (VARCHAR, {"kind": "hash", "key": "unknown"}),
]


@pytest.mark.parametrize(("kind", "spec"), MISFITS, ids=str)
def test_a_mask_that_does_not_fit_its_column_is_refused_before_any_query(
    kind: TrinoType, spec: dict[str, object]
) -> None:
    with pytest.raises(Unfit):
        masked(kind, **spec)


def test_a_hash_needs_an_engine_that_keeps_query_texts_to_itself() -> None:
    spec = SPEC.validate_python({"kind": "hash", "key": "pii"})
    with pytest.raises(Unfit, match="cannot be handed to the engine trino"):
        build_mask(spec, Column("c", VARCHAR), "trino", KEYS)
    text = generate(build_mask(spec, Column("c", VARCHAR), "lake", KEYS))
    assert text == f"""CAST(lower(to_hex(hmac_sha256(to_utf8("c"), from_hex('{"6b" * 32}')))) AS VARCHAR)"""


ALL_KINDS: list[tuple[TrinoType, dict[str, object]]] = [
    (VARCHAR, {"kind": "email"}),
    (VARCHAR, {"kind": "ssn"}),
    (VARCHAR, {"kind": "card"}),
    (VARCHAR, {"kind": "phone"}),
    (VARCHAR, {"kind": "redact"}),
    (VARCHAR, {"kind": "null"}),
    (VARCHAR, {"kind": "first_n", "n": 2}),
    (VARCHAR, {"kind": "last_n", "n": 1}),
    (VARCHAR, {"kind": "hash", "key": "pii"}),
    (BIGINT, {"kind": "round", "to": 10}),
    (INTEGER, {"kind": "round", "to": 10}),
    (DOUBLE, {"kind": "round", "to": "0.25"}),
    (REAL, {"kind": "round", "to": 10}),
    (decimal(9, 1), {"kind": "round", "to": "0.5"}),
    (DATE, {"kind": "month"}),
    (timestamp(6), {"kind": "year"}),
    (timestamp(3, zone=True), {"kind": "month"}),
    (DATE, {"kind": "constant", "value": "2026-01-01"}),
    (BOOLEAN, {"kind": "constant", "value": True}),
]


@pytest.mark.parametrize(("kind", "spec"), ALL_KINDS, ids=str)
def test_the_text_of_a_mask_means_its_tree(kind: TrinoType, spec: dict[str, object]) -> None:
    tree = build_mask(SPEC.validate_python(spec), Column("c", kind), "lake", KEYS)
    assert parse_expression(generate(tree)) == tree


@pytest.mark.parametrize(
    ("found", "wanted", "fit"),
    [
        (VARCHAR, VARCHAR, True),
        (varchar(3), VARCHAR, True),
        (varchar(3), varchar(15), True),
        (VARCHAR, varchar(15), False),
        (varchar(16), varchar(15), False),
        (INTEGER, BIGINT, True),
        (BIGINT, INTEGER, False),
        (decimal(5, 2), decimal(9, 2), True),
        (decimal(9, 2), decimal(9, 4), False),
        (TrinoType("unknown"), DATE, True),
        (INTEGER, DOUBLE, True),
        (BIGINT, VARCHAR, False),
    ],
    ids=str,
)
def test_custom_masks_must_turn_into_the_columns_type_without_loss(
    found: TrinoType, wanted: TrinoType, fit: bool
) -> None:
    assert fits(found, wanted) is fit
