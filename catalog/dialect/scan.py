"""Size and depth, looked at before anything recursive sees the text. Linear in the text.

sqlglot's compiled parser ends the process by a stack overflow on deep nesting, which nothing can catch.
Source: policy-semantics section 10.
"""

from __future__ import annotations

from catalog.dialect.lexer import Kind, Lexeme
from catalog.dialect.limits import Limits
from catalog.dialect.syntax import place
from catalog.errors import ErrorCode, Refusal

_OPENING = {"(": ")", "[": "]", "CASE": "END"}
_CLOSING = frozenset({")", "]", "END"})
_PREFIXES = frozenset({"NOT", "-", "+"})
_MOST_WAITING = 200
"""Lambdas, joins and zones that wait for their end: each is a level of recursion in the parser."""
_SIGNIFICANT = frozenset({*_OPENING, *_CLOSING, *_PREFIXES, ".", "->", ",", "JOIN", "ON", "USING", "AT"})


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
    prefixes, chain, waiting = 0, 0, 0
    outer: list[tuple[int, int]] = []
    """Chain and waiting of the levels around the current one."""
    for lexeme in lexemes:
        text = lexeme.upper
        if text not in _SIGNIFICANT:
            if not lexeme.is_name:
                chain = 0
            prefixes = 0
        elif text in _PREFIXES:
            prefixes += 1
            if prefixes > limits.max_prefix_operators:
                raise _too_deep("prefix operators in a row", limits.max_prefix_operators, lexeme)
        elif text in _OPENING:
            outer.append((chain + (text == "["), waiting))
            prefixes, chain, waiting = 0, 0, 0
            if len(outer) > limits.max_depth:
                raise _too_deep("levels of nesting", limits.max_depth, lexeme)
        elif text in _CLOSING:
            chain, waiting = outer.pop() if outer else (0, 0)
        elif text == ".":
            chain += 1
        elif text == ",":
            chain, waiting = 0, 0
        else:
            waiting = max(waiting + (-1 if text in ("ON", "USING") else 1), 0)
            if waiting > _MOST_WAITING:
                raise _too_deep("joins, zones and lambdas at one level", _MOST_WAITING, lexeme)
        if chain > limits.max_chain:
            raise _too_deep("accesses in a chain", limits.max_chain, lexeme)


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
