"""Whatever the text: a statement or a refusal; and what is written for a statement is read as the same tree."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.lexer import lex
from catalog.dialect.parse import parse_expression, parse_query, parse_statement
from catalog.dialect.statements import Query, Statement
from catalog.dialect.words import RESERVED, words
from catalog.errors import ErrorCode, Refusal
from tests.texts import generate_checked

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "dialect"
_PIECE = re.compile(r"[XxUu]&?'(?:[^']|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[\w.]+|<>|<=|>=|\|\||->|=>|\S")
_SEEDS = [
    line
    for path in sorted(_FIXTURES.glob("*.sql"))
    for line in path.read_text().split("\n")
    if line and line[0] not in "#!"
]
_SOUP = r"""
    a b t ALL ANY ARRAY ROW MAP IF INTERVAL DAY TO DATE TIMESTAMP DECIMAL TIME ZONE AT LIMIT OFFSET FETCH FIRST
    NEXT ROWS ONLY TIES OVER WINDOW PARTITION RANGE FILTER WITHIN NULLS LAST ASC DESC LATERAL TABLESAMPLE SETS KEY
    VALUE RETURNING DEFAULT LEADING IGNORE VERSION OF PIVOT QUALIFY ILIKE FINAL ( ) , . = <> + - * / % ? ; : [ ] {
    } || -> => ^ $ | & @ # ~ ! ` " ' 1 1.5 .5 1e5 0xFF 'a' '' "q" "" X'00' U&'\0061' '2020-01-01' -- /* */ é
"""
_WORDS = st.sampled_from([*sorted(RESERVED | words(_SOUP)), "\n", "\r", "\t", "\0", "\u00a0"])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Draw a fixture's statement with a few pieces removed, replaced or added."""
    pieces = _PIECE.findall(draw(st.sampled_from(_SEEDS)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(pieces)))
        pieces[at : at + draw(st.integers(0, 2))] = draw(st.lists(_WORDS, max_size=2))
    return " ".join(pieces)


def _check(sql: str) -> None:
    answer = _answer(sql)
    if isinstance(answer, Refusal):
        assert answer.code is not ErrorCode.GENERIC_INTERNAL_ERROR
    elif isinstance(answer, Query):
        text = generate_checked(answer.tree)
        assert generate(parse_query(text)) == text


def _answer(sql: str) -> Statement | Refusal:
    try:
        return parse_statement(sql)
    except Refusal as refusal:
        return refusal


@given(st.text())
@settings(max_examples=400, deadline=None)
def test_any_text_at_all_ends_in_a_statement_or_a_refusal(sql: str) -> None:
    _check(sql)


@given(st.lists(_WORDS, max_size=25).map(" ".join))
@settings(max_examples=600, deadline=None)
def test_any_soup_of_words_ends_in_a_statement_or_a_refusal(sql: str) -> None:
    _check("SELECT " + sql)
    _check(sql)


@given(mutated())
@settings(max_examples=1200, deadline=None)
def test_near_misses_of_real_statements_end_in_a_statement_or_a_refusal(sql: str) -> None:
    _check(sql)


@given(st.lists(_WORDS, max_size=25).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_lexemes_cover_the_text_but_for_blanks_and_comments(sql: str) -> None:
    try:
        lexemes = lex(sql)
    except Refusal:
        return
    end = 0
    for lexeme in lexemes:
        between = sql[end : lexeme.start]
        assert not re.sub(r"--[^\r\n]*|/\*.*?\*/|[ \t\r\n]", "", between, flags=re.DOTALL)
        assert sql[lexeme.start : lexeme.end] == lexeme.text
        end = lexeme.end
    assert end == len(sql)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
@settings(max_examples=300, deadline=None)
def test_every_string_survives(value: str) -> None:
    tree = parse_expression("'" + value.replace("'", "''") + "'")
    assert isinstance(tree, exp.Literal)
    assert tree.this == value
    assert parse_expression(generate(tree)) == tree


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
@example(")")
@example("as")
@example("NOT")
@example("'")
@settings(max_examples=300, deadline=None)
def test_every_quoted_name_survives(value: str) -> None:
    tree = parse_query('SELECT "' + value.replace('"', '""') + '" FROM t')
    column = tree.find(exp.Column)
    assert column is not None
    assert column.name == value
    assert generate_checked(tree) == 'SELECT "' + value.replace('"', '""') + '" FROM "t"'


@given(st.integers(0, 2**63 - 1), st.sampled_from(["d", "x", "o", "b", "_"]))
@settings(max_examples=200, deadline=None)
def test_integers_keep_their_value_in_every_base(value: int, base: str) -> None:
    text = f"{value:_}" if base == "_" else str(value) if base == "d" else f"0{base}{value:{base}}"
    assert generate(parse_expression(text)) == str(value)
