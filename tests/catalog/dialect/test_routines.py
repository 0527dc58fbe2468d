"""Inline functions: what is written for them, and what is refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from catalog.dialect.fixpoint import write_and_read
from catalog.dialect.parse import parse_query, parse_statement
from catalog.dialect.routine_bodies import MAX_NESTING
from catalog.dialect.sameness import same
from catalog.dialect.statements import Query
from catalog.errors import ErrorCode, Refusal

FIXTURE = Path(__file__).parents[2] / "fixtures" / "routines" / "pairs.sql"


def pairs() -> list[tuple[str, str]]:
    """Return (source, expected)."""
    blocks = (block.strip().split("\n") for block in FIXTURE.read_text().split("\n\n"))
    return [(lines[0], lines[1]) for lines in blocks if len(lines) == 2]


PAIRS = pairs()


def query(sql: str) -> Query:
    statement = parse_statement(sql)
    assert isinstance(statement, Query)
    return statement


def test_the_pairs_are_found() -> None:
    assert len(PAIRS) > 20


@pytest.mark.parametrize(("source", "expected"), PAIRS, ids=lambda text: text[:60])
def test_functions_are_written_as_expected_or_refused_by_name(source: str, expected: str) -> None:
    if not expected.startswith("! "):
        written, again = write_and_read(query(source).tree)
        assert written == expected
        assert write_and_read(again)[0] == expected
        return
    with pytest.raises(Refusal) as refused:
        parse_statement(source)
    assert f"{refused.value.code.name} {refused.value.text}" == expected.removeprefix("! ")


def test_a_function_that_is_lost_on_the_way_is_noticed() -> None:
    tree = query("WITH FUNCTION f() RETURNS integer RETURN 1 SELECT 1").tree
    other = query("WITH FUNCTION f() RETURNS integer RETURN 2 SELECT 1").tree
    assert not same(query("SELECT 1").tree, tree)
    assert not same(tree, other)


def test_functions_survive_the_way_from_a_parse_worker() -> None:
    statement = query("WITH FUNCTION f() RETURNS integer BEGIN RETURN 1; END SELECT f()")
    assert write_and_read(pickle.loads(pickle.dumps(statement)).tree)[0] == write_and_read(statement.tree)[0]


def test_views_and_other_inner_queries_hold_no_functions() -> None:
    with pytest.raises(Refusal, match="WITH FUNCTION is not supported"):
        parse_query("WITH FUNCTION f() RETURNS integer RETURN 1 SELECT f()")


@pytest.mark.parametrize("depth", [MAX_NESTING + 2, 5_000])
def test_statements_inside_of_statements_have_a_limit(depth: int) -> None:
    body = "BEGIN " * depth + "RETURN 1; " + "END; " * (depth - 1) + "END"
    with pytest.raises(Refusal) as refused:
        parse_statement(f"WITH FUNCTION f() RETURNS integer {body} SELECT f()")
    assert refused.value.code is ErrorCode.GENERIC_USER_ERROR
