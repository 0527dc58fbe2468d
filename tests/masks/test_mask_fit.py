"""Masks that do not fit their column, or could show what they hide, are refused before any query."""

from __future__ import annotations

import pytest

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
    row,
    timestamp,
    type_text,
    varchar,
)
from policies.faults import Unfit
from policies.masks import HashKey, build_mask, fits
from policies.masks.keyed import derive
from tests.masks.engines import ADDRESS, CODE, KEYS, PERSON, PLANTS, SPEC, Spec, masked


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
    assert masked(kind, "lake", {"kind": "null"}).upper() == f"CAST(NULL AS {type_text(kind).upper()})"


MISFITS: list[tuple[TrinoType, Spec]] = [
    (BIGINT, {"kind": "email"}),
    (BIGINT, {"kind": "first_n", "n": 2}),
    (BIGINT, {"kind": "hash", "key": "pii"}),
    (char(10), {"kind": "ssn"}),
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
    (JSON, {"kind": "redact"}),
    (PERSON, {"kind": "redact"}),
    (DATE, {"kind": "day"}),
    (varchar(4), {"kind": "email", "show": "domain"}),
    (VARCHAR, {"kind": "email", "show": "domain", "template": "user@****.com"}),
    (BIGINT, {"kind": "noise", "key": "pii", "to": 1}),
    (TINYINT, {"kind": "noise", "key": "pii", "to": 100}),
    (DOUBLE, {"kind": "noise", "key": "pii", "to": 5}),
    (decimal(38, 2), {"kind": "noise", "key": "pii", "to": "0.001"}),
    (BIGINT, {"kind": "noise", "key": "unknown", "to": 5}),
    (INTEGER, {"kind": "token", "key": "pii"}),
    (varchar(31), {"kind": "token", "key": "pii"}),
    (varchar(32), {"kind": "token", "key": "pii", "prefix": "t"}),
    (BIGINT, {"kind": "bucket", "bounds": [10, 5]}),
    (BIGINT, {"kind": "bucket", "bounds": ["0.5"]}),
    (TINYINT, {"kind": "bucket", "bounds": [0, 128]}),
    (VARCHAR, {"kind": "bucket", "bounds": [0]}),
    (varchar(2), {"kind": "lookup", "values": {"a": "long"}, "otherwise": "x"}),
    (BIGINT, {"kind": "lookup", "values": {"a": "1"}, "otherwise": "0"}),
    (DATE, {"kind": "lookup", "values": {"a": "1"}, "otherwise": "0"}),
    (VARCHAR, {"kind": "fields", "fields": {"a": "redact"}}),
    (PERSON, {"kind": "fields", "fields": {"nobody": "redact"}}),
    (PERSON, {"kind": "fields", "fields": {"age": {"kind": "email"}}}),
    (row((None, VARCHAR)), {"kind": "fields", "fields": {"a": "redact"}}),
    (VARCHAR, {"kind": "elements", "mask": "redact"}),
    (array(BIGINT), {"kind": "elements", "mask": {"kind": "ssn"}}),
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
def test_a_mask_that_does_not_fit_its_column_is_refused_before_any_query(kind: TrinoType, spec: Spec) -> None:
    with pytest.raises(Unfit):
        masked(kind, "lake", spec)


def test_a_hash_needs_an_engine_that_keeps_query_texts_to_itself() -> None:
    keys = {"pii": HashKey(b"k" * 32, frozenset({"lake"}))}
    for kind in ({"kind": "hash"}, {"kind": "token"}, {"kind": "elements", "mask": {"kind": "hash", "key": "pii"}}):
        spec = SPEC.validate_python(kind if kind["kind"] == "elements" else {**kind, "key": "pii"})
        of = array(VARCHAR) if kind["kind"] == "elements" else VARCHAR
        with pytest.raises(Unfit, match="cannot be handed to the engine trino"):
            build_mask(spec, Column("c", of), "trino", keys)
        text = generate(build_mask(spec, Column("c", of), "lake", keys))
        assert derive(b"k" * 32, None, "pii").hex() in text
        assert (b"k" * 32).hex() not in text, "the key itself left the gateway"


PATTERNS_REFUSED = [
    *(r"^a$", r"\bword", r"a(?=b)", r"(?i)a", r"a++", r"a*?", r"[a-z&&[^b]]", r"\p{L}", r"\1", r"(a", r"a)", r"*a"),
    *(r"(a+)+", r"(a*b?)*", r"a*b*c*d*", r"[z-a]", r"a{3,2}", r"[[:alpha:]]", r"\s", "a\tb", "", r"[^]"),
]


@pytest.mark.parametrize("pattern", PATTERNS_REFUSED)
def test_a_pattern_that_engines_may_read_in_two_ways_or_for_long_is_refused(pattern: str) -> None:
    with pytest.raises((Unfit, ValueError)):
        masked(VARCHAR, "lake", {"kind": "regexp", "pattern": pattern})


@pytest.mark.parametrize(
    ("pattern", "show"),
    [("(.*)", "$1"), ("(a)|b", "$1"), ("(a)?b", "$1"), ("ab", "$1"), ("(a)b", "$2"), ("(a*)b*", "$1"), ("(a)b", "$")],
)
def test_a_pattern_that_could_show_the_whole_value_is_refused(pattern: str, show: str) -> None:
    with pytest.raises(Unfit):
        masked(VARCHAR, "lake", {"kind": "regexp", "pattern": pattern, "show": show})


ALL_KINDS: list[tuple[TrinoType, Spec]] = [
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
    (VARCHAR, ADDRESS),
    (varchar(20), ADDRESS),
    (VARCHAR, CODE),
    (varchar(9), CODE),
    (VARCHAR, PLANTS),
    (char(9), {"kind": "last_n", "n": 2}),
    (BIGINT, {"kind": "bucket", "bounds": [0, 10], "below": -1}),
    (DOUBLE, {"kind": "bucket", "bounds": ["0.5"]}),
    (BIGINT, {"kind": "token", "key": "pii"}),
    (INTEGER, {"kind": "noise", "key": "pii", "to": 5}),
    (decimal(9, 2), {"kind": "noise", "key": "pii", "to": "0.5"}),
    (array(VARCHAR), {"kind": "redact"}),
    (array(array(VARCHAR)), {"kind": "elements", "mask": {"kind": "elements", "mask": "redact"}}),
    (PERSON, {"kind": "fields", "fields": {"home": {"kind": "fields", "fields": {"street": "redact"}}}}),
]


@pytest.mark.parametrize(("kind", "spec"), ALL_KINDS, ids=str)
def test_the_text_of_a_mask_means_its_tree(kind: TrinoType, spec: Spec) -> None:
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
