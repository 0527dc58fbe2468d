"""Casts and comparisons: every pair of types exists or not as on Trino 476."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlglot import exp

from catalog.errors import ErrorCode, Refusal
from catalog.types import parse_type
from rewrite_rules.analysis.casts import can_cast
from tests.rewrite_rules.analysis.conftest import analyzed

FOLDER = Path(__file__).with_name("trino_476")


def _lines(name: str) -> Iterator[list[str]]:
    for line in (FOLDER / name).read_text().splitlines():
        if not line.startswith("#"):
            yield [part.strip() for part in line.split("|")]


def _types(name: str) -> list[str]:
    header = next(line for line in (FOLDER / name).read_text().splitlines() if line.startswith("# types: "))
    return header.removeprefix("# types: ").split("; ")


@pytest.mark.parametrize(("source", "targets"), [pytest.param(*x, id=x[0]) for x in _lines("casts.txt")])
def test_a_type_casts_to_what_trino_casts_it_to(source: str, targets: str) -> None:
    possible = [t for t in _types("casts.txt") if can_cast(parse_type(source), parse_type(t))]
    assert possible == targets.split("; ")


def _compares(left: str, sign: str, right: str) -> bool:
    written = ["null" if kind == "unknown" else f"cast(null as {kind})" for kind in (left, right)]
    try:
        analyzed(f"select {written[0]} {sign} {written[1]}")
    except Refusal as refusal:
        if refusal.code is not ErrorCode.TYPE_MISMATCH:
            raise
        return False
    return True


@pytest.mark.parametrize(
    ("sign", "left", "rights"), [pytest.param(*x, id=f"{x[1]} {x[0]}") for x in _lines("comparisons.txt")]
)
def test_a_type_compares_with_what_trino_compares_it_with(sign: str, left: str, rights: str) -> None:
    comparable = [right for right in _types("comparisons.txt") if _compares(left, sign, right)]
    assert comparable == [right for right in rights.split("; ") if right]


def test_casts_go_into_nested_types() -> None:
    assert can_cast(parse_type("array(varchar)"), parse_type("array(date)"))
    assert not can_cast(parse_type("array(integer)"), parse_type("array(date)"))
    assert not can_cast(parse_type("row(a integer)"), parse_type("row(a integer, b integer)"))
    assert can_cast(parse_type("map(varchar, array(integer))"), parse_type("json"))


def test_types_are_read_from_every_form_of_cast() -> None:
    tree, _ = analyzed("select cast(null as row(a integer, \"B\" array(varchar(3)))), try_cast('1' as decimal(5))")
    found = [str(node.meta["type"]) for node in tree.find_all(exp.Cast, exp.TryCast)]
    assert sorted(found) == ["decimal(5,0)", "row(a integer, B array(varchar(3)))"]
