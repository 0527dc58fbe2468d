"""SQL/JSON functions: types after RETURNING, and the two spellings of a member of JSON_OBJECT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches.casts import write_type
from catalog.dialect.tokens import FORBIDDEN
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_FUNCTIONS = frozenset({"JSON_ARRAY", "JSON_EXISTS", "JSON_OBJECT", "JSON_QUERY", "JSON_VALUE"})


def function(writer: Writer, at: int) -> int:
    """Begin an SQL/JSON function."""
    lexeme = writer.lexemes[at]
    called = writer.lexemes[at + 1].text == "("
    writer.pending = lexeme.upper if called else ""
    writer.write(TokenType.VAR if called else FORBIDDEN, lexeme)
    return at + 1


def returning(writer: Writer, at: int) -> int:
    """Write RETURNING and its type, or the name."""
    writer.write(TokenType.VAR, writer.lexemes[at])
    following = writer.lexemes[at + 1]
    alone = writer.lexemes[at - 1].text == "(" and following.kind is Kind.WORD and following.upper not in RESERVED
    if writer.frames[-1].kind in _FUNCTIONS and (alone or writer.after_operand(at)):
        return write_type(writer, at + 1)
    return at + 1


def key(writer: Writer, at: int) -> int:
    """Leave out KEY before a member of JSON_OBJECT."""
    before, following = writer.lexemes[at - 1], writer.lexemes[at + 1]
    begins = writer.frames[-1].kind == "JSON_OBJECT" and before.text in ("(", ",")
    operand = (following.kind.name != "OPERATOR" or following.text == "?") and following.upper not in (
        RESERVED - {"CAST", "CASE"}
    )
    if begins and operand and following.upper != "VALUE":
        return at + 1
    writer.write(TokenType.VAR, writer.lexemes[at])
    return at + 1


def value(writer: Writer, at: int) -> int:
    """Write VALUE between the key and the value of a member as a colon."""
    separates = writer.frames[-1].kind == "JSON_OBJECT" and writer.after_operand(at)
    writer.write(TokenType.COLON if separates else TokenType.VAR, writer.lexemes[at], ":" if separates else None)
    return at + 1


PATCHES: dict[str, Patch] = {
    **dict.fromkeys(_FUNCTIONS, function),
    "RETURNING": returning,
    "KEY": key,
    "VALUE": value,
}
