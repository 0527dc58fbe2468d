"""Lexemes: what a text is cut into."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Kind(IntEnum):
    """Name the kinds of lexemes; values are the groups of the expression."""

    WORD = 1
    NUMBER = 2
    OPERATOR = 3
    STRING = 4
    QUOTED = 5
    UNICODE_STRING = 6
    BINARY = 7
    END = 8


_NAMES = (Kind.WORD, Kind.QUOTED)


class Lexeme(NamedTuple):
    """One lexeme: text as written, offsets into the source in code points, line and column from 1."""

    kind: Kind
    text: str
    upper: str
    """What keywords are compared with: upper case for words, the text as written for the rest."""
    start: int
    end: int
    line: int
    column: int

    @property
    def identifier(self) -> str:
        """Return the name that a word or quoted identifier stands for, unfolded."""
        if self.kind is not Kind.QUOTED:
            return self.text
        inner = self.text[1:-1]
        return inner.replace('""', '"') if '"' in inner else inner

    @property
    def is_name(self) -> bool:
        """Tell whether the lexeme is a word or a quoted identifier."""
        return self.kind in _NAMES
