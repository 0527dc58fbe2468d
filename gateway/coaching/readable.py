"""Write a query for people: quotes only where names need them, literals of time as people write them."""

from __future__ import annotations

import re

from sqlglot import exp

from catalog.dialect.generate import generate
from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.lexer import lex
from catalog.dialect.parse import parse_query
from catalog.dialect.sameness import same
from catalog.dialect.words import EXTRACT_FIELDS, FUNCTION_WORDS, RESERVED
from catalog.errors import Refusal

_PLAIN = re.compile(r"[a-z][a-z0-9_]*")
_QUOTED_STILL = RESERVED | FUNCTION_WORDS | EXTRACT_FIELDS | {"DATE", "TIME", "TIMESTAMP", "INTERVAL", "DECIMAL"}
_DATE = ("CAST", "(", Kind.STRING, "AS", "DATE", ")")
_TIMESTAMP = ("CAST", "(", Kind.STRING, "AS", "TIMESTAMP", "(", Kind.NUMBER, ")")


def readable(tree: exp.Expr) -> str:
    """Return a query's text; where the pleasant form would not be read as the very same query, the quoted one."""
    text = generate(tree)
    try:
        pleasant = _pleasant(text)
        return pleasant if same(parse_query(pleasant), parse_query(text)) else text
    except Refusal:
        return text


def _pleasant(text: str) -> str:
    lexemes, parts, at, end = lex(text), list[str](), 0, 0
    while at < len(lexemes):
        used, written = _one(lexemes, at)
        first, last = lexemes[at], lexemes[at + used - 1]
        parts += [text[end : first.start], written or text[first.start : last.end]]
        at, end = at + used, last.end
    return "".join(parts).strip()


def _one(lexemes: list[Lexeme], at: int) -> tuple[int, str]:
    """Return how many lexemes are written anew from here, and how; an empty text leaves them as they are."""
    here = lexemes[at]
    if here.kind is Kind.QUOTED:
        name = here.identifier
        plain = _PLAIN.fullmatch(name) and name.upper() not in _QUOTED_STILL
        return 1, name if plain else ""
    if _matches(lexemes, at, _DATE):
        return len(_DATE), f"DATE {lexemes[at + 2].text}"
    if _matches(lexemes, at, _TIMESTAMP):
        zone = [each.upper for each in lexemes[at + 8 : at + 12]] == ["WITH", "TIME", "ZONE", ")"]
        if zone or lexemes[at + 8].text == ")":
            return len(_TIMESTAMP) + (4 if zone else 1), f"TIMESTAMP {lexemes[at + 2].text}"
    return 1, ""


def _matches(lexemes: list[Lexeme], at: int, form: tuple[str | Kind, ...]) -> bool:
    found = lexemes[at : at + len(form)]
    return len(found) == len(form) and all(
        each.kind is wanted if isinstance(wanted, Kind) else each.upper == wanted
        for each, wanted in zip(found, form, strict=True)
    )
