"""LISTAGG without a separator: Trino's default is the empty string, sqlglot writes a comma."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import TokenType

from catalog.dialect.tokens import FORBIDDEN

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer


def listagg(writer: Writer, at: int) -> int:
    """Begin a LISTAGG."""
    called = writer.lexemes[at + 1].text == "("
    writer.pending = "LISTAGG" if called else ""
    writer.write(TokenType.VAR if called else FORBIDDEN, writer.lexemes[at])
    return at + 1


def on(writer: Writer, at: int) -> int:
    """Write ON; before ON OVERFLOW stands the separator."""
    add_separator(writer, at)
    writer.write(TokenType.ON, writer.lexemes[at])
    return at + 1


def add_separator(writer: Writer, at: int) -> None:
    """Write the default separator at the end of the arguments when the frame is a LISTAGG that has none."""
    frame = writer.frames[-1]
    if frame.kind == "LISTAGG" and frame.commas == 0:
        frame.commas = 1
        writer.write(TokenType.COMMA, writer.lexemes[at], ",")
        writer.write(TokenType.STRING, writer.lexemes[at], "")


PATCHES: dict[str, Patch] = {"LISTAGG": listagg, "ON": on}
