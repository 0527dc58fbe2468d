"""Words that begin a relation or its suffix in one place and are names in all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokens import TokenType

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def lateral(writer: Writer, at: int) -> int:
    """Write LATERAL before a bracket, else the name."""
    begins = writer.lexemes[at + 1].text == "("
    writer.write(TokenType.LATERAL if begins else TokenType.VAR, writer.lexemes[at])
    return at + 1


def ordinality(writer: Writer, at: int) -> int:
    """Write ORDINALITY behind WITH, else the name."""
    follows = at > 0 and writer.lexemes[at - 1].upper == "WITH"
    writer.write(TokenType.ORDINALITY if follows else TokenType.VAR, writer.lexemes[at])
    return at + 1


def tablesample(writer: Writer, at: int) -> int:
    """Write TABLESAMPLE before its method, else the name."""
    samples = writer.lexemes[at + 1].upper in ("BERNOULLI", "SYSTEM") and writer.lexemes[at + 2].text == "("
    writer.write(TokenType.TABLE_SAMPLE if samples else TokenType.VAR, writer.lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {"LATERAL": lateral, "ORDINALITY": ordinality, "TABLESAMPLE": tablesample}
