"""Differences are marked without a letter being lost, and laying SQL out changes nothing that it says."""

from __future__ import annotations

import re
import time

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.admin.console.differences import Line, Piece, by_lines, by_words
from gateway.admin.console.layout import laid_out, words_of

SQL = st.text(alphabet="ab1 '\"(),.-/*\n<>=SELECTFROMWHEREJOINé", max_size=200)
GOVERNED = (
    "SELECT trades.desk, count(*) FROM (SELECT * FROM lake.trading.trades AS trades WHERE desk = 'It''s FROM (' "
    "AND extract(day FROM ts) = 3) AS trades LEFT JOIN b ON a = left(x, 2) WHERE x > 1 GROUP BY desk"
)


@given(SQL)
@example(GOVERNED)
def test_words_together_are_the_text(sql: str) -> None:
    assert "".join(blank + word for blank, word in words_of(sql)) == sql


@given(SQL)
@example(GOVERNED)
def test_laying_out_changes_white_space_between_words_only(sql: str) -> None:
    assert [word for _, word in words_of(laid_out(sql)) if word] == [word for _, word in words_of(sql) if word]


def test_each_clause_gets_a_line_and_quoted_texts_and_functions_none() -> None:
    assert laid_out(GOVERNED).splitlines() == [
        "SELECT trades.desk, count(*)",
        "FROM (",
        "  SELECT *",
        "  FROM lake.trading.trades AS trades",
        "  WHERE desk = 'It''s FROM (' AND extract(day FROM ts) = 3",
        ") AS trades",
        "LEFT JOIN b ON a = left(x, 2)",
        "WHERE x > 1",
        "GROUP BY desk",
    ]


def test_long_lists_of_columns_get_a_line_for_each_and_those_of_functions_none() -> None:
    columns = ", ".join(f"coalesce(column_{n}, 'a, b') AS c{n}" for n in range(3))
    assert laid_out(f"SELECT DISTINCT {columns} FROM a JOIN (SELECT 1, 2 FROM b) AS c ON x = y").splitlines() == [
        "SELECT DISTINCT",
        "  coalesce(column_0, 'a, b') AS c0,",
        "  coalesce(column_1, 'a, b') AS c1,",
        "  coalesce(column_2, 'a, b') AS c2",
        "FROM a",
        "JOIN (",
        "  SELECT 1, 2",
        "  FROM b",
        ") AS c ON x = y",
    ]


@given(SQL, SQL)
def test_marking_words_loses_nothing(before: str, after: str) -> None:
    left, right = by_words(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after


def test_what_was_added_is_marked_and_the_case_of_words_is_not() -> None:
    left, right = by_words("select a from t", "SELECT a FROM t WHERE b = 'x y'")
    assert left == [Piece("select a from t", False)]
    assert right == [Piece("SELECT a FROM t ", False), Piece("WHERE b = 'x y'", True)]
    assert by_words("select A.b from t", 'SELECT "a"."b" FROM "t"')[1] == [Piece('SELECT "a"."b" FROM "t"', False)]
    assert by_words("select 'A'", "select 'a'")[1][-1] == Piece("'a'", True)


LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30)


@given(LINES, LINES)
def test_lines_that_are_shown_lead_from_one_version_to_the_other(old: list[str], new: list[str]) -> None:
    shown = by_lines("\n".join(old), "\n".join(new))
    removed = [line.text for line in shown if line.kind == "removed"]
    added = [line.text for line in shown if line.kind == "added"]
    whole = "\n".join(old).splitlines(), "\n".join(new).splitlines()
    assert len(whole[0]) - len(removed) == len(whole[1]) - len(added)
    assert (not shown) == (whole[0] == whole[1])


def test_what_is_far_from_a_difference_is_left_out() -> None:
    before = "\n".join(str(n) for n in range(100))
    shown = by_lines(before, before.replace("50", "fifty"))
    assert shown[0].kind == shown[-1].kind == "gap"
    assert [line for line in shown if line.kind in ("added", "removed")] == [
        Line("removed", "50"),
        Line("added", "fifty"),
    ]
    assert len(shown) == 10


def test_texts_of_any_size_are_compared_in_no_time() -> None:
    began = time.monotonic()
    long = "SELECT " + ", ".join(f"c{n} AS '" for n in range(60_000))
    assert by_words(long, long + " WHERE")[0] == [Piece(long, False)]
    assert laid_out(re.sub(r"\n", " ", long)) == long
    many = "\n".join(map(str, range(20_000)))
    assert by_lines(many, many[::-1])
    assert time.monotonic() - began < 5
