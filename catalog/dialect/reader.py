"""A place in a list of lexemes, and the steps from it that everything which reads lexemes by hand shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.dialect.lexemes import Kind
from catalog.dialect.syntax import mismatched
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme

_OPENING = frozenset({"(", "["})
_CLOSING = frozenset({")", "]"})
_SEPARATORS = frozenset({",", ";"})


class Reader:
    """Read lexemes one after the other; every reading refuses what Trino's grammar does not allow there."""

    __slots__ = ("at", "lexemes")

    def __init__(self, lexemes: list[Lexeme]) -> None:
        """Begin at the first lexeme; the last one is END."""
        self.lexemes = lexemes
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

    def identifier(self) -> str:
        """Read a name, raw."""
        lexeme = self.here
        if not lexeme.is_name or (lexeme.kind is Kind.WORD and lexeme.upper in RESERVED):
            raise mismatched(lexeme, "<identifier>")
        self.at += 1
        return lexeme.identifier

    def skip_expression(self, *stops: str) -> None:
        """Step over all up to a comma, a semicolon, a closing bracket, the end or one of the words."""
        depth = 0
        while self.here.kind is not Kind.END:
            text, bare = self.here.upper, self.here.kind is Kind.WORD
            if depth == 0 and (text in _SEPARATORS or text in _CLOSING or (bare and text in stops)):
                break
            # CASE holds WHEN and THEN that end nothing.
            depth += (text in _OPENING or (bare and text == "CASE")) - (text in _CLOSING or (bare and text == "END"))
            self.at += 1
