"""Operators and coercions: every pair of types answers as Trino 476 did."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.functions import AmbiguousCall, lookup, operator_type
from catalog.type_coercions import can_coerce, common_super_type
from catalog.types import TrinoType, display_text, parse_type

FILE = Path(__file__).with_name("trino_476_operators.txt")
# Where Trino picks an overload that its own rules leave open.
EXCEPTIONS = {
    ("subtract", "date", "unknown"): "ambiguous",
    ("divide", "unknown", "bigint"): "ambiguous",
}


def _lines() -> Iterator[tuple[str, str, dict[str, str]]]:
    for line in FILE.read_text().splitlines():
        if not line.startswith("#"):
            operator, left, answers = (part.strip() for part in line.split("|"))
            pairs = (answer.split(" = ") for answer in answers.split("; ") if answer)
            yield operator, left, {pair[0]: pair[-1] for pair in pairs}


def _types() -> list[str]:
    header = next(line for line in FILE.read_text().splitlines() if line.startswith("# types: "))
    return header.removeprefix("# types: ").split("; ")


def _ours(operator: str, types: list[TrinoType]) -> str | None:
    try:
        if operator == "common":
            found = common_super_type(*types)
        elif operator == "concat":
            concat = lookup("concat")
            assert concat is not None
            found = concat.return_type(types)
        else:
            found = operator_type(operator, types)
    except AmbiguousCall:
        return "ambiguous"
    return display_text(found) if found is not None else None


@pytest.mark.parametrize(("operator", "left", "answers"), [pytest.param(*x, id=f"{x[0]} {x[1]}") for x in _lines()])
def test_operator_gives_the_type_that_trino_gives(operator: str, left: str, answers: dict[str, str]) -> None:
    if operator == "negate":
        assert _ours(operator, [parse_type(left)]) == next(iter(answers), None)
        return
    for right in _types():
        expected = EXCEPTIONS.get((operator, left, right), answers.get(right))
        assert _ours(operator, [parse_type(left), parse_type(right)]) == expected, right


def test_what_coerces_has_the_target_as_common_type() -> None:
    kinds = [parse_type(text) for text in _types()]
    for source in kinds:
        for target in kinds:
            assert can_coerce(source, target) == (common_super_type(source, target) == target)


@pytest.mark.parametrize(
    ("source", "target", "possible"),
    [
        ("integer", "decimal(9,0)", False),
        ("integer", "decimal(10,0)", True),
        ("varchar(3)", "varchar(2)", False),
        ("timestamp(3)", "timestamp(6)", True),
        ("timestamp(6)", "timestamp(3)", False),
        ("row(a integer)", "row(b bigint)", True),
        ("array(integer)", "array(bigint)", True),
        ("map(varchar, integer)", "map(varchar, tinyint)", False),
        ("char(2)", "varchar", False),
        ("unknown", "uuid", True),
        ("double", "real", False),
    ],
)
def test_coercion_never_loses_what_a_type_can_hold(source: str, target: str, possible: bool) -> None:
    assert can_coerce(parse_type(source), parse_type(target)) is possible


def test_names_of_fields_survive_only_where_both_agree() -> None:
    common = common_super_type(parse_type("row(a integer, b integer)"), parse_type("row(a bigint, c integer)"))
    assert common == parse_type("row(a bigint, integer)")
