"""A place in a list of lexemes, and the small readings that all statement rules share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.patches.strings import string_value
from catalog.dialect.reader import Reader
from catalog.dialect.statements import Pattern, QualifiedName, Query
from catalog.dialect.syntax import mismatched, place
from catalog.dialect.trees import expression_tree, root_tree
from catalog.dialect.types import read_type, type_sql

if TYPE_CHECKING:
    from sqlglot import exp

    from catalog.dialect.limits import Limits


class Cursor(Reader):
    """Read statements: lexemes, with the text and the limits for the queries and expressions among them."""

    __slots__ = ("limits", "sql")

    def __init__(self, lexemes: list[Lexeme], sql: str, limits: Limits) -> None:
        """Begin at the first lexeme; the last one is END."""
        super().__init__(lexemes)
        self.sql = sql
        self.limits = limits

    def choose(self, *words: str) -> str:
        """Step over one of the words and return it, or refuse."""
        word = self.here.upper
        if word not in words:
            raise mismatched(self.here, ", ".join(f"'{each}'" for each in words))
        self.at += 1
        return word

    def end(self) -> None:
        """Refuse when anything is left."""
        if self.here.kind is not Kind.END:
            raise mismatched(self.here, "<EOF>")

    def name(self) -> QualifiedName:
        """Read a dotted name."""
        location = place(self.here)
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        return QualifiedName(tuple(parts), location)

    def names(self) -> tuple[str, ...]:
        """Read a list of names in brackets."""
        self.expect("(")
        names = [self.identifier()]
        while self.accept(","):
            names.append(self.identifier())
        self.expect(")")
        return tuple(names)

    def string(self) -> str:
        """Read a string's value."""
        value, self.at = string_value(self.lexemes, self.at)
        return value

    def pattern(self) -> Pattern | None:
        """Read `LIKE pattern [ESCAPE character]` if it stands here."""
        if not self.accept("LIKE"):
            return None
        like = self.string()
        return Pattern(like, self.string() if self.accept("ESCAPE") else None)

    def type(self) -> str:
        """Read a type and return it in Trino's syntax."""
        data_type, self.at = read_type(self.lexemes, self.at)
        return type_sql(data_type)

    def expression(self, *stops: str) -> exp.Expr:
        """Read an expression that ends before a comma, a closing bracket, the end or one of the words."""
        start = self.at
        self.skip_expression(*stops)
        return expression_tree(self.cut(start, self.at), self.sql, self.limits)

    def expressions(self) -> tuple[exp.Expr, ...]:
        """Read expressions separated by commas."""
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        return tuple(found)

    def query(self, leave: int = 0) -> Query:
        """Read all that is left, but for some last lexemes, as one query."""
        start, end = self.at, len(self.lexemes) - 1 - leave
        self.at = end
        return Query(root_tree(self.cut(start, end), self.sql, self.limits), self.text(start, end))

    def text(self, start: int, end: int) -> str:
        """Return the source of lexemes as written."""
        return self.sql[self.lexemes[start].start : self.lexemes[max(end - 1, start)].end]

    def cut(self, start: int, end: int) -> list[Lexeme]:
        """Return lexemes with an END of their own."""
        behind = self.lexemes[end]
        return [*self.lexemes[start:end], behind._replace(kind=Kind.END, text="", upper="", end=behind.start)]
