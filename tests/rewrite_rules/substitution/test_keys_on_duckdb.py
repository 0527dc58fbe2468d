"""Random expressions with equal keys have equal values in every row, by the engine that answers as Trino does."""

from __future__ import annotations

import random
from collections.abc import Iterator

import duckdb
import pytest

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from engines.lake.database import Limits, open_database
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.flatten import flatten
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.model import Ground
from rewrite_rules.translate_duckdb import translate
from tests.engines.lake.asking import Everything, mark_barriers

NAME = TableName("lake", "s", "t")
COLUMNS = {
    "n": "integer",
    "m": "bigint",
    "d": "decimal(10,2)",
    "x": "double",
    "s": "varchar",
    "b": "boolean",
    "ts": "timestamp(6)",
}
TABLE = Table(NAME, tuple(Column(name, parse_type(kind)) for name, kind in COLUMNS.items()), engine="lake")
VALUES = {
    "n": ["NULL", "0", "1", "2", "-1"],
    "m": ["NULL", "0", "1", "2", "3"],
    "d": ["NULL", "0.00", "1.00", "2.50"],
    "x": ["NULL", "'nan'", "0", "-0.0", "1", "'inf'", "2.5"],
    "s": ["NULL", "''", "'a'", "'A'", "'b '"],
    "b": ["NULL", "true", "false"],
    "ts": ["NULL", "'2024-03-09 00:00:00'", "'2024-03-09 10:30:00.5'", "'2023-12-31 23:59:59'"],
}
LITERALS = {
    "n": ["1", "2", "0"],
    "m": ["1", "2", "0"],
    "d": ["1.00", "2.50", "1.0"],
    "x": ["1e0", "2.5e0", "0e0", "-0e0"],
    "s": ["'a'", "'A'", "''", "'b '"],
    "ts": ["TIMESTAMP '2024-03-09 00:00:00'", "TIMESTAMP '2024-3-9 00:00:00.0'", "TIMESTAMP '2023-12-31 23:59:59'"],
}


class Expressions:
    """Make expressions of few forms over few columns, so that many of them mean the same."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def condition(self, depth: int = 2) -> str:
        """Return a boolean expression."""
        form = self.rng.random()
        if depth and form < 0.22:
            return f"({self.condition(depth - 1)}) {self.rng.choice(['AND', 'OR'])} ({self.condition(depth - 1)})"
        if depth and form < 0.4:
            return f"NOT ({self.condition(depth - 1)})"
        return self.comparison(self.rng.choice([*LITERALS]))

    def comparison(self, column: str) -> str:
        form, low, high = self.rng.random(), self.rng.choice(LITERALS[column]), self.rng.choice(LITERALS[column])
        value = self.value(column)
        if form < 0.55:
            sign = self.rng.choice(["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
            return f"{value} {sign} {low}" if self.rng.random() < 0.6 else f"{low} {sign} {value}"
        if form < 0.7:
            return f"{value} {self.rng.choice(['', 'NOT '])}BETWEEN {low} AND {high}"
        if form < 0.85:
            return f"{value} {self.rng.choice(['', 'NOT '])}IN ({low}, {high})"
        return f"{value} IS {self.rng.choice(['', 'NOT '])}NULL" if form < 0.95 else "b"

    def value(self, column: str) -> str:
        form = self.rng.random()
        if column in ("n", "m", "d", "x") and form < 0.2:
            other = self.rng.choice(["n", "m"])
            left, right = (column, other) if self.rng.random() < 0.5 else (other, column)
            return f"({left} {self.rng.choice('+*-')} {right})"
        if form < 0.28:
            kind = COLUMNS[column]
            return f"CAST({column} AS {kind})"
        if form < 0.36:
            return f"coalesce({column}, {self.rng.choice(LITERALS[column])})"
        return column

    def choice(self) -> str:
        """Return an expression that chooses."""
        column = self.rng.choice([*LITERALS])
        kept = self.rng.choice(LITERALS[column])
        condition = self.comparison(self.rng.choice(["n", "s"]))
        return self.rng.choice(
            [
                f"IF({condition}, {column})",
                f"CASE WHEN {condition} THEN {column} END",
                f"CASE WHEN {condition} THEN {column} ELSE NULL END",
                f"CASE n WHEN 1 THEN {column} ELSE {kept} END",
                f"CASE WHEN n = 1 THEN {column} ELSE {kept} END",
            ]
        )


@pytest.fixture(scope="module")
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    rng = random.Random(5)
    with open_database(Limits(), []) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = ", ".join(f'"{name}" {kind.replace("timestamp(6)", "timestamp")}' for name, kind in COLUMNS.items())
        connection.execute(f'CREATE TABLE "{".".join(NAME)}" ({columns})')
        rows = [f"({', '.join(rng.choice(VALUES[name]) for name in COLUMNS)})" for _ in range(60)]
        connection.execute(f'INSERT INTO "{".".join(NAME)}" VALUES {", ".join(rows)}')
        yield connection


def compare(lake: duckdb.DuckDBPyConnection, seed: int, rounds: int) -> int:
    """Compare the values of random expressions with equal keys; return how many were compared with another text."""
    rng = random.Random(seed)
    values: dict[object, tuple[str, list[str]]] = {}
    compared = 0
    for _ in range(rounds):
        texts = [Expressions(rng).condition() if rng.random() < 0.7 else Expressions(rng).choice() for _ in range(40)]
        tree = resolve(parse_query(f"SELECT {', '.join(texts)} FROM t"), "lake", "s").tree
        context = AnalysisContext("lake", "s", {NAME: TABLE}, strict=True)
        analyze(tree, context)
        keys = [key(output.value) for output in flatten(tree, Ground({NAME: TABLE})).outputs]
        governed = govern(tree, {NAME: Everything(tuple(COLUMNS))}, {NAME: TABLE}).tree
        mark_barriers(governed)
        analyze(governed, context)
        rows = lake.execute(translate(governed, "UTC")).fetchall()
        for text, found, column in zip(texts, keys, zip(*rows, strict=True), strict=True):
            shown = [repr(value) for value in column]
            before, expected = values.setdefault(found, (text, shown))
            assert shown == expected, f"{before}\n{text}"
            compared += text != before
    return compared


def test_random_expressions_with_one_key_have_one_value(lake: duckdb.DuckDBPyConnection) -> None:
    assert compare(lake, seed=1, rounds=12) > 40


@pytest.mark.long  # some ten thousand expressions
def test_many_random_expressions_with_one_key_have_one_value(lake: duckdb.DuckDBPyConnection) -> None:
    assert compare(lake, seed=11, rounds=200) > 2_000
