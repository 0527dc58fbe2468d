"""JSON_TABLE: the types of its columns, the optional word PATH, and its plan as one token of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets
from catalog.dialect.patches.casts import write_type
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import TYPE
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_FRAMES = ("JSON_TABLE", "COLUMNS")
_PLAN_WORDS = frozenset({"OUTER", "INNER", "UNION", "CROSS"})


def json_table(writer: Writer, at: int) -> int:
    """Begin a JSON_TABLE."""
    if writer.lexemes[at + 1].text != "(":
        raise mismatched(writer.lexemes[at + 1], "'('")
    writer.pending = "JSON_TABLE"
    writer.write(TokenType.VAR, writer.lexemes[at])
    return at + 1


def columns(writer: Writer, at: int) -> int:
    """Write COLUMNS and its list, or the name."""
    writer.write(TokenType.VAR, writer.lexemes[at])
    if writer.lexemes[at + 1].text != "(" or writer.frames[-1].kind not in _FRAMES or not writer.after_operand(at):
        return at + 1
    writer.pending = "COLUMNS"
    at = brackets.opened(writer, at + 1)
    end = writer.end_of(at)
    while True:
        at = writer.between(_column(writer, at), writer.end_of(at, ","))
        if at >= end:
            return at
        at = brackets.comma(writer, at)


def _column(writer: Writer, at: int) -> int:
    """Write the name and the type of a column; a nested list of columns has neither."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    if lexeme.upper == "NESTED" and (following.upper == "PATH" or following.kind is Kind.STRING):
        writer.write(TokenType.VAR, lexeme)
        if following.kind is Kind.STRING:
            writer.write(TokenType.VAR, following, "PATH")
        return at + 1
    if not lexeme.is_name or lexeme.upper in RESERVED:
        raise mismatched(lexeme, "<identifier>")
    quoted = lexeme.kind is Kind.QUOTED
    writer.write(TokenType.IDENTIFIER if quoted else TokenType.VAR, lexeme, lexeme.identifier)
    return at + 1 if following.upper == "FOR" else write_type(writer, at + 1)


def plan(writer: Writer, at: int) -> int:
    """Write PLAN and the plan in brackets as one token, or the name."""
    lexemes = writer.lexemes
    writer.write(TokenType.VAR, lexemes[at])
    opening = at + 2 if lexemes[at + 1].upper == "DEFAULT" else at + 1
    if writer.frames[-1].kind != "JSON_TABLE" or lexemes[opening].text != "(":
        return at + 1
    if opening == at + 2:
        writer.write(TokenType.VAR, lexemes[at + 1])
    end = writer.end_of(opening + 1)
    pieces = []
    for lexeme in lexemes[opening : end + 1]:
        if lexeme.kind is Kind.WORD and lexeme.upper not in RESERVED and lexeme.upper not in _PLAN_WORDS:
            pieces.append(f'"{lexeme.upper}"')
        elif lexeme.kind is Kind.QUOTED or lexeme.upper in _PLAN_WORDS or lexeme.text in ("(", ")", ","):
            pieces.append(lexeme.upper if lexeme.kind is Kind.WORD else lexeme.text)
        else:
            raise mismatched(lexeme)
    writer.write(TYPE, lexemes[opening], " ".join(pieces))
    return end + 1


PATCHES: dict[str, Patch] = {"JSON_TABLE": json_table, "COLUMNS": columns, "PLAN": plan}
