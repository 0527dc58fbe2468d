"""ALL and DISTINCT where they are the default.

`SELECT ALL x` and `count(ALL x)` are dropped by sqlglot without a trace, `UNION DISTINCT` is written as `UNION`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.syntax import mismatched, not_supported
from catalog.dialect.tokens import starts_operand

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_OPERATIONS = {"UNION": TokenType.UNION, "EXCEPT": TokenType.EXCEPT, "INTERSECT": TokenType.INTERSECT}
_NO_ITEM = frozenset({"", ")", ",", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", *_OPERATIONS})


def skip_all(writer: Writer, at: int) -> int:
    """Return the index after an ALL that quantifies what follows, or the index itself."""
    if writer.lexemes[at].upper != "ALL":
        return at
    following = writer.lexemes[at + 1]
    return at + 1 if following.text in ("*", "(") or starts_operand(following) else at


def select(writer: Writer, at: int) -> int:
    """Write SELECT without its ALL; an item has to follow."""
    writer.write(TokenType.SELECT, writer.lexemes[at])
    item = skip_all(writer, at + 1)
    if writer.lexemes[item].upper in _NO_ITEM:
        raise mismatched(writer.lexemes[item], "'*', <expression>")
    return item


def set_operation(writer: Writer, at: int) -> int:
    """Write a set operation; DISTINCT is its default."""
    writer.write(_OPERATIONS[writer.lexemes[at].upper], writer.lexemes[at])
    writer.frames[-1].windows = False
    at += 1
    if writer.lexemes[at].upper == "ALL":
        writer.write(TokenType.ALL, writer.lexemes[at])
        at += 1
    elif writer.lexemes[at].upper == "DISTINCT":
        at += 1
    if writer.lexemes[at].upper == "CORRESPONDING":
        if writer.lexemes[at + 1].upper == "BY":
            raise not_supported("CORRESPONDING with columns", writer.lexemes[at])
        writer.write(TokenType.VAR, writer.lexemes[at], "CORRESPONDING")
        return at + 1
    return at


PATCHES: dict[str, Patch] = {"SELECT": select, **dict.fromkeys(_OPERATIONS, set_operation)}
