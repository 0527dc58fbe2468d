"""Windows: OVER, FILTER, WINDOW, ROWS, RANGE are names unless they stand where a window begins.

Names of windows are matched in upper case unless quoted; since all identifiers are written quoted, unquoted ones are
put in upper case here. So are the words of a frame, which sqlglot keeps as they were typed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_FRAMES = {"ROWS": TokenType.ROWS, "RANGE": TokenType.RANGE, "GROUPS": TokenType.ROWS}
KINDS = ("WINDOW", "PATTERNED")
"""Frames of window specifications, without and with a row pattern."""
_NO_BOUND = frozenset({"ORDER", "ROWS", "RANGE", "GROUPS", "ASC", "DESC", "NULLS"})
_BEHIND_NAME = _NO_BOUND | {"MEASURES", "PARTITION"}


def over(writer: Writer, at: int) -> int:
    """Write OVER behind a call, and the window's name if it has one; else the name `over`."""
    lexemes = writer.lexemes
    before, following = lexemes[at - 1], lexemes[at + 1]
    named = following.kind is Kind.QUOTED or (following.kind is Kind.WORD and following.upper not in RESERVED)
    if not (before.text == ")" or before.upper == "NULLS") or not (named or following.text == "("):
        writer.write(TokenType.VAR, lexemes[at])
        return at + 1
    writer.write(TokenType.OVER, lexemes[at])
    if named:
        return window_name(writer, at + 1)
    writer.pending = "WINDOW"
    return at + 1


def window(writer: Writer, at: int) -> int:
    """Write WINDOW before a definition, else the name."""
    if not _defines(writer, at + 1) or not writer.after_operand(at):
        writer.write(TokenType.VAR, writer.lexemes[at])
        return at + 1
    writer.write(TokenType.WINDOW, writer.lexemes[at])
    writer.frames[-1].windows = True
    return window_name(writer, at + 1)


def definition(writer: Writer, at: int) -> int:
    """Write the name of one more definition in a WINDOW clause."""
    if not _defines(writer, at):
        raise mismatched(writer.lexemes[at if not writer.lexemes[at].is_name else at + 1])
    return window_name(writer, at)


def _defines(writer: Writer, at: int) -> bool:
    """Tell whether `name AS (` stands here."""
    name, *following = writer.lexemes[at : at + 3]
    return name.is_name and [lexeme.upper for lexeme in following] == ["AS", "("]


def filtered(writer: Writer, at: int) -> int:
    """Write FILTER between a call and its condition, else the name."""
    lexemes = writer.lexemes
    condition = lexemes[at + 1].text == "(" and lexemes[at + 2].upper == "WHERE"  # else the names of columns
    filters = lexemes[at - 1].text == ")" and condition
    writer.write(TokenType.FILTER if filters else TokenType.VAR, lexemes[at])
    return at + 1


def frame(writer: Writer, at: int) -> int:
    """Write the unit of a window frame before its bound, else the name."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    named = following.upper in ("FOLLOWING", "PRECEDING")  # `rows FOLLOWING`: a column bounds the frame
    bounds = following.kind is not Kind.OPERATOR and following.upper not in _NO_BOUND and not named
    is_unit = writer.frames[-1].kind in KINDS and (bounds or following.text in ("?", "-", "("))
    if is_unit:
        writer.write(_FRAMES[lexeme.upper], lexeme, lexeme.upper)
    else:
        writer.write(TokenType.VAR, lexeme)
    return at + 1


def direction(writer: Writer, at: int) -> int:
    """Write PRECEDING and FOLLOWING in upper case behind a bound, as they are looked for, else the name."""
    lexeme = writer.lexemes[at]
    bounds = writer.frames[-1].kind in KINDS and writer.after_operand(at)
    writer.write(TokenType.VAR, lexeme, lexeme.upper if bounds else None)
    return at + 1


def partition(writer: Writer, at: int) -> int:
    """Write PARTITION BY as the one token it is to sqlglot, else the name."""
    lexeme = writer.lexemes[at]
    if writer.lexemes[at + 1].upper == "BY":
        writer.write(TokenType.PARTITION_BY, lexeme, "PARTITION BY")
        return at + 2
    writer.write(TokenType.VAR, lexeme)
    return at + 1


def begins_with_name(writer: Writer, at: int) -> bool:
    """Tell whether a window specification whose bracket was just opened begins with another window's name."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    if lexeme.kind is Kind.QUOTED:
        return True
    if lexeme.kind is not Kind.WORD or lexeme.upper in RESERVED or following.upper == "BY":
        return False
    if lexeme.upper == "MEASURES" and writer.frames[-1].kind == "PATTERNED" and following.upper not in _BEHIND_NAME:
        return False
    return lexeme.upper not in _FRAMES or following.upper in _NO_BOUND or following.text == ")"


def window_name(writer: Writer, at: int) -> int:
    """Write a window's name as Trino compares it."""
    lexeme = writer.lexemes[at]
    name = lexeme.identifier if lexeme.kind is Kind.QUOTED else lexeme.upper
    writer.write(TokenType.IDENTIFIER, lexeme, name)
    return at + 1


PATCHES: dict[str, Patch] = {
    "OVER": over,
    "WINDOW": window,
    "FILTER": filtered,
    "PARTITION": partition,
    "ROWS": frame,
    "RANGE": frame,
    "GROUPS": frame,
    "PRECEDING": direction,
    "FOLLOWING": direction,
}
