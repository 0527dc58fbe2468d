"""Break SQL into lines for the eye: nothing but white space between words changes, and none within a quoted text."""

from __future__ import annotations

import re

_WORD = re.compile(
    r"\s*(?:('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\w+|<>|<=|>=|!=|\|\||->|.))", re.DOTALL
)
_CLAUSES = frozenset({"FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "INTERSECT"})
_CLAUSES |= frozenset({"EXCEPT", "WINDOW", "VALUES"})
_JOINS = frozenset({"JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL"})
_QUERIES = frozenset({"SELECT", "WITH", "VALUES", "TABLE"})
_LEAST, _MOST = 60, 100_000
"""A shorter text stays on its line, and a longer one is nothing for the eye."""


def words_of(sql: str) -> list[tuple[str, str]]:
    """Split a text into words, each with the white space before it; together they are the text again."""
    found, end = [], 0
    for match in _WORD.finditer(sql):
        found.append((sql[match.start() : match.start(1)], match[1]))
        end = match.end()
    return [*found, (sql[end:], "")] if end < len(sql) else found


def laid_out(sql: str) -> str:
    """Return a query with a line for each clause and deeper lines for queries within it."""
    if "\n" in sql or not _LEAST <= len(sql) <= _MOST:
        return sql
    words = words_of(sql)
    text, depths, before = [], [True], ""
    for number, (blank, word) in enumerate(words):
        upper, deep = word.upper(), sum(depths) - 1
        following = words[number + 1][1].upper() if number + 1 < len(words) else ""
        if word == ")" and len(depths) > 1:
            blank = _line(deep - 1) if depths.pop() else blank
        elif depths[-1] and number and _begins_line(upper, before, following):
            blank = _line(deep)
        text.append(blank + word)
        if word == "(":
            depths.append(following in _QUERIES)
        before = upper
    return "".join(text)


def _begins_line(word: str, before: str, following: str) -> bool:
    """Tell whether a clause, a join or a query begins: `LEFT` may be a function, and `JOIN` have words before it."""
    if before == ".":
        return False
    if word in _JOINS:
        return before not in _JOINS and before != "OUTER" and following != "("
    return word in _CLAUSES or (word in _QUERIES and before == "(")


def _line(deep: int) -> str:
    return "\n" + "  " * deep
