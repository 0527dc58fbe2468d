"""CURRENT_TIMESTAMP(p) and its like: sqlglot drops the precision, and takes `CURRENT_DATE()` for a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import KEYWORDS

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def with_precision(writer: Writer, at: int) -> int:
    """Write a word that may carry a precision in brackets."""
    writer.write(KEYWORDS[writer.lexemes[at].upper], writer.lexemes[at])
    if writer.lexemes[at + 1].text == "(":
        precision, closing = writer.lexemes[at + 2], writer.lexemes[at + 3 : at + 4]
        if precision.kind is not Kind.NUMBER or not precision.text.isdigit():
            raise mismatched(precision, "<integer>")
        if not closing or closing[0].text != ")":
            raise mismatched(closing[0] if closing else writer.lexemes[-1], "')'")
    return at + 1


def without_precision(writer: Writer, at: int) -> int:
    """Write a word that carries nothing."""
    if writer.lexemes[at + 1].text == "(":
        raise mismatched(writer.lexemes[at + 1])
    writer.write(KEYWORDS[writer.lexemes[at].upper], writer.lexemes[at])
    return at + 1


def path(writer: Writer, at: int) -> int:
    """Write CURRENT_PATH, which sqlglot does not know, as a word of another dialect that has no brackets either."""
    if writer.lexemes[at + 1].text == "(":
        raise mismatched(writer.lexemes[at + 1])
    writer.write(TokenType.SESSION_USER, writer.lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {
    "CURRENT_PATH": path,
    **dict.fromkeys(("CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"), with_precision),
    **dict.fromkeys(("CURRENT_CATALOG", "CURRENT_DATE", "CURRENT_SCHEMA", "CURRENT_USER"), without_precision),
}
