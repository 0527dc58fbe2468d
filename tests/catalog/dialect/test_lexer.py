"""The lexer knows Trino's lexical grammar and refuses every other character."""

from __future__ import annotations

import pytest
from sqlglot.dialects.trino import Trino

from catalog.dialect.lexemes import Kind
from catalog.dialect.lexer import lex
from catalog.dialect.limits import Limits
from catalog.dialect.patches import to_tokens
from catalog.errors import ErrorCode, Refusal

PLAIN = (
    "SELECT a, t.b FROM t WHERE a = 1 AND b <> 'x''y' OR NOT c >= 1.5",
    "select count(*), sum(x) from a.b.c group by d having max(e) > 1e5 order by f desc limit 10",
    'SELECT "A b" AS "q""q", -x, y || z FROM t -- end',
    "WITH a AS (SELECT 1) SELECT * FROM a UNION ALL SELECT 2 /* no */ EXCEPT SELECT 3",
    "SELECT CASE WHEN a THEN b ELSE c END FROM t LEFT JOIN u ON t.x = u.x CROSS JOIN v",
    "SELECT x IN (1, 2), x BETWEEN 1 AND 2, x LIKE 'a%', x IS NULL, EXISTS (SELECT 1) FROM t",
)


def texts(sql: str) -> list[str]:
    return [lexeme.text for lexeme in lex(sql)][:-1]


@pytest.mark.parametrize(
    ("sql", "kinds"),
    [
        ("SELECT", [Kind.WORD]),
        ("_a1", [Kind.WORD]),
        ('"a""b"', [Kind.QUOTED]),
        ("'it''s'", [Kind.STRING]),
        (r"U&'\0061' UESCAPE '!'", [Kind.UNICODE_STRING, Kind.WORD, Kind.STRING]),
        ("u & 'a'", None),
        ("X'00 ff'", [Kind.BINARY]),
        ("x'zz'", [Kind.BINARY]),
        ("1 1_000 1.5 .5 5. 1e5 1.E-3 0xFF 0o17 0b1_0", [Kind.NUMBER] * 10),
        ("<> <= >= != || -> =>", [Kind.OPERATOR] * 7),
        ("a--b\nc", [Kind.WORD, Kind.WORD]),
        ("a--b\rc", [Kind.WORD, Kind.WORD]),
        ("a/* b */c/**/d", [Kind.WORD, Kind.WORD, Kind.WORD]),
        ("/* /* */ a", [Kind.WORD]),
        ("", []),
        (" \t\r\n", []),
    ],
)
def test_kinds(sql: str, kinds: list[Kind] | None) -> None:
    if kinds is None:
        with pytest.raises(Refusal):
            lex(sql)
    else:
        assert [lexeme.kind for lexeme in lex(sql)] == [*kinds, Kind.END]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT {# x #} 1", "line 1:9: mismatched input '#'"),
        ("SELECT 1 @", "line 1:10: mismatched input '@'"),
        ("SELECT a\n  ~ b", "line 2:3: mismatched input '~'"),
        ("SELECT\u00a01", "line 1:7: mismatched input: the character U+00A0 is not allowed here"),
        ("SELECT \u200b1", "line 1:8: mismatched input: the character U+200B is not allowed here"),
        ("\ufeffSELECT 1", "line 1:1: mismatched input: the character U+FEFF is not allowed here"),
        ("SELECT \x0c1", "line 1:8: mismatched input: the character U+000C is not allowed here"),
        ("SELECT \N{FULLWIDTH COMMA}", "line 1:8: mismatched input '\N{FULLWIDTH COMMA}'"),
        ("SELECT \u043erders", "line 1:8: mismatched input '\u043e'"),
        ("SELECT 'abc", "line 1:8: mismatched input '''"),
        ('SELECT "abc', "line 1:8: mismatched input '\"'"),
        ('SELECT ""', "line 1:8: Zero-length delimited identifier not allowed"),
        ("SELECT /* abc", "line 1:8: mismatched input '/'"),
        (
            "SELECT `a`",
            "line 1:8: backquoted identifiers are not supported; use double quotes to quote identifiers",
        ),
        (
            "SELECT 1x",
            "line 1:8: identifiers must not start with a digit; surround the identifier with double quotes",
        ),
    ],
)
def test_unknown_characters_are_syntax_errors_with_their_place(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        lex(sql)
    assert refused.value.code is ErrorCode.SYNTAX_ERROR
    assert refused.value.text == text


def test_lines_are_counted_by_line_feeds_and_columns_in_code_points() -> None:
    lexemes = lex("SELECT 'é😀',\r\n  b,\rc")
    assert [(lexeme.line, lexeme.column) for lexeme in lexemes[:-1]] == [
        (1, 1), (1, 8), (1, 12), (2, 3), (2, 4), (2, 6),
    ]  # fmt: skip


def test_a_bare_carriage_return_ends_a_comment_as_in_trino() -> None:
    assert texts("SELECT 1 -- x\rUNION SELECT 2") == ["SELECT", "1", "UNION", "SELECT", "2"]


def test_a_backslash_escapes_nothing() -> None:
    assert texts(r"'\' || x || '\'") == [r"'\'", "||", "x", "||", r"'\'"]


def test_the_number_of_lexemes_is_limited() -> None:
    with pytest.raises(Refusal) as refused:
        lex("a " * 11, Limits(max_tokens=10))
    assert refused.value.code is ErrorCode.QUERY_TEXT_TOO_LARGE


@pytest.mark.parametrize("sql", PLAIN)
def test_plain_text_gives_the_tokens_that_sqlglot_cuts(sql: str) -> None:
    ours = [token.text.upper() for token in to_tokens(lex(sql))]
    theirs = [token.text.upper() for token in Trino().tokenize(sql)]
    assert ours == theirs


@pytest.mark.parametrize("sql", PLAIN)
def test_plain_text_gives_tokens_at_sqlglots_offsets(sql: str) -> None:
    ours = [token.start for token in to_tokens(lex(sql))]
    theirs = [token.start for token in Trino().tokenize(sql)]
    assert ours == theirs
