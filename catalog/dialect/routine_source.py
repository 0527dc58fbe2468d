"""The lexemes of a function's text, and the small readings that its rules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched, place
from catalog.dialect.types import data_type, read_type, type_sql
from catalog.dialect.words import RESERVED
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme

    ReadExpression = Callable[[list[Lexeme]], exp.Expr]
    """Parse lexemes, the last of which is END, as one expression."""

_OPENING = frozenset({"(", "["})
_CLOSING = frozenset({")", "]"})


class Source:
    """Read lexemes one after the other; every reading refuses what Trino's grammar does not allow there."""

    __slots__ = ("at", "lexemes", "read_expression")

    def __init__(self, lexemes: list[Lexeme], read_expression: ReadExpression) -> None:
        """Begin at the first lexeme; the last one is END."""
        self.lexemes = lexemes
        self.read_expression = read_expression
        self.at = 0

    @property
    def here(self) -> Lexeme:
        """Return the current lexeme."""
        return self.lexemes[self.at]

    def ahead(self, steps: int = 1) -> Lexeme:
        """Return a lexeme further on, END at the end."""
        return self.lexemes[min(self.at + steps, len(self.lexemes) - 1)]

    def accept(self, *words: str) -> bool:
        """Step over the words if they stand here, all of them."""
        if any(self.ahead(i).upper != word for i, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Step over the words or refuse."""
        for word in words:
            if self.here.upper != word:
                raise mismatched(self.here, f"'{word}'")
            self.at += 1

    def name(self) -> exp.Identifier:
        """Read a name."""
        lexeme = self.here
        if not lexeme.is_name or (lexeme.kind is Kind.WORD and lexeme.upper in RESERVED):
            raise mismatched(lexeme, "<identifier>")
        self.at += 1
        return exp.Identifier(this=lexeme.identifier, quoted=True)

    def type(self) -> exp.DataType:
        """Read a type."""
        kind, self.at = read_type(self.lexemes, self.at)
        return data_type(type_sql(kind))

    def expression(self, *stops: str) -> exp.Expr:
        """Read an expression that ends before a comma, a semicolon, a closing bracket or one of the words.

        Raises Refusal NOT_SUPPORTED for a query in it, INVALID_PARAMETER_USAGE for a parameter.
        """
        depth, start = 0, self.at
        while self.here.kind is not Kind.END:
            text, bare = self.here.upper, self.here.kind is Kind.WORD
            if depth == 0 and (text in (",", ";") or text in _CLOSING or (bare and text in stops)):
                break
            depth += (text in _OPENING or (bare and text == "CASE")) - (text in _CLOSING or (bare and text == "END"))
            self.at += 1
        behind = self.here
        end = behind._replace(kind=Kind.END, text="", upper="", end=behind.start)
        tree = self.read_expression([*self.lexemes[start : self.at], end])
        for node in tree.walk():
            if isinstance(node, (exp.Query, exp.Values, exp.Table)):
                what = "Queries are not allowed in functions"
                raise Refusal(ErrorCode.NOT_SUPPORTED, what, location=place(self.lexemes[start]))
            if isinstance(node, exp.Placeholder):
                what = "Parameters are not allowed in functions"
                raise Refusal(ErrorCode.INVALID_PARAMETER_USAGE, what, location=place(self.lexemes[start]))
        return tree
