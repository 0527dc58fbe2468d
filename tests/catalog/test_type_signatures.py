"""Signatures: what a Trino client is told of a column's type."""

from __future__ import annotations

import pytest
from hypothesis import given

from catalog.type_signatures import downgrade, type_signature
from catalog.types import TrinoType, parse_type, type_text
from tests.catalog.test_types import TYPES

LONG = "LONG"
BIGINT = {"rawType": "bigint", "arguments": []}


def _long(value: int) -> dict[str, object]:
    return {"kind": LONG, "value": value}


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("bigint", BIGINT),
        ("varchar", {"rawType": "varchar", "arguments": [_long(2147483647)]}),
        ("varchar(5)", {"rawType": "varchar", "arguments": [_long(5)]}),
        ("decimal(10, 2)", {"rawType": "decimal", "arguments": [_long(10), _long(2)]}),
        ("timestamp(6) with time zone", {"rawType": "timestamp with time zone", "arguments": [_long(6)]}),
        ("interval day to second", {"rawType": "interval day to second", "arguments": []}),
        ("array(bigint)", {"rawType": "array", "arguments": [{"kind": "TYPE", "value": BIGINT}]}),
        (
            'row("B b" bigint, bigint)',
            {
                "rawType": "row",
                "arguments": [
                    {"kind": "NAMED_TYPE", "value": {"fieldName": {"name": "B b"}, "typeSignature": BIGINT}},
                    {"kind": "NAMED_TYPE", "value": {"typeSignature": BIGINT}},
                ],
            },
        ),
    ],
)
def test_signatures_are_those_of_the_wire(text: str, signature: dict[str, object]) -> None:
    assert type_signature(parse_type(text)) == signature


def _raw_types(signature: object) -> list[str]:
    if isinstance(signature, dict):
        own = [signature["rawType"]] if "rawType" in signature else []
        return own + [raw for value in signature.values() for raw in _raw_types(value)]
    return [raw for item in signature for raw in _raw_types(item)] if isinstance(signature, list) else []


@given(TYPES)
def test_no_raw_type_holds_what_java_rejects(kind: TrinoType) -> None:
    assert not any(set("<>,(") & set(raw) for raw in _raw_types(type_signature(kind)))


@pytest.mark.parametrize(
    ("text", "capabilities", "shown"),
    [
        ("timestamp(6)", {"PARAMETRIC_DATETIME"}, "timestamp(6)"),
        ("timestamp(6)", set(), "timestamp"),
        ("array(time(6) with time zone)", set(), "array(time with time zone)"),
        ("row(a timestamp(9), b bigint)", set(), "row(a timestamp, b bigint)"),
        ("number", set(), "varchar"),
        ("number", {"NUMBER"}, "number"),
        ("map(varchar, variant)", set(), "map(varchar, json)"),
        ("variant", {"VARIANT_BINARY"}, "variant"),
        ("decimal(5, 2)", set(), "decimal(5, 2)"),
    ],
)
def test_clients_are_told_types_they_know(text: str, capabilities: set[str], shown: str) -> None:
    assert type_text(downgrade(parse_type(text), capabilities)) == shown
