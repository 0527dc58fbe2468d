"""The net under everything: a text that lost or gained a word against its source is refused."""

from __future__ import annotations

import pytest

from catalog.dialect.faithful import check_faithful
from catalog.dialect.lexer import lex
from catalog.dialect.patches import to_tokens
from catalog.errors import Refusal

SOURCE = "SELECT a, sum(b) FROM t x JOIN u USING (c) WHERE d NOT IN (1.50, 'e''f') AND g IS NOT NULL ORDER BY 1"


@pytest.mark.parametrize(
    "written",
    [
        SOURCE,
        'SELECT "a", SUM("b") FROM "t" AS "x" INNER JOIN "u" USING ("c") '
        "WHERE NOT \"d\" IN (1.50, 'e''f') AND NOT (g IS NULL) ORDER BY (1)",
    ],
)
def test_quotes_case_parentheses_optional_words_and_the_place_of_not_may_differ(written: str) -> None:
    check_faithful(to_tokens(lex(SOURCE)), written)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a, sum(b)", "a"),
        ("a, sum(b)", "sum(b), a"),
        ("sum(b)", "sum(b, c)"),
        ("FROM t x", "FROM t"),
        ("FROM t x", "FROM t AS y"),
        ("JOIN u USING (c)", ", u"),
        ("JOIN u", "LEFT JOIN u"),
        ("1.50", "1.5"),
        ("'e''f'", "'ef'"),
        ("'e''f'", "'E''f'"),
        ("d NOT IN", "d IN"),
        ("AND", "OR"),
        (" ORDER BY 1", ""),
        ("ORDER BY 1", "ORDER BY 1 DESC"),
        ("WHERE", "PREWHERE"),
    ],
)
def test_any_other_difference_is_refused(before: str, after: str) -> None:
    with pytest.raises(Refusal, match="mismatched input"):
        check_faithful(to_tokens(lex(SOURCE)), SOURCE.replace(before, after))


def test_the_refusal_points_at_the_first_lost_word() -> None:
    with pytest.raises(Refusal) as refused:
        check_faithful(to_tokens(lex(SOURCE)), SOURCE.replace("x JOIN u USING (c) ", ""))
    assert refused.value.text == "line 1:25: mismatched input 'x'"
