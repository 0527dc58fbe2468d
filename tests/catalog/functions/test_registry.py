"""The allow-list of functions: Trino's own, each of its kind, and the types of calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.functions import AmbiguousCall, Function, lookup, lookup_table_function, names
from catalog.functions.binding import resolve
from catalog.functions.signatures import lines, overload
from catalog.types import BIGINT, TrinoType, display_text, parse_type

LISTED = [
    line.split()
    for line in Path(__file__).with_name("trino_476_functions.txt").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("listed", [pytest.param(x, id=f"{x[0]} {x[1]}") for x in LISTED if x[1] != "table"])
def test_every_function_that_trino_lists_is_registered(listed: list[str]) -> None:
    function = lookup(listed[0])
    assert function is not None
    assert function.kind == listed[1]
    assert function.overloads
    assert function.deterministic is (len(listed) == 2)


def test_nothing_else_is_registered_but_forms_of_the_grammar() -> None:
    extra = names() - {listed[0] for listed in LISTED}
    special = {name for name in extra if (found := lookup(name)) is not None and found.kind == "special"}
    assert extra == special
    assert {"coalesce", "try", "format", "row"} <= extra


def test_names_are_found_in_any_case() -> None:
    assert lookup("ST_AREA") == lookup("st_area") is not None
    assert lookup("no_such_function") is None


def test_only_one_table_function_may_be_called() -> None:
    assert lookup_table_function("Sequence") == Function("sequence", "table")
    assert lookup_table_function("exclude_columns") is None
    assert lookup_table_function("query") is None


@pytest.mark.parametrize(
    ("name", "volatile"), [("random", True), ("uuid", True), ("shuffle", True), ("now", True), ("upper", False)]
)
def test_volatile_functions_are_known(name: str, volatile: bool) -> None:
    function = lookup(name)
    assert function is not None
    assert function.volatile is volatile


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("round decimal(3,2)", "decimal(2,0)"),
        ("round decimal(3,2); integer", "decimal(4,2)"),
        ("sum integer", "bigint"),
        ("sum decimal(9,2)", "decimal(38,2)"),
        ("avg integer", "double"),
        ("avg real", "real"),
        ("mod decimal(2,1); integer", "decimal(2,1)"),
        ("concat varchar(1); varchar(1); varchar(1)", "varchar"),
        ("concat char(2); char(3)", "char(5)"),
        ("replace varchar(3); varchar(1); varchar(3)", "varchar(15)"),
        ("regexp_replace varchar(3); varchar(1); varchar(3)", "varchar(19)"),
        ("to_iso8601 timestamp(3)", "varchar(26)"),
        ("to_iso8601 timestamp(3) with time zone", "varchar(32)"),
        ("url_encode varchar(2)", "varchar(24)"),
        ("date_diff varchar(3); date; timestamp(6)", "bigint"),
        ("greatest integer; decimal(2,1)", "decimal(11,1)"),
        ("greatest integer; varchar(1)", None),
        ("max map(integer, integer)", None),
        ("max array(json)", None),
        ("element_at map(varchar, bigint); varchar(1)", "bigint"),
        ("approx_percentile integer; array(decimal(2,1))", "array(bigint)"),
        ("map_concat map(varchar(1), integer); map(varchar(3), bigint)", "map(varchar(3), bigint)"),
        ("zip array(integer); array(varchar(1))", "array(row(integer, varchar(1)))"),
        ("upper integer", None),
        ("upper", None),
        ("json_extract varchar; varchar(3)", "json"),
        ("count", "bigint"),
        ("abs unknown", "tinyint"),
    ],
)
def test_calls_have_the_type_that_trino_gives_them(call: str, result: str | None) -> None:
    name, _, arguments = call.partition(" ")
    function = lookup(name)
    assert function is not None
    types = [parse_type(text) for text in arguments.split("; ") if text]
    found = function.return_type(types)
    assert (display_text(found) if found is not None else None) == result


def test_a_call_that_several_overloads_fit_alike_is_ambiguous() -> None:
    function = lookup("concat")
    assert function is not None
    with pytest.raises(AmbiguousCall):
        function.return_type([parse_type("varchar"), parse_type("unknown")])


def test_lambdas_are_typed_from_the_arguments_beside_them() -> None:
    seen: list[tuple[TrinoType, ...]] = []

    def body(given: tuple[TrinoType, ...]) -> TrinoType:
        seen.append(given)
        return parse_type("varchar(3)")

    function = lookup("transform_values")
    assert function is not None
    result = function.return_type([parse_type("map(bigint, double)"), body])
    assert result == parse_type("map(bigint, varchar(3))")
    assert seen[0] == (parse_type("bigint"), parse_type("double"))


def test_the_most_specific_overload_wins() -> None:
    overloads = [overload(line) for line in lines("f(double) -> double\nf(bigint) -> bigint\nf(decimal(p,s)) -> real")]
    bound = resolve(overloads, [parse_type("integer")])
    assert bound is not None
    assert bound.arguments == (BIGINT,)
    assert bound.result == BIGINT


@pytest.mark.parametrize("text", ["f", "f(bigint)", "f(frobnicator) -> bigint", "f(array(bigint) -> bigint"])
def test_what_is_no_signature_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"signature|unbalanced|type"):
        [overload(line) for line in lines(text)]
