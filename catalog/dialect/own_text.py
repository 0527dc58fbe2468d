"""Own text: read what the gateway wrote. Its places mean nothing, so that equal words are one lexeme and one token.

Half of the time of a plan was spent on reading the governed text again, most of it on making objects for words that
every such text has: the names of columns, brackets, keywords.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.lexer import lex, pieces_of, unplaced
from catalog.dialect.patches import TABLE, to_tokens

if TYPE_CHECKING:
    from collections.abc import Collection

    from catalog.dialect.limits import Limits

_MOST, _LONGEST = 16_384, 64
"""Pieces remembered at once (then all are forgotten), and characters of the longest."""
_END = Lexeme(Kind.END, "", "", 0, 0, 1, 1)
_PLACED = ("PATTERN", "FUNCTION")
"""Words of constructs that are read by their places: row patterns, inline functions."""
_lexemes: dict[str, Lexeme] = {"": _END}
_tokens: dict[str, Token] = {}


def read_own(sql: str, limits: Limits) -> tuple[list[Lexeme], list[Token] | None]:
    """Cut a text that the gateway wrote into lexemes, and into tokens where its places do not matter.

    Raises Refusal as `lex` and `to_tokens` do.
    """
    if any(word in sql for word in _PLACED):
        return lex(sql, limits), None
    lexemes = lexemes_of(sql, limits)
    return lexemes, to_tokens(lexemes, _tokens)


def lexemes_of(sql: str, limits: Limits) -> list[Lexeme]:
    """Cut a text into lexemes as `lex` does, each as if it stood at the beginning. Raises Refusal as `lex` does."""
    pieces = pieces_of(sql)
    if len(pieces) > limits.max_tokens:
        return lex(sql, limits)
    try:
        lexemes = [_lexemes[piece] for piece in pieces]
    except KeyError:
        found = [_lexemes.get(piece) or _remember(piece) for piece in pieces]
        lexemes = [lexeme for lexeme in found if lexeme is not None]
        if len(lexemes) < len(pieces):
            return lex(sql, limits)  # which says what is wrong, and where
    return lexemes


def remembered() -> Collection[str]:
    """Return the pieces that are remembered."""
    return _lexemes.keys()


def _remember(piece: str) -> Lexeme | None:
    """Return the lexeme of a piece that was not seen before, None if it is none."""
    lexeme = unplaced(piece)
    if lexeme is None or len(piece) > _LONGEST:
        return lexeme
    if len(_lexemes) >= _MOST:
        _lexemes.clear()
        _tokens.clear()
        _lexemes[""] = _END
    _lexemes[piece] = lexeme
    token = _plain_token(lexeme)
    if token is not None:
        _tokens[piece] = token
    return lexeme


def _plain_token(lexeme: Lexeme) -> Token | None:
    """Return the token of a lexeme that stands for itself wherever it stands."""
    if lexeme.kind is Kind.QUOTED:
        return Token(TokenType.IDENTIFIER, lexeme.identifier, 1, 1, 0, lexeme.end - 1)
    action = TABLE.get(lexeme.upper)
    if action is None and lexeme.kind is Kind.WORD:
        action = TokenType.VAR
    return Token(action, lexeme.text, 1, 1, 0, lexeme.end - 1) if isinstance(action, TokenType) else None
