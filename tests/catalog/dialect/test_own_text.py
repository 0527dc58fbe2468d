"""Text of the gateway's own is read without places, and otherwise as everybody's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.dialect import own_text
from catalog.dialect.lexer import lex
from catalog.dialect.limits import Limits
from catalog.dialect.own_text import read_own
from catalog.dialect.patches import to_tokens
from catalog.errors import Refusal

TEXTS = (
    'SELECT "a", CAST(NULL AS BIGINT) AS "b" FROM "c"."s"."t" WHERE "d" = \'CAISO\' AND "e" >= 1.50',
    'SELECT count(*) FROM (SELECT "x" FROM "c"."s"."t") AS "t" GROUP BY 1 HAVING count(*) > 5 LIMIT 10',
    "SELECT ARRAY[1, 2][1], x'AB', U&'\\0041', DECIMAL '1.5', 1e5, a -> b /* no */ -- end\n",
    'SELECT "a""b", \'it\'\'s\', "system"."builtin"."abs"(1)',
)
PIECES = st.sampled_from([*"()[],.;?+-*/%<>='\"`@\\ ", "a", '"q"', "'s'", "1", "1a", "x'", "SELECT", "--", "/*", "||"])


@pytest.mark.parametrize("sql", TEXTS)
def test_own_text_has_the_lexemes_and_tokens_of_any_text_but_no_places(sql: str) -> None:
    for _ in range(2):  # as it is read first, and from what is remembered
        lexemes, tokens = read_own(sql, Limits())
        assert [lexeme[:3] for lexeme in lexemes] == [lexeme[:3] for lexeme in lex(sql)]
        assert tokens is not None
        assert [(t.token_type, t.text) for t in tokens] == [(t.token_type, t.text) for t in to_tokens(lex(sql))]


@settings(max_examples=1000)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_the_lexer_refuses_is_refused_in_own_text_at_the_same_place(sql: str) -> None:
    try:
        expected: object = [lexeme[:3] for lexeme in lex(sql)]
    except Refusal as refusal:
        expected = (refusal.code, refusal.text, refusal.location)
    try:
        found: object = [lexeme[:3] for lexeme in own_text.lexemes_of(sql, Limits())]
    except Refusal as refusal:
        found = (refusal.code, refusal.text, refusal.location)
    assert found == expected


def test_what_is_remembered_is_bounded() -> None:
    for number in range(0, 40_000, 100):
        read_own(f"SELECT {', '.join(str(n) for n in range(number, number + 100))}, '{'x' * 100}'", Limits())
    remembered = own_text.remembered()
    assert len(remembered) <= 16_384
    assert max(map(len, remembered)) <= 64


@pytest.mark.parametrize("word", ["PATTERN", "FUNCTION"])
def test_constructs_that_are_read_by_their_places_keep_them(word: str) -> None:
    lexemes, tokens = read_own(f"SELECT 1 AS {word}", Limits())
    assert tokens is None
    assert lexemes[-2].start > 0
