"""Trino's lexical grammar in one compiled expression: the only reading of a text's characters in the gateway.

sqlglot's own tokenizer reads a superset of many dialects; here its parser is fed with tokens made from these lexemes,
so that no text means one thing to the gateway and another to the engine.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import islice

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.limits import Limits
from catalog.dialect.syntax import mismatched, syntax_error
from catalog.errors import ErrorCode, Refusal

_GAP = r"(?:[ \t\r\n]++|--[^\r\n]*+|/\*[^*]*+\*++(?:[^*/][^*]*+\*++)*/)*"
_WORD = r"(?![Xx]'|[Uu]&')[A-Za-z_][A-Za-z0-9_]*+"
_DIGITS = r"[0-9]++(?:_[0-9]++)*"
_NUMBER = (
    r"(?:0[xX]_?[0-9A-Fa-f]++(?:_[0-9A-Fa-f]++)*|0[oO]_?[0-7]++(?:_[0-7]++)*|0[bB]_?[01]++(?:_[01]++)*"
    r"|(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)[eE][+-]?[0-9]++"
    rf"|{_DIGITS}(?:\.(?:{_DIGITS})?|(?!\.))|\.{_DIGITS})(?![A-Za-z0-9_])"
)
_OPERATOR = r"<>|<=|>=|!=|\|\||->|=>|/(?!\*)|-(?!-)|[(),.=<>+*%?;:\[\]{}^$|]"
_STRING = r"'[^']*+(?:''[^']*+)*'(?!')"
_QUOTED = r'"(?!"(?!"))[^"]*+(?:""[^"]*+)*"(?!")'
_LEXEMES = (_WORD, _NUMBER, _OPERATOR, _STRING, _QUOTED, rf"[Uu]&{_STRING}", r"[Xx]'[^']*+'")
"""How the kinds of lexemes are written, in their order."""
_GRAMMAR = re.compile(rf"{_GAP}(?:{'|'.join(f'({each})' for each in _LEXEMES)}|(\Z))")
_PIECES = re.compile(rf"{_GAP}({'|'.join(_LEXEMES)}|\Z|(?s:.+))")
_SHAPE = re.compile(rf"{_GAP}(?:({_WORD}|{_QUOTED}|(?!\.[0-9])(?:{_OPERATOR}))|(?:[Uu]&|[Xx])?{_STRING}|{_NUMBER})")
"""All written so that there is one way to read a text, and so none to go back to: what is possessive is a repeated set
of characters only. Possessive groups that hold a choice match wrongly before Python 3.11.5 (python/cpython#106052).
"""
_KINDS = (Kind.END, *Kind)
_END = int(Kind.END)
_TRIVIA = re.compile(_GAP)
_NEWLINE = re.compile("\n")


def lex(sql: str, limits: Limits = Limits()) -> list[Lexeme]:  # noqa: B008  (frozen)
    """Cut a text into lexemes; the last one is the END. Linear in the text.

    Raises Refusal SYNTAX_ERROR for characters that Trino's lexer knows not, QUERY_TEXT_TOO_LARGE over `max_tokens`.
    """
    lines = [found.start() for found in _NEWLINE.finditer(sql)]
    lexemes: list[Lexeme] = []
    add, new, kinds = lexemes.append, tuple.__new__, _KINDS
    line, end, before, behind = 1, 0, -1, len(sql)  # `before` and `behind` are the line breaks around a lexeme
    if lines:
        behind = lines[0]
    scan = _GRAMMAR.scanner(sql).match  # type: ignore[attr-defined]  # typeshed does not know it
    for match in islice(iter(scan, None), limits.max_tokens + 1):
        group = match.lastindex
        start, end = match.span(group)
        text = match[group]
        if start > behind:
            line = bisect_left(lines, start) + 1
            before = lines[line - 2]
            behind = lines[line - 1] if line <= len(lines) else len(sql)
        upper = text.upper() if group == 1 else text
        add(new(Lexeme, (kinds[group], text, upper, start, end, line, start - before)))
        if group == _END:
            return lexemes
    if len(lexemes) > limits.max_tokens:
        raise Refusal(
            ErrorCode.QUERY_TEXT_TOO_LARGE, f"Query text has more than the maximum of {limits.max_tokens} tokens"
        )
    raise _unknown(sql, end, lines)


def pieces_of(sql: str) -> list[str]:
    """Return the texts of a text's lexemes, END's too; where none begins, a piece is the whole rest, which is none."""
    pieces: list[str] = _PIECES.findall(sql)
    if pieces[-2:] == ["", ""]:  # the gap at the end, and the end itself
        pieces.pop()
    return pieces


def unplaced(piece: str) -> Lexeme | None:
    """Return the lexeme that a piece is, as if it stood at the beginning; None if it is none."""
    match = _GRAMMAR.fullmatch(piece)
    if match is None or match.lastindex in (None, _END):
        return None
    kind = _KINDS[match.lastindex]
    return Lexeme(kind, piece, piece.upper() if kind is Kind.WORD else piece, 0, len(piece), 1, 1)


def shape(sql: str) -> str:
    """Return what is left of a lawful text without its literals, layout and letter case: equal for equal shapes."""
    return "\0".join(_SHAPE.findall(f"{sql}\n;")).lower()  # the end takes a comment before it along


def _unknown(sql: str, end: int, lines: list[int]) -> Refusal:
    """Explain the character at which no lexeme begins."""
    trivia = _TRIVIA.match(sql, end)
    start = trivia.end() if trivia else end
    char = sql[start]
    line = bisect_left(lines, start)
    column = start - lines[line - 1] if line else start + 1
    lexeme = Lexeme(Kind.OPERATOR, char, char, start, start + 1, line + 1, column)
    if char == "`":
        return syntax_error("backquoted identifiers are not supported; use double quotes to quote identifiers", lexeme)
    if char.isdigit():
        return syntax_error(
            "identifiers must not start with a digit; surround the identifier with double quotes", lexeme
        )
    if sql.startswith('""', start):
        return syntax_error("Zero-length delimited identifier not allowed", lexeme)
    if not char.isprintable():
        return syntax_error(f"mismatched input: the character U+{ord(char):04X} is not allowed here", lexeme)
    return mismatched(lexeme)
