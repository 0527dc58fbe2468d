"""LIMIT, OFFSET and FETCH: in Trino's order, at the end of a query, with a number or a parameter.

All three words are names elsewhere. sqlglot takes `LIMIT 2, 3`, `LIMIT 2 OFFSET 3` and expressions, and writes FETCH in
one of its many spellings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_INTEGER = re.compile(r"0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9_]+")


def limit(writer: Writer, at: int) -> int:
    """Write LIMIT and its count, or the name."""
    lexemes = writer.lexemes
    unlimited = lexemes[at + 1].upper == "ALL" and lexemes[at + 2].text in (")", "")
    if not writer.after_operand(at) or not (_count(writer, at + 1) or unlimited):
        return _name(writer, at)
    writer.write(TokenType.LIMIT, lexemes[at])
    if unlimited:
        writer.write(TokenType.ALL, lexemes[at + 1])
        return _ends(writer, at + 2)
    return _ends(writer, _write_count(writer, at + 1))


def offset(writer: Writer, at: int) -> int:
    """Write OFFSET and its count, or the name."""
    if not writer.after_operand(at) or not _count(writer, at + 1):
        return _name(writer, at)
    writer.write(TokenType.OFFSET, writer.lexemes[at])
    at = _write_count(writer, at + 1)
    if writer.lexemes[at].upper in ("ROW", "ROWS"):
        at += 1
    return at if writer.lexemes[at].upper in ("LIMIT", "FETCH") else _ends(writer, at)


def fetch(writer: Writer, at: int) -> int:
    """Write FETCH in one spelling, or the name."""
    lexemes = writer.lexemes
    if not writer.after_operand(at) or lexemes[at + 1].upper not in ("FIRST", "NEXT"):
        return _name(writer, at)
    writer.write(TokenType.FETCH, lexemes[at])
    writer.write(TokenType.FIRST, lexemes[at + 1], "FIRST")
    at += 2
    if _count(writer, at):
        at = _write_count(writer, at)
    else:
        writer.write(TokenType.NUMBER, lexemes[at - 1], "1")
    if lexemes[at].upper not in ("ROW", "ROWS"):
        raise mismatched(lexemes[at], "'ROW', 'ROWS'")
    writer.write(TokenType.VAR, lexemes[at], "ROWS")
    at += 1
    if lexemes[at].upper == "ONLY":
        writer.write(TokenType.VAR, lexemes[at])
        return _ends(writer, at + 1)
    if lexemes[at].upper != "WITH" or lexemes[at + 1].upper != "TIES":
        raise mismatched(lexemes[at], "'ONLY', 'WITH'")
    writer.write(TokenType.WITH, lexemes[at])
    writer.write(TokenType.VAR, lexemes[at + 1])
    return _ends(writer, at + 2)


def _name(writer: Writer, at: int) -> int:
    writer.write(TokenType.VAR, writer.lexemes[at])
    return at + 1


def _count(writer: Writer, at: int) -> bool:
    lexeme = writer.lexemes[at]
    return lexeme.text == "?" or (lexeme.kind is Kind.NUMBER and _INTEGER.fullmatch(lexeme.text) is not None)


def _write_count(writer: Writer, at: int) -> int:
    if writer.lexemes[at].text == "?":
        writer.write(TokenType.PLACEHOLDER, writer.lexemes[at])
        return at + 1
    return writer.literal(at)


def _ends(writer: Writer, at: int) -> int:
    """Refuse what follows the end of a query."""
    if writer.lexemes[at].text not in (")", ""):
        raise mismatched(writer.lexemes[at])
    return at


PATCHES: dict[str, Patch] = {"LIMIT": limit, "OFFSET": offset, "FETCH": fetch}
