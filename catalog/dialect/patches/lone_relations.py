"""Brackets around a single UNNEST, LATERAL or TABLE(...), which say nothing; and those that a sample of it needs.

sqlglot reads no such relation in brackets, and no TABLESAMPLE behind one, nor behind VALUES.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.tokens import WRITTEN
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Patch, Writer

_BEFORE_RELATION = frozenset({"FROM", "JOIN", ",", "("})
_JOINS = frozenset({"CROSS", "FULL", "INNER", "JOIN", "LEFT", "NATURAL", "RIGHT"})
_SAMPLED = frozenset({"UNNEST", "LATERAL"})


def alone(patch: Patch) -> Patch:
    """Return the patch of a word that begins a relation, with brackets around nothing else left out."""

    def write(writer: Writer, at: int) -> int:
        lexemes = writer.lexemes
        if at < 2 or lexemes[at - 1].text != "(" or lexemes[at + 1].text != "(":
            return patch(writer, at)
        end = _end(writer, at)
        pairs = 0
        while (
            at - 2 - pairs >= 0
            and lexemes[at - 1 - pairs].text == "("
            and lexemes[at - 2 - pairs].upper in _BEFORE_RELATION
            and lexemes[end + pairs].text == ")"
            and not _named_again(writer, at, end + pairs)
        ):
            pairs += 1
        if pairs and _is_held(writer, at - 1 - pairs):
            pairs -= 1  # sqlglot reads a relation of this kind in brackets only if it stands alone in its own
        if not pairs and lexemes[end].upper in _JOINS and _is_held(writer, at - 1):
            writer.tokens.append(_bracket(TokenType.L_PAREN, "(", lexemes[at]))
            end = writer.between(patch(writer, at), end)
            writer.tokens.append(_bracket(TokenType.R_PAREN, ")", lexemes[end]))
            return end
        if not pairs:
            return patch(writer, at)
        del writer.tokens[-pairs:], writer.frames[-pairs:]
        return writer.between(patch(writer, at), end) + pairs

    return write


def _is_held(writer: Writer, at: int) -> bool:
    """Tell whether the bracket at an index holds a relation and more: a join, or another name for it."""
    return at > 0 and writer.lexemes[at].text == "(" and writer.lexemes[at - 1].upper in _BEFORE_RELATION


def _end(writer: Writer, at: int) -> int:
    """Return the index behind a relation that begins with a word and a bracket, its alias with it."""
    lexemes = writer.lexemes
    at = writer.end_of(at + 2) + 1
    if lexemes[at].upper == "WITH" and lexemes[at + 1].upper == "ORDINALITY":
        at += 2
    at += lexemes[at].upper == "AS"
    if not _is_name(writer, at):
        return at
    return writer.end_of(at + 2) + 1 if lexemes[at + 1].text == "(" else at + 1


def _is_name(writer: Writer, at: int) -> bool:
    lexeme = writer.lexemes[at]
    if lexeme.kind is Kind.QUOTED:
        return True
    if lexeme.kind is not Kind.WORD or lexeme.upper in RESERVED or lexeme.upper in ("TABLESAMPLE", "MATCH_RECOGNIZE"):
        return False
    following = writer.lexemes[at + 1]
    limits = following.kind is Kind.NUMBER or following.upper in ("?", "ALL", "FIRST", "NEXT")
    return not (lexeme.upper in ("LIMIT", "OFFSET", "FETCH") and limits)


def _named_again(writer: Writer, at: int, bracket: int) -> bool:
    """Tell whether the bracket matters: a sample or a pattern is taken of it, or it gets a second name."""
    following = writer.lexemes[bracket + 1].upper
    if following in ("TABLESAMPLE", "MATCH_RECOGNIZE"):
        return True
    return (following == "AS" or _is_name(writer, bracket + 1)) and _has_alias(writer, at)


def _has_alias(writer: Writer, at: int) -> bool:
    behind = writer.end_of(at + 2) + 1
    behind += 2 if writer.lexemes[behind].upper == "WITH" else 0
    return writer.lexemes[behind].text != ")"


def enclose_sampled(writer: Writer, at: int) -> None:
    """Put what has been written of UNNEST, LATERAL or VALUES with its alias before a sample into brackets."""
    start = _start(writer, at - 1)
    if start is None:
        return
    first = writer.lexemes[start]
    end = writer.end_of(start + 1)
    if first.text == "(" and end < at - 1:  # VALUES with a name: its own brackets are taken for the sample's
        closing = writer.lexemes[end]
        writer.tokens.insert(_index(writer, closing) + 1, _bracket(TokenType.R_PAREN, ")", closing))
        writer.tokens.insert(_index(writer, first), _bracket(TokenType.L_PAREN, "(", first))
    writer.tokens.insert(_index(writer, first), _bracket(TokenType.L_PAREN, "(", first))
    writer.write(TokenType.R_PAREN, writer.lexemes[at - 1], ")")


def _bracket(kind: TokenType, text: str, place: Lexeme) -> Token:
    comments = list(WRITTEN) if kind is TokenType.L_PAREN else None
    return Token(kind, text, place.line, place.column, place.start, place.start, comments)


def _index(writer: Writer, lexeme: Lexeme) -> int:
    """Return the index of the first token that was written for a lexeme."""
    return next(i for i, token in enumerate(writer.tokens) if token.start == lexeme.start)


def _start(writer: Writer, at: int) -> int | None:
    """Return the index at which a relation that ends at another begins, None where sqlglot reads it as it is."""
    lexemes = writer.lexemes
    if lexemes[at].upper == "ORDINALITY" and lexemes[at - 1].upper == "WITH":
        return _begins(writer, at - 2)
    if lexemes[at].text == ")":
        begins = _begins(writer, at)
        if begins is not None:
            return begins
        at = _opening(writer, at) - 1  # before the names of columns
    at -= 1 + (lexemes[at - 1].upper == "AS")
    at -= 2 if lexemes[at].upper == "ORDINALITY" else 0
    return _begins(writer, at)


def _begins(writer: Writer, closing: int) -> int | None:
    """Return where a relation begins whose last bracket closes at an index."""
    if writer.lexemes[closing].text != ")":
        return None
    opening = _opening(writer, closing)
    if writer.lexemes[opening - 1].upper in _SAMPLED:
        return opening - 1
    return opening if writer.lexemes[opening + 1].upper == "VALUES" else None


def _opening(writer: Writer, at: int) -> int:
    """Return the index of the bracket that the one at an index closes."""
    depth = 0
    while at > 0:
        text = writer.lexemes[at].text
        depth += (text == ")") - (text == "(")
        if depth == 0:
            break
        at -= 1
    return at
