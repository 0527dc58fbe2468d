"""Syntax errors in Trino's own wording, with the place in the user's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.errors import ErrorCode, Location, Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme


def mismatched(lexeme: Lexeme, expecting: str | None = None) -> Refusal:
    """Return the refusal for a lexeme that may not stand where it stands."""
    shown = lexeme.text or "<EOF>"
    hint = f"Expecting: {expecting}" if expecting else None
    return Refusal(
        ErrorCode.SYNTAX_ERROR, f"mismatched input '{shown}'{'.' if hint else ''}", location=place(lexeme), hint=hint
    )


def syntax_error(message: str, lexeme: Lexeme) -> Refusal:
    """Return a syntax error with a message of its own at a lexeme."""
    return Refusal(ErrorCode.SYNTAX_ERROR, message, location=place(lexeme))


def not_supported(what: str, lexeme: Lexeme) -> Refusal:
    """Return the refusal for valid Trino syntax that Penstock does not take."""
    return Refusal(ErrorCode.NOT_SUPPORTED, f"{what} is not supported", location=place(lexeme))


def unknown_type(lexeme: Lexeme) -> Refusal:
    """Return the refusal for a word before a string that names no type: `foo 'bar'` is a literal of that type."""
    return Refusal(ErrorCode.TYPE_NOT_FOUND, f"Unknown resolvedType: {lexeme.text}", location=place(lexeme))


def place(lexeme: Lexeme) -> Location:
    """Return where a lexeme begins."""
    return Location(lexeme.line, lexeme.column)
