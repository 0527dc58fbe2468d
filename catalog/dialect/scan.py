"""Size and depth, looked at before anything recursive sees the text. Linear in the text.

sqlglot's compiled parser ends the process by a stack overflow on deep nesting, which nothing can catch.
Source: policy-semantics section 10.
"""

from __future__ import annotations

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.limits import Limits
from catalog.dialect.syntax import place
from catalog.errors import ErrorCode, Refusal

_OPENING = frozenset({"(", "[", "CASE"})
_CLOSING = frozenset({")", "]", "END"})
_PREFIXES = frozenset({"NOT", "-", "+"})
_MOST_WAITING = 200
_NAMES = (Kind.WORD, Kind.QUOTED)
_COUNTED = _OPENING | _CLOSING | _PREFIXES | {".", "->", ",", "JOIN", "ON", "USING", "AT"}


def scan_text(sql: str, limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
    """Refuse a text that is too large or holds what no SQL text holds.

    Raises Refusal QUERY_TEXT_TOO_LARGE, SYNTAX_ERROR for NUL and for code points that UTF-8 cannot encode.
    """
    if len(sql) > limits.max_bytes or (not sql.isascii() and _bytes(sql) > limits.max_bytes):
        raise Refusal(
            ErrorCode.QUERY_TEXT_TOO_LARGE,
            f"Query text length ({len(sql)}) exceeds the maximum length ({limits.max_bytes} bytes)",
        )
    if "\0" in sql:
        raise Refusal(ErrorCode.SYNTAX_ERROR, "mismatched input: the character U+0000 is not allowed")


def scan_depth(lexemes: list[Lexeme], limits: Limits = Limits()) -> None:  # noqa: B008  (frozen)
    """Refuse nesting, runs of prefix operators and chains of accesses over the limits.

    Raises Refusal GENERIC_USER_ERROR that names the limit.
    """
    level = _Level()
    outer: list[_Level] = []
    lambdas = 0
    for lexeme in lexemes:
        text = lexeme.upper
        if text not in _COUNTED:
            level.prefixes = 0
            if lexeme.kind not in _NAMES:
                level.chain = 0
        elif text in _OPENING:
            if text == "[":
                level.chain += 1
                if level.chain > limits.max_chain:
                    raise _too_deep("accesses in a chain", limits.max_chain, lexeme)
            outer.append(level)
            level = _Level()
            if len(outer) > limits.max_depth:
                raise _too_deep("levels of nesting", limits.max_depth, lexeme)
        elif text in _CLOSING:
            lambdas -= level.lambdas
            level = outer.pop() if outer else _Level()
        elif text == "->":
            level.lambdas += 1
            lambdas += 1
            if lambdas > limits.max_lambdas:
                raise _too_deep("lambdas inside one another", limits.max_lambdas, lexeme)
            _count(level, lexeme, limits)
        else:
            if text == ",":
                lambdas -= level.lambdas
                level.lambdas = 0
            _count(level, lexeme, limits)


class _Level:
    """What is counted between one pair of brackets; each count is a depth of recursion in the parser."""

    __slots__ = ("chain", "lambdas", "prefixes", "waiting")

    def __init__(self) -> None:
        self.chain = 0
        """Accesses in a row: `a.b[1].c`."""
        self.lambdas = 0
        """Lambdas whose body has not ended."""
        self.prefixes = 0
        """Prefix operators in a row."""
        self.waiting = 0
        """Joins, zones and lambdas that wait for their end."""


def _count(level: _Level, lexeme: Lexeme, limits: Limits) -> None:
    """Count one of the significant words and operators."""
    text = lexeme.upper
    if text in _PREFIXES:
        level.prefixes += 1
        if level.prefixes > limits.max_prefix_operators:
            raise _too_deep("prefix operators in a row", limits.max_prefix_operators, lexeme)
    elif text == ".":
        level.chain += 1
        if level.chain > limits.max_chain:
            raise _too_deep("accesses in a chain", limits.max_chain, lexeme)
    elif text == ",":
        level.chain, level.waiting = 0, 0
    else:
        level.waiting = max(level.waiting + (-1 if text in ("ON", "USING") else 1), 0)
        if level.waiting > _MOST_WAITING:
            raise _too_deep("joins, zones and lambdas at one level", _MOST_WAITING, lexeme)


def _bytes(sql: str) -> int:
    try:
        return len(sql.encode())
    except UnicodeEncodeError as error:
        raise Refusal(ErrorCode.SYNTAX_ERROR, "Query text is not valid Unicode") from error


def _too_deep(what: str, limit: int, lexeme: Lexeme) -> Refusal:
    return Refusal(
        ErrorCode.GENERIC_USER_ERROR,
        f"Query has more than {limit} {what}",
        location=place(lexeme),
        hint="Simplify the query.",
    )
