"""CAST and TRY_CAST: the type is read by Trino's rules and passed on whole.

sqlglot knows types of every dialect (`int8` is TINYINT to it) and does not know some of Trino's (`P4HyperLogLog`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import FORBIDDEN, TYPE
from catalog.dialect.types import read_type, type_sql
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


_NO_NAMES = frozenset({"CAST", "MATCH_RECOGNIZE", "PATTERNED"})
"""Frames in which something else than a name may follow AS."""


def cast(writer: Writer, at: int) -> int:
    """Begin a cast when a bracket follows."""
    lexeme = writer.lexemes[at]
    if writer.lexemes[at + 1].text == "(":
        writer.pending = "CAST"
        writer.write(TokenType.VAR, lexeme)
    else:
        writer.write(FORBIDDEN if lexeme.upper == "CAST" else TokenType.VAR, lexeme)
    return at + 1


def alias(writer: Writer, at: int) -> int:
    """Write AS; in a cast the type follows as one token, in a WINDOW clause a window specification."""
    lexeme, following, frame = writer.lexemes[at], writer.lexemes[at + 1], writer.frames[-1]
    starred = at > 1 and following.text == "(" and [each.text for each in writer.lexemes[at - 2 : at]] == [".", "*"]
    bare = writer.lexemes[at - 1].text == "*"  # `SELECT * AS x`
    if not starred and (bare or not writer.after_operand(at)):
        raise mismatched(lexeme)
    if following.text != "(" and (not following.is_name or following.upper in RESERVED) and frame.kind not in _NO_NAMES:
        raise mismatched(following, "<identifier>")
    writer.write(TokenType.ALIAS, lexeme)
    if starred:
        return upper_names(writer, at + 1)
    if frame.kind == "CAST":
        return write_type(writer, at + 1)
    if frame.windows and following.text == "(":
        writer.pending = "WINDOW"
    return at + 1


def upper_names(writer: Writer, at: int) -> int:
    """Write names in brackets that Trino shows in upper case unless they are quoted: they will be quoted."""
    at = brackets.opened(writer, at)
    while writer.lexemes[at].text != ")":
        lexeme = writer.lexemes[at]
        if lexeme.kind is Kind.END:
            raise mismatched(lexeme)
        if lexeme.text != "," and (not lexeme.is_name or lexeme.upper in RESERVED):
            raise mismatched(lexeme, "<identifier>")
        if lexeme.text == ",":
            at = brackets.comma(writer, at)
        else:
            quoted = lexeme.kind is Kind.QUOTED
            writer.write(TokenType.IDENTIFIER, lexeme, lexeme.identifier if quoted else lexeme.upper)
            at += 1
    return at


def write_type(writer: Writer, at: int) -> int:
    """Read a type at an index and write it as one token; a closing bracket has to follow it in a cast."""
    data_type, end = read_type(writer.lexemes, at)
    if writer.frames[-1].kind == "CAST" and writer.lexemes[end].text != ")":
        raise mismatched(writer.lexemes[end], "')'")
    writer.write(TYPE, writer.lexemes[at], type_sql(data_type))
    return end


PATCHES: dict[str, Patch] = {"CAST": cast, "TRY_CAST": cast, "AS": alias}
