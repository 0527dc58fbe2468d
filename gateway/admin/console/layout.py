"""Break SQL into lines for the eye: nothing but white space between words changes, and none within a quoted text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(
    r"\s*(?:('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\w+|<>|<=|>=|!=|\|\||->|.))", re.DOTALL
)
_CLAUSES = frozenset({"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT"})
_CLAUSES |= frozenset({"EXCEPT", "WINDOW", "VALUES"})
_JOINS = frozenset({"JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL"})
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_LEAST, _MOST = 60, 100_000
"""A shorter text stays on its line, and a longer one is nothing for the eye."""
_LIST = 70
"""A longer list of columns gets a line for each."""

Word = tuple[str, str]
"""A word behind the white space before it."""


def words_of(sql: str) -> list[Word]:
    """Split a text into words, each with the white space before it; together they are the text again."""
    found, end = [], 0
    for match in _WORD.finditer(sql):
        found.append((sql[match.start() : match.start(1)], match[1]))
        end = match.end()
    return [*found, (sql[end:], "")] if end < len(sql) else found


@dataclass(slots=True)
class _Level:
    """What is within one pair of parentheses, or outside of all: a query, whose clauses begin lines, or not."""

    query: bool
    listing: bool = False
    """We are in a list of columns that is too long for a line."""


def laid_out(sql: str) -> str:
    """Return a query with a line for each clause and long list's column, and deeper lines for queries within it."""
    if "\n" in sql or not _LEAST <= len(sql) <= _MOST:
        return sql
    words = words_of(sql)
    text, levels, before = [], [_Level(True)], ""
    for number, (blank, word) in enumerate(words):
        upper, level = word.upper(), levels[-1]
        deep = sum(each.query for each in levels) - 1
        following = words[number + 1][1].upper() if number + 1 < len(words) else ""
        if word == ")" and len(levels) > 1:
            blank = _line(deep - 1) if levels.pop().query else blank
        elif level.query and number and _begins_line(upper, before, following):
            blank, level.listing = _line(deep), False
        elif level.listing and (before == "," or (before in ("SELECT", "DISTINCT") and upper != "DISTINCT")):
            blank = _line(deep + 1)
        text.append(blank + word)
        if level.query and upper == "SELECT":
            level.listing = _is_long(words, number + 1)
        if word == "(":
            levels.append(_Level(following in _QUERIES))
        before = upper
    return "".join(text)


def _begins_line(word: str, before: str, following: str) -> bool:
    """Tell whether a clause, a join or a query begins: `LEFT` may be a function, and `JOIN` have words before it."""
    if before == ".":
        return False
    if word in _JOINS:
        return before not in _JOINS and before != "OUTER" and not (word in ("LEFT", "RIGHT") and following == "(")
    return word in _CLAUSES or (word in _QUERIES and before == "(")


def _is_long(words: Sequence[Word], start: int) -> bool:
    """Tell whether the list of columns that begins here has several and is too long for a line."""
    length, depth, several = 0, 0, False
    for blank, word in words[start : start + 10 * _LIST]:
        depth += (word == "(") - (word == ")")
        if depth < 0 or (depth == 0 and word.upper() in _CLAUSES):
            return several and length > _LIST
        several = several or (depth == 0 and word == ",")
        length += len(blank) + len(word)
    return several


def _line(deep: int) -> str:
    return "\n" + "  " * deep
