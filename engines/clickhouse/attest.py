"""Ask ClickHouse what it understands a query to read, and whether its tables are still what they were.

`EXPLAIN QUERY TREE run_passes = 0` shows the query as ClickHouse parsed it. With passes it would name columns, too, but
it would also compute scalar subqueries, which may take as long as the query itself (measured on ClickHouse 26.9).
Views are not opened in it: that a table is one shows in its definition, which is part of its version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from catalog.objects import Table, TableName
from engines.reads import Read, Reads

_LINE = re.compile(r"(?P<indent> *)(?P<kind>[A-Z_]+(?: [A-Z_]+)*)(?: id: [0-9]+)?(?P<rest>.*)")
_IDENTIFIER = re.compile(r"(?:, alias: .*?)?, identifier: (?P<name>.*?)(?:, final: 1)?")
_CTE = re.compile(r" *(?:QUERY|UNION) id: [0-9]+(?:, \w+: \w+)*, is_cte: 1(?:, \w+: \w+)*, cte_name: (.*)")
_SOURCES = frozenset({"JOIN TREE", "TABLE EXPRESSION", "LEFT TABLE EXPRESSION", "RIGHT TABLE EXPRESSION"})
_NOTHING = "system.one"
"""What a query without FROM reads."""
_FROM_ELSEWHERE = re.compile(
    r"function_name: (?P<name>dict[A-Z]\w*|joinGet\w*|hasColumnInTable|file|catboostEvaluate)\b"
)


def question(sql: str) -> str:
    """Return the query for ClickHouse's own reading of a query, a line of it a row."""
    return f"SELECT explain FROM (EXPLAIN QUERY TREE run_passes = 0 {sql})"  # noqa: S608  (governed, generated text)


def read_tree(text: str, tables: Mapping[TableName, Table], catalog: str) -> Reads:
    """Read what the question answered; `tables` are those that the plan knows, with ClickHouse's names for them."""
    known = {".".join(t.native_name or (t.name.schema, t.name.table)): t.name for t in tables.values()}
    named = {name for line in text.splitlines() if (name := _common(line)) is not None}
    reads, foreign = [], []
    for kind, name in _named(text):
        if kind != "IDENTIFIER":
            foreign.append(name)
        elif name != _NOTHING and name not in named:
            reads.append(Read(known.get(name, TableName(catalog, *_halves(name)))))
    return Reads(tuple(reads), tuple(foreign))


def _common(line: str) -> str | None:
    """Return the name of the common table expression that a line begins; what is united says so behind its name."""
    found = _CTE.fullmatch(line)
    if found is None:
        return None
    return found[1].rpartition(", union_mode: ")[0] if line.lstrip().startswith("UNION ") else found[1]


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yield the identifiers that stand where tables do, and the functions that read by themselves."""
    above: list[tuple[int, str, str]] = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        indent, kind, rest = len(found["indent"]), found["kind"], found["rest"]
        while above and above[-1][0] >= indent:
            above.pop()
        identifier = _IDENTIFIER.fullmatch(rest) if kind == "IDENTIFIER" else None
        if identifier is not None and above and above[-1][1] in _SOURCES:
            yield kind, identifier["name"]
        elif kind == "TABLE_FUNCTION":
            yield kind, rest.rpartition("table_function_name: ")[2]
        elif kind == "FUNCTION" and (own := _FROM_ELSEWHERE.search(rest)):
            yield kind, own["name"]
        above.append((indent, kind, rest))


def _halves(name: str) -> tuple[str, str]:
    database, _, table = name.partition(".")
    return database, table
