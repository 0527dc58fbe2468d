"""Which columns of a result an ORDER BY at the top of a statement sorts by."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.lexer import lex
from catalog.errors import Refusal

_OPEN = frozenset({"(", "["})
_CLOSE = frozenset({")", "]"})
_AFTER = frozenset({"LIMIT", "OFFSET", "FETCH"})
_DIRECTIONS = frozenset({"ASC", "DESC", "NULLS"})


def sort_columns(sql: str, columns: Sequence[str]) -> list[int]:
    """Return the places of the sort keys that are columns of the result, up to the first that is none.

    Beyond such a key the order of rows cannot be told from the result.
    """
    try:
        lexemes = lex(sql)
    except Refusal:
        return []
    found: list[int] = []
    for item in _items(lexemes):
        place = _column(item, [name.lower() for name in columns])
        if place is None:
            break
        found.append(place)
    return found


def _items(lexemes: Sequence[Lexeme]) -> list[list[Lexeme]]:
    """Return the items of the last ORDER BY that stands in no brackets."""
    items: list[list[Lexeme]] = []
    depth, inside = 0, False
    for at, lexeme in enumerate(lexemes):
        depth += (lexeme.text in _OPEN) - (lexeme.text in _CLOSE)
        if depth == 0 and lexeme.upper == "ORDER" and lexemes[at + 1].upper == "BY":
            items, inside = [[]], True
        elif not inside or lexeme.upper == "BY":
            continue
        elif depth == 0 and (lexeme.kind is Kind.END or lexeme.upper in _AFTER):
            inside = False
        elif depth == 0 and lexeme.text == ",":
            items.append([])
        else:
            items[-1].append(lexeme)
    return items


def _column(item: Sequence[Lexeme], columns: Sequence[str]) -> int | None:
    """Return the place of the column that an item names by its name or number."""
    value = list(item)
    while value and any(lexeme.upper in _DIRECTIONS for lexeme in value[1:]):
        value.pop()
    if len(value) == 1 and value[0].kind is Kind.NUMBER and value[0].text.isdigit():
        place = int(value[0].text) - 1
        return place if place < len(columns) else None
    if len(value) == 1 and value[0].is_name:
        name = value[0].identifier.lower()
        return columns.index(name) if columns.count(name) == 1 else None
    return None
