"""Random tables and random queries over them, in words that Trino's grammar and DuckDB both read."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

COLUMNS = ("k", "a", "b", "s")
TABLES = ("t0", "t1", "t2")


def make_tables(rng: random.Random) -> list[str]:
    """Return the statements that make the tables: few rows or none, few values, some NULLs."""
    statements = []
    for name in TABLES:
        rows = rng.choice([0, 1, 5, 20, 40])
        values = ", ".join(
            f"({number}, {_maybe(rng, rng.randint(0, 4))}, {_maybe(rng, rng.randint(0, 30))}, "
            f"{_maybe(rng, repr(rng.choice('xyz') + rng.choice('xyz')))})"
            for number in range(rows)
        )
        statements.append(f"CREATE OR REPLACE TABLE {name} (k BIGINT, a BIGINT, b BIGINT, s VARCHAR)")
        if rows:
            statements.append(f"INSERT INTO {name} VALUES {values}")
    return statements


def _maybe(rng: random.Random, value: object) -> object:
    return "NULL" if rng.random() < 0.15 else value


@dataclass
class Queries:
    """Make queries; each relation gets a name of its own."""

    rng: random.Random
    names: int = 0
    depth: int = 0
    made: list[str] = field(default_factory=list)

    def query(self) -> str:
        """Return a query with columns k, a, b, s."""
        self.depth += 1
        form = self.rng.random()
        if self.depth < 3 and form < 0.12:
            word = self.rng.choice(["UNION ALL", "UNION", "INTERSECT", "EXCEPT"])
            text = f"({self.select()}) {word} ({self.select()})"
        elif self.depth < 3 and form < 0.2:
            text = f"SELECT * FROM ({self.query()}) AS {self.name()} ORDER BY k, a, b, s LIMIT {self.rng.randint(0, 9)}"
        else:
            text = self.select()
        self.depth -= 1
        return text

    def name(self) -> str:
        """Return a name that is not used yet."""
        self.names += 1
        return f"r{self.names}"

    def relation(self) -> tuple[str, str]:
        """Return a relation for FROM, and its name."""
        name = self.name()
        if self.depth < 3 and self.rng.random() < 0.3:
            return f"({self.query()}) AS {name}", name
        return f"memory.main.{self.rng.choice(TABLES)} AS {name}", name

    def select(self) -> str:
        """Return a SELECT: joins, conditions, groups, distinct rows."""
        first, name = self.relation()
        text, names = f"FROM {first}", [name]
        for _ in range(self.rng.choice([0, 0, 1, 1, 2])):
            joined, name = self.relation()
            text += self.join(joined, name, names)
            names.append(name)
        if self.rng.random() < 0.2:
            name = self.name()
            text += f" CROSS JOIN UNNEST(ARRAY[1, 2, 3]) AS {name} (u)"
        if self.rng.random() < 0.6:
            text += f" WHERE {self.condition(names, 2)}"
        return self.shown(names, text)

    def join(self, joined: str, name: str, names: list[str]) -> str:
        """Return a join to what is there."""
        kind = self.rng.choice(["JOIN", "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"])
        if kind == "CROSS JOIN":
            return f" CROSS JOIN {joined}"
        on = f"{self.rng.choice(names)}.{self.rng.choice('kab')} = {name}.{self.rng.choice('kab')}"
        if self.rng.random() < 0.25 and kind == "JOIN":
            on = f"{self.rng.choice(names)}.{self.rng.choice('kab')} < {name}.{self.rng.choice('kab')}"
        if self.rng.random() < 0.3:
            on += f" AND {self.comparison([*names, name])}"
        return f" {kind} {joined} ON {on}"

    def shown(self, names: list[str], text: str) -> str:
        """Return a select list for a FROM clause, grouped or not."""
        form = self.rng.random()
        columns = [f"{self.rng.choice(names)}.{column}" for column in COLUMNS]
        listed = ", ".join(f"{each} AS {column}" for each, column in zip(columns, COLUMNS, strict=True))
        if form < 0.15:
            key = columns[1]
            return f"SELECT count(*) AS k, {key} AS a, max({columns[2]}) AS b, min({columns[3]}) AS s {text} GROUP BY {key}"
        if form < 0.22:
            return (
                f"SELECT count(*) AS k, sum({columns[1]}) AS a, max({columns[2]}) AS b, min({columns[3]}) AS s {text}"
            )
        if form < 0.27:
            one, two = columns[1], columns[2]
            keys = f"GROUP BY ROLLUP ({one}, {two})" if one != two else f"GROUP BY {one}"
            return f"SELECT count(*) AS k, {one} AS a, {two if one != two else 'max(' + one + ')'} AS b, max({columns[3]}) AS s {text} {keys}"
        return f"SELECT {'DISTINCT ' if form < 0.4 else ''}{listed} {text}"

    def condition(self, names: list[str], depth: int) -> str:
        """Return a condition over relations in sight."""
        form = self.rng.random()
        if depth and form < 0.3:
            word = self.rng.choice(["AND", "OR"])
            return f"({self.condition(names, depth - 1)} {word} {self.condition(names, depth - 1)})"
        if depth and form < 0.38:
            return f"NOT ({self.condition(names, depth - 1)})"
        if form < 0.55 and self.depth < 3:
            return self.subquery(names)
        return self.comparison(names)

    def subquery(self, names: list[str]) -> str:
        """Return a condition with a query in it."""
        outer, inner = f"{self.rng.choice(names)}.{self.rng.choice('kab')}", self.name()
        table = f"memory.main.{self.rng.choice(TABLES)} AS {inner}"
        tie = f"{inner}.{self.rng.choice('kab')} {self.rng.choice(['=', '=', '<'])} {outer}"
        form = self.rng.random()
        if form < 0.3:
            return f"{outer} {self.rng.choice(['', 'NOT '])}IN (SELECT {inner}.a FROM {table})"
        if form < 0.6:
            return f"{self.rng.choice(['', 'NOT '])}EXISTS (SELECT 1 FROM {table} WHERE {tie})"
        if form < 0.8:
            return f"{outer} > (SELECT min({inner}.b) FROM {table} WHERE {tie})"
        return f"{outer} > (SELECT min({inner}.b) FROM {table})"

    def comparison(self, names: list[str]) -> str:
        """Return a comparison of columns and constants."""
        column = f"{self.rng.choice(names)}.{self.rng.choice('kab')}"
        form = self.rng.random()
        if form < 0.35:
            return f"{column} {self.rng.choice(['=', '<>', '<', '<=', '>', '>='])} {self.rng.randint(-1, 20)}"
        if form < 0.5:
            return f"{column} = {self.rng.choice(names)}.{self.rng.choice('kab')}"
        if form < 0.6:
            return f"{column} {self.rng.choice(['', 'NOT '])}IN (1, 3, {self.rng.choice(['5', 'NULL', '7.5'])})"
        if form < 0.7:
            return f"{column} IS {self.rng.choice(['', 'NOT '])}NULL"
        if form < 0.8:
            return f"{column} {self.rng.choice(['', 'NOT '])}BETWEEN {self.rng.randint(0, 5)} AND {self.rng.randint(0, 20)}"
        if form < 0.9:
            return f"{self.rng.choice(names)}.s LIKE '{self.rng.choice(['x%', 'xy', 'y%z', '%', 'z_'])}'"
        return f"{column} + 1 > {self.rng.choice(names)}.{self.rng.choice('kab')}"
