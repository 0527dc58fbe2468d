"""The lexemes of a function's text, and the small readings that its rules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.lexemes import Kind
from catalog.dialect.reader import Reader
from catalog.dialect.syntax import place
from catalog.dialect.types import data_type, read_type, type_sql
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme

    ReadExpression = Callable[[list[Lexeme]], exp.Expr]
    """Parse lexemes, the last of which is END, as one expression."""


class Source(Reader):
    """Read a function's text."""

    __slots__ = ("read_expression",)

    def __init__(self, lexemes: list[Lexeme], read_expression: ReadExpression) -> None:
        """Begin at the first lexeme; the last one is END."""
        super().__init__(lexemes)
        self.read_expression = read_expression

    def name(self) -> exp.Identifier:
        """Read a name."""
        return exp.Identifier(this=self.identifier(), quoted=True)

    def type(self) -> exp.DataType:
        """Read a type."""
        kind, self.at = read_type(self.lexemes, self.at)
        return data_type(type_sql(kind))

    def expression(self, *stops: str) -> exp.Expr:
        """Read an expression that ends before a comma, a semicolon, a closing bracket or one of the words.

        Raises Refusal NOT_SUPPORTED for a query in it, INVALID_PARAMETER_USAGE for a parameter.
        """
        start = self.at
        self.skip_expression(*stops)
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
