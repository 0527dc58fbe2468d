"""`x = ANY (query)`: ANY, ALL and SOME are names everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})


def quantifier(writer: Writer, at: int) -> int:
    """Write a quantifier between a comparison and a query, else the name. SOME is ANY."""
    lexeme, lexemes = writer.lexemes[at], writer.lexemes
    quantifies = lexemes[at - 1].text in _COMPARISONS and lexemes[at + 1].text == "("
    if quantifies and lexemes[at + 2].upper in _QUERIES:
        every = lexeme.upper == "ALL"
        writer.write(TokenType.ALL if every else TokenType.ANY, lexeme, "ALL" if every else "ANY")
    else:
        writer.write(TokenType.VAR, lexeme)
    return at + 1


PATCHES: dict[str, Patch] = {"ANY": quantifier, "ALL": quantifier, "SOME": quantifier}
