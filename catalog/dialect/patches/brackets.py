"""Brackets, commas and dots: frames for the other patches, and no lists or names with holes.

sqlglot forgives a comma before a closing bracket or a clause (`SELECT 1, FROM t`); Trino does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import listagg, qualified_calls, set_quantifiers, windows
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import WRITTEN, Frame
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_WORD, _QUOTED, _END = Kind.WORD, Kind.QUOTED, Kind.END
_COMMA, _DOT, _L_PAREN, _R_PAREN = TokenType.COMMA, TokenType.DOT, TokenType.L_PAREN, TokenType.R_PAREN
"""Members of enumerations, by names that cost no look-up: half of all lexemes come through here."""
_NO_ITEM = frozenset({",", ")", "]", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "UNION", "EXCEPT", "INTERSECT", "ON"})


def opened(writer: Writer, at: int) -> int:
    """Open a round bracket's frame; a set quantifier ALL behind it says nothing and is left out."""
    kind, writer.pending = writer.pending, ""
    writer.write(_L_PAREN, writer.lexemes[at], None, WRITTEN)
    writer.frames.append(Frame(kind))
    if kind and kind in windows.KINDS and windows.begins_with_name(writer, at + 1):
        return windows.window_name(writer, at + 1)
    if writer.lexemes[at + 1].upper != "ALL":
        return at + 1
    if writer.lexemes[at + 2].text == "*":
        raise mismatched(writer.lexemes[at + 3], "<expression>")
    return set_quantifiers.skip_all(writer, at + 1)


def closed(writer: Writer, at: int) -> int:
    """Close a bracket's frame."""
    lexeme, frames = writer.lexemes[at], writer.frames
    if len(frames) == 1:
        raise mismatched(lexeme)
    if lexeme.text == "]":
        frames.pop()
        writer.write(TokenType.R_BRACKET, lexeme)
        return at + 1
    if frames[-1].kind:
        listagg.add_separator(writer, at)
    frames.pop()
    writer.write(_R_PAREN, lexeme)
    return at + 1


def subscript(writer: Writer, at: int) -> int:
    """Open the frame of a subscript, or of an array when no operand stands before it."""
    writer.write(TokenType.L_BRACKET, writer.lexemes[at], None if writer.after_operand(at) else "ARRAY [")
    writer.frames.append(Frame())
    return at + 1


def comma(writer: Writer, at: int) -> int:
    """Write a comma that has an item behind it."""
    following = writer.lexemes[at + 1]
    if following.upper in _NO_ITEM or following.kind is _END:
        raise mismatched(following)
    frame = writer.frames[-1]
    frame.commas += 1
    writer.write(_COMMA, writer.lexemes[at])
    if frame.windows:
        return windows.definition(writer, at + 1)
    return at + 1


def dot(writer: Writer, at: int) -> int:
    """Write a dot that has a name or a star behind it; reserved words are names to sqlglot there."""
    lexemes = writer.lexemes
    before, following = lexemes[at - 1], lexemes[at + 1]
    if before.kind is _QUOTED and len(before.text) == _SYSTEM and qualified_calls.qualifies(writer, at - 1):
        writer.tokens.pop()
        return at + 3
    kind = following.kind
    if kind is not _QUOTED and following.text != "*" and (kind is not _WORD or following.upper in RESERVED):
        raise mismatched(following, "'*', <identifier>")
    writer.write(_DOT, lexemes[at])
    return at + 1


_SYSTEM = len('"system"')
PATCHES: dict[str, Patch] = {"(": opened, ")": closed, "[": subscript, "]": closed, ",": comma, ".": dot}
