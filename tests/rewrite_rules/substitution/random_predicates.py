"""Random conditions over a few columns, with values on and beside every constant."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from rewrite_rules.analysis import analyze_expression

_TICK = timedelta(microseconds=1)
_DAYS = [datetime(2024, 2, 29), datetime(2024, 3, 1), datetime(2024, 3, 10), datetime(2025, 1, 1)]
TYPES: Mapping[str, str] = {
    "a": "integer",
    "b": "bigint",
    "c": "integer",
    "d": "decimal(4,1)",
    "x": "double",
    "y": "double",
    "s": "varchar",
    "u": "varchar",
    "dt": "date",
    "ts": "timestamp(6)",
    "tz": "timestamp(6) with time zone",
    "f": "boolean",
}
REQUIRED = "c"
"""The one column that is never NULL."""
TABLE = Table(
    TableName("m", "s", "t"), tuple(Column(n, parse_type(t), nullable=n != REQUIRED) for n, t in TYPES.items()), "trino"
)
VALUES: Mapping[str, Sequence[Any]] = {
    "a": [None, -1, 0, 1, 2, 3, 5],
    "b": [None, -1, 0, 1, 2, 3, 5],
    "c": [-1, 0, 1, 2, 3, 5],
    "d": [None, *map(Decimal, ("-1.0", "-0.5", "0.0", "1.0", "1.5", "2.0", "2.5"))],
    "x": [None, math.nan, -math.inf, math.inf, -0.0, 0.0, 1.5, 2.0],
    "y": [None, math.nan, -math.inf, math.inf, -0.0, 0.0, 1.5, 2.0],
    "s": [None, "", "A", "S", "SA", "S\U0010ffff", "T", "s", "ß", "SOUTH"],
    "u": [None, "", "A", "S", "SA", "T", "ß"],
    "dt": [None, date(2024, 2, 28), *(day.date() for day in _DAYS), date(2024, 3, 15)],
    "ts": [None, *(moment for day in _DAYS for moment in (day - _TICK, day, day + _TICK, day + timedelta(hours=10)))],
    "tz": [
        None,
        *(
            (day + timedelta(hours=8) + by).replace(tzinfo=UTC).astimezone(ZoneInfo("UTC"))
            for day in _DAYS
            for by in (-_TICK, timedelta(), timedelta(hours=2))
        ),
    ],
    "f": [None, False, True],
}
_SIGNS = ("=", "<>", "<", "<=", ">", ">=")
_FAMILIES = ("abcd", "xy", "su", ("dt", "ts"), ("tz",))
_CONSTANTS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys("abc", ("-1", "0", "1", "2", "3", "1.5", "2e0")),
    "d": ("-0.5", "0", "1", "1.5", "2", "1.55"),
    **dict.fromkeys("xy", ("0e0", "-0e0", "1.5", "2", "nan()", "infinity()", "-infinity()")),
    **dict.fromkeys("su", ("''", "'A'", "'S'", "'SA'", "'T'", "'SOUTH'")),
    **dict.fromkeys(
        ("dt", "ts"),
        (
            "DATE '2024-03-01'",
            "DATE '2024-03-10'",
            "TIMESTAMP '2024-03-01 00:00:00'",
            "TIMESTAMP '2024-02-29 23:59:59.999999'",
            "TIMESTAMP '2024-03-10 10:00:00'",
            "DATE '2025-01-01'",
        ),
    ),
    "tz": (
        "TIMESTAMP '2024-03-01 00:00:00 America/Los_Angeles'",
        "TIMESTAMP '2024-03-10 08:00:00 UTC'",
        "TIMESTAMP '2024-03-10 10:00:00.000001 UTC'",
    ),
}
_PATTERNS = ("'S%'", "'%'", "'S_'", "'%A'", "'SA'", "'S%H'", "'S%%'")


class Chooser:
    """Write conditions over two or three columns at a time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.columns: Sequence[str] = ("a",)

    def turn(self) -> None:
        """Choose other columns, most often such that compare with each other."""
        family = self.random.choice(_FAMILIES)
        other = self.random.choice(list(TYPES))
        self.columns = list(dict.fromkeys((self.random.choice(family), self.random.choice(family), other)))

    def condition(self, depth: int = 2) -> str:
        """Write a condition."""
        roll = self.random.random()
        if depth and roll < 0.3:
            word = self.random.choice((" AND ", " OR "))
            return "(" + word.join(self.condition(depth - 1) for _ in range(self.random.choice((2, 2, 3)))) + ")"
        if depth and roll < 0.42:
            return f"(NOT {self.condition(depth - 1)})"
        return self._atom()

    def conjuncts(self) -> list[str]:
        """Write a few conditions that are to hold together."""
        return [self.condition() for _ in range(self.random.choice((1, 1, 2, 3)))]

    def _atom(self) -> str:
        column = self.random.choice(self.columns)
        if column == "f":
            return self.random.choice(("f", "(f = true)", "(f IS NULL)", "(f <> false)", "(f IS DISTINCT FROM true)"))
        constants = _CONSTANTS[column]
        roll = self.random.random()
        value = self._value(column)
        if roll < 0.4:
            pair = [value, self.random.choice(constants)]
            self.random.shuffle(pair)
            return f"({pair[0]} {self.random.choice(_SIGNS)} {pair[1]})"
        if roll < 0.5:
            # Trino 476 takes NULL IN (TIMESTAMP '2024-02-29 23:59:59', ..., NULL) for true where the value is a date.
            null = ["NULL"] if self.random.random() < 0.1 and column != "dt" else []
            items = self.random.sample(list(constants), 2) + null
            return f"({column} {self.random.choice(('', 'NOT '))}IN ({', '.join(items)}))"
        if roll < 0.6:
            return f"({value} BETWEEN {self.random.choice(constants)} AND {self.random.choice(constants)})"
        if roll < 0.72:
            return f"({value} IS {self.random.choice(('', 'NOT '))}NULL)"
        if roll < 0.78:
            return f"({column} IS {self.random.choice(('', 'NOT '))}DISTINCT FROM {self.random.choice(constants)})"
        if column in "su" and roll < 0.9:
            return f"({column} {self.random.choice(('', 'NOT '))}LIKE {self.random.choice(_PATTERNS)})"
        return self._pair(column)

    def _value(self, column: str) -> str:
        if column in ("dt", "ts") and self.random.random() < 0.5:
            unit = self.random.choice(("day", "week", "month", "quarter", "year"))
            return self.random.choice((f"date_trunc('{unit}', {column})", f"CAST({column} AS date)"))
        if column == "tz" and self.random.random() < 0.4:
            return self.random.choice(
                ("date_trunc('hour', tz)", "date_trunc('day', tz AT TIME ZONE 'America/Los_Angeles')")
            )
        return column

    def _pair(self, column: str) -> str:
        family = next(family for family in _FAMILIES if column in family)
        others = [each for each in self.columns if each in family]
        other = self.random.choice(others)
        if column in "ab" and self.random.random() < 0.2:
            return f"({column} + {other} {self.random.choice(_SIGNS)} 3)"
        return f"({column} {self.random.choice(_SIGNS)} {other})"


def read(text: str) -> exp.Expr:
    """Read a condition over the table and note its types."""
    tree = parse_expression(text)
    analyze_expression(tree, TABLE)
    return tree


def rows(trees: Sequence[exp.Expr]) -> Iterator[dict[str, Any]]:
    """Return a row for every combination of values of the columns spoken of."""
    names = sorted({column.name for tree in trees for column in tree.find_all(exp.Column)})
    for values in itertools.product(*(VALUES[name] for name in names)):
        yield dict(zip(names, values, strict=True))
