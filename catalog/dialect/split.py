"""Cut a script into its statements at the semicolons that the lexer sees, never at those in strings and comments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.dialect.lexemes import Kind
from catalog.dialect.lexer import lex
from catalog.dialect.limits import Limits
from catalog.errors import Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme

_SCRIPT = Limits(max_tokens=50_000_000)
_LOOPS = frozenset({"IF", "LOOP", "REPEAT", "WHILE"})


@dataclass(frozen=True, slots=True)
class Part:
    """One statement of a script: its text without the semicolon, and the line on which it begins."""

    text: str
    line: int


def split_statements(script: str) -> list[Part]:
    """Return the statements of a script, without empty ones.

    A character that begins no lexeme belongs to its statement, which Trino then refuses; a string that is never
    closed takes everything behind it along. Bodies of inline functions (`BEGIN ...; END`) stay whole.
    """
    lexemes = _lexemes(script)
    parts: list[Part] = []
    begin = depth = 0
    for at, lexeme in enumerate(lexemes):
        ends = lexeme.kind is Kind.END
        if not ends and any(word.upper == "FUNCTION" for word in lexemes[begin : begin + 4]):
            depth += _nesting(lexemes, at)
        if ends or (lexeme.text == ";" and depth == 0):
            if at > begin:
                first = lexemes[begin]
                parts.append(Part(script[first.start : lexemes[at - 1].end], first.line))
            begin, depth = at + 1, 0
    return parts


def _nesting(lexemes: list[Lexeme], at: int) -> int:
    """Tell by how much a word changes the depth of a function's body."""
    word, before, following = lexemes[at].upper, lexemes[at - 1].upper, lexemes[at + 1].upper
    if word in ("BEGIN", "CASE"):
        return 0 if before == "END" else 1
    return -1 if word == "END" and following not in _LOOPS else 0


def _lexemes(script: str) -> list[Lexeme]:
    """Cut a script into lexemes; what is no lexeme is blanked out until the rest can be read."""
    shadow = script
    while True:
        try:
            return lex(shadow, _SCRIPT)
        except Refusal as refusal:
            if refusal.location is None:
                raise
            at = _offset(shadow, refusal.location.line, refusal.location.column)
            shadow = f"{shadow[:at]}.{shadow[at + 1 :]}"  # a full stop stands alone and keeps every place


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    return start + column - 1
