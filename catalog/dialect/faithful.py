"""Nothing lost, nothing invented: the words of a tree are the words that were read.

The tree is written as text and the text is cut in pieces; these have to be the tokens that the parser was given, in the
same order. What may differ: quotes and letter case of names, parentheses, the optional words AS, INNER and OUTER, and
the place (not the number) of NOT. So a clause that sqlglot drops, a literal that it rounds or a join that it rewrites
cannot pass, whether or not anybody thought of it before.
"""

from __future__ import annotations

import re
from functools import lru_cache

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.tokens import MEASURE, PATTERN_WINDOW, TYPE
from catalog.errors import ErrorCode, Location, Refusal

_PIECE = re.compile(
    r"""x?'[^']*+(?:''[^']*+)*'(?!')|"(?!"(?!"))[^"]*+(?:""[^"]*+)*"(?!")|[0-9]++(?:\.[0-9]*+)?(?:[eE][+-]?[0-9]++)?
    |\.[0-9]++(?:[eE][+-]?[0-9]++)?|[A-Za-z_][A-Za-z0-9_]*+|<>|<=|>=|\|\||->|=>|[^\s]""",
    re.VERBOSE,
)
_SILENT = frozenset({"(", ")", "AS", "INNER", "OUTER"})
_MUTE = frozenset(
    {
        *(TokenType.L_PAREN, TokenType.R_PAREN, TokenType.ALIAS, TokenType.INNER, TokenType.OUTER),
        *(MEASURE, PATTERN_WINDOW),
    }
)
_PLAIN = frozenset({TokenType.VAR, TokenType.IDENTIFIER, TokenType.COMMA, TokenType.DOT, TokenType.NUMBER})
_SPLIT = frozenset(
    {
        TokenType.GROUP_BY,
        TokenType.ORDER_BY,
        TokenType.PARTITION_BY,
        TokenType.GROUPING_SETS,
        TokenType.L_BRACKET,
        TYPE,
    }
)
"""Tokens that stand for more than one piece."""


def check_faithful(tokens: list[Token], written: str) -> None:
    """Refuse when the pieces of the regenerated text are not those of the tokens that were read.

    Raises Refusal SYNTAX_ERROR at the first token that has no counterpart.
    """
    ours = _read_pieces(tokens)
    theirs = _folded(_PIECE.findall(written))
    if ours != theirs and (_positive(ours) != _positive(theirs) or len(ours) != len(theirs)):
        raise _unfaithful(tokens, _positive(theirs))


def _read_pieces(tokens: list[Token]) -> list[str]:
    pieces: list[str] = []
    add = pieces.append
    for token in tokens:
        kind, text = token.token_type, token.text
        if kind in _PLAIN:
            add(text.upper())
        elif kind in _MUTE:
            continue
        elif kind is TokenType.STRING:
            add("'" + text.replace("'", "''") + "'")
        elif kind is TokenType.HEX_STRING:
            add(f"x'{text}'")
        elif kind in _SPLIT:
            pieces.extend(_pieces_of(text))
        elif kind is TokenType.NEQ:
            add("<>")
        elif text:
            add(text.upper())
    return pieces


@lru_cache(maxsize=512)
def _pieces_of(text: str) -> tuple[str, ...]:
    return tuple(_folded(_PIECE.findall(text)))


def _folded(pieces: list[str]) -> list[str]:
    """Return pieces as they are compared: names without quotes, all but strings in upper case, nothing silent."""
    folded: list[str] = []
    for piece in pieces:
        if piece[0] == '"':
            folded.append(piece[1:-1].replace('""', '"').upper())
        elif piece[-1] == "'":
            folded.append(piece)
        elif (upper := piece.upper()) not in _SILENT:
            folded.append(upper)
    return folded


def _positive(pieces: list[str]) -> list[str]:
    return [piece for piece in pieces if piece != "NOT"]


def _unfaithful(tokens: list[Token], theirs: list[str]) -> Refusal:
    """Return the refusal at the first token whose pieces are not there."""
    at = 0
    culprit = tokens[-1]
    for token in tokens:
        pieces = _positive(_read_pieces([token]))
        if theirs[at : at + len(pieces)] != pieces:
            culprit = token
            break
        at += len(pieces)
    return Refusal(
        ErrorCode.SYNTAX_ERROR,
        f"mismatched input '{culprit.text}'",
        location=Location(culprit.line, culprit.col),
        detail="the regenerated text has other words",
    )
