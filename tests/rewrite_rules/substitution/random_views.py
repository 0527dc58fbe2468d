"""Random views and random queries about the same tables: near enough to each other that many are answered."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.materialized_views import Bound, Change, Region
from catalog.objects import TableName
from tests.rewrite_rules.substitution.ground import Policy, name

DAYS = ("2024-03-08", "2024-03-09", "2024-03-10", "2024-04-01")
_TIMES = ("00:00:00", "00:30:00", "10:59:59.999999", "11:00:00", "23:59:59.999999")
_NODES = ("n1", "n2", "n3", None)
_HUBS = ("h1", "h2", "", None)
_DESKS = ("gas", "power", None, "coal")
_NUMBERS = (None, 0, 1, 1, 2, -3, 7)
_PRICES = (None, "0.00", "1.25", "-2.50", "10.00", "20.05")


@dataclass(frozen=True, slots=True)
class Shape:
    """A FROM clause, and what may be asked of its columns."""

    source: str
    keys: tuple[str, ...]
    numbers: tuple[str, ...]
    conditions: tuple[str, ...]
    moment: str


PRICES = Shape(
    "lmp_prices p",
    ("p.iso", "p.node", "p.hub", "date_trunc('hour', p.ts)", "date_trunc('day', p.ts)", "CAST(p.ts AS date)"),
    ("p.mw", "p.lmp", "2 * p.mw", "coalesce(p.mw, 0)", "CASE WHEN p.hub = 'h1' THEN p.mw END"),
    (
        "p.iso = 'A'",
        "p.iso IN ('A', 'B')",
        "p.iso <> 'C'",
        "p.hub IS NULL",
        "p.hub IS NOT NULL",
        "p.hub > 'h1'",
        "(p.hub = 'h1' OR p.node = 'n2')",
        "p.mw > 0",
        "p.mw BETWEEN 0 AND 2",
        "NOT (p.mw > 1)",
        "p.lmp >= 1",
        "p.ts >= TIMESTAMP '2024-03-09 00:00:00'",
        "p.ts < TIMESTAMP '2024-03-10 00:00:00'",
        "p.ts >= TIMESTAMP '2024-03-09 00:30:00'",
        "p.ts < TIMESTAMP '2024-03-10 11:00:00'",
        "CAST(p.ts AS date) = DATE '2024-03-09'",
        "hour(p.ts) < 11",
    ),
    "p.ts",
)
TRADES = Shape(
    "trades t",
    ("t.desk", "t.side", "t.node", "t.book_id", "date_trunc('day', t.trade_ts)"),
    ("t.qty", "t.price", "t.qty * t.price", "-t.qty", "CASE WHEN t.side = 'BUY' THEN t.qty ELSE 0 END"),
    (
        "t.desk = 'gas'",
        "t.desk IS NOT NULL",
        "t.side = 'BUY'",
        "t.book_id >= 20",
        "t.book_id IN (10, 30)",
        "t.qty > 0",
        "t.node = 'n1'",
        "t.trade_ts >= TIMESTAMP '2024-03-09 00:00:00'",
        "t.trade_ts < TIMESTAMP '2024-03-10 11:00:00'",
    ),
    "t.trade_ts",
)
_BOOKS = (("b.book", "b.region"), ("b.region = 'WEST'", "b.region IS NULL", "b.book <> 'B10'"))
JOINED = Shape(
    "trades t JOIN books b ON t.book_id = b.book_id",
    (*TRADES.keys, *_BOOKS[0]),
    TRADES.numbers,
    (*TRADES.conditions, *_BOOKS[1]),
    "t.trade_ts",
)
COMMA = Shape("books b, trades t", JOINED.keys, JOINED.numbers, JOINED.conditions, "t.trade_ts")
LEFT = Shape(
    "trades t LEFT JOIN desks d ON t.desk = d.desk",
    (*TRADES.keys, "d.region", "d.head"),
    TRADES.numbers,
    TRADES.conditions,
    "t.trade_ts",
)
INNER = Shape(
    "trades t JOIN desks d ON t.desk = d.desk",
    LEFT.keys,
    LEFT.numbers,
    (*LEFT.conditions, "d.region = 'EAST'"),
    "t.trade_ts",
)
WIDE = Shape(
    "trades t JOIN books b ON t.book_id = b.book_id LEFT JOIN desks d ON t.desk = d.desk",
    TRADES.keys,
    TRADES.numbers,
    TRADES.conditions,
    "t.trade_ts",
)
"""Joins that change nothing, for most of what is asked."""
_CHOSEN = (" HAVING count(*) > 1", " HAVING count(*) >= 2 AND count(*) <> 4", " HAVING count(*) > 2 OR count(*) = 1")
FAMILIES: tuple[tuple[Sequence[Shape], Sequence[Shape]], ...] = (
    ((PRICES,), (PRICES,)),
    ((TRADES, JOINED, LEFT), (TRADES, JOINED, COMMA, LEFT, INNER, WIDE)),
)
"""Shapes of views, and of queries about them."""


class Makers:
    """Make rows, views and queries, all from one source of chance."""

    def __init__(self, rng: random.Random) -> None:
        """Draw from `rng`."""
        self.rng = rng

    def rows(self) -> dict[TableName, list[tuple[object, ...]]]:
        """Return rows for the tables that views and queries read."""
        books = [(10, "B10", "WEST"), (20, "B20", "EAST"), (30, "B30", None), (40, "B40", "WEST")]
        desks = [("gas", "WEST", "hal"), ("power", "EAST", None)]
        prices = [self.price() for _ in range(self.rng.randint(0, 40))]
        trades = [self._trade(number) for number in range(self.rng.randint(0, 40))]
        return {name("lmp_prices"): prices, name("trades"): trades, name("books"): books, name("desks"): desks}

    def _trade(self, number: int) -> tuple[object, ...]:
        pick = self.rng.choice
        who = (number, pick(_DESKS), "ana", pick((10, 20, 30)), None, pick(_NODES), pick(("BUY", "SELL")))
        return (*who, pick(_NUMBERS), pick(_PRICES), self.moment(), "DONE")

    def price(self, day: str | None = None) -> tuple[object, ...]:
        """Return a row of prices."""
        pick = self.rng.choice
        return (pick("ABC"), pick(_NODES), pick(_HUBS), self.moment(day), pick(_PRICES), None, None, pick(_NUMBERS))

    def moment(self, day: str | None = None) -> str:
        """Return a moment, at or beside the edges of hours and days."""
        return f"{day or self.rng.choice(DAYS)} {self.rng.choice(_TIMES)}"

    def some(self, of: Sequence[str], least: int, most: int) -> list[str]:
        """Return some of several things, in any order."""
        return self.rng.sample(list(of), min(len(of), self.rng.randint(least, most)))

    def view(self, shape: Shape) -> str:
        """Return the definition of a view."""
        where = self._where(self.some(shape.conditions, 1, 1) if self.rng.random() < 0.2 else [])
        if self.rng.random() < 0.25:
            columns = [*self.some(shape.keys, 3, 7), *self.some(_plain(shape.numbers), 1, 2)]
            shown = ", ".join(f"{value} AS c{at}" for at, value in enumerate(dict.fromkeys(columns)))
            return f"SELECT {shown} FROM {shape.source}{where}"
        keys = self.some(shape.keys, *self.rng.choice(((0, 1), (1, 3), (3, 5), (4, 6), (4, 6))))
        numbers = self.some(_plain(shape.numbers), 2, 3)
        measures = [
            "count(*)",
            *(f"{f}({x})" for x in numbers for f in self.some(("sum", "count", "min", "max"), 2, 4)),
        ]
        measures += self.some(
            ("avg(" + numbers[0] + ")", f"max_by({numbers[0]}, {shape.moment})", f"max({shape.moment})"), 0, 3
        )
        shown = ", ".join(
            [*(f"{k} AS k{i}" for i, k in enumerate(keys)), *(f"{m} AS m{i}" for i, m in enumerate(measures))]
        )
        having = self.rng.choice(_CHOSEN) if keys and self.rng.random() < 0.15 else ""
        return f"SELECT {shown} FROM {shape.source}{where}{_group(keys)}{having}"

    def query(self, shape: Shape) -> str:
        """Return a query: groups, distinct rows, single rows, with what may stand on top of them."""
        asked = self.some(shape.conditions, 0, self.rng.choice((0, 1, 1, 2)))
        if "," in shape.source:
            asked.append("t.book_id = b.book_id")
        where, kind = self._where(asked), self.rng.random()
        if kind < 0.15:
            columns = self.some((*shape.keys, *shape.numbers), 1, 3)
            shown = ", ".join(f"{value} AS c{at}" for at, value in enumerate(columns))
            return f"SELECT {'DISTINCT ' if self.rng.random() < 0.6 else ''}{shown} FROM {shape.source}{where}"
        keys = self._keys(shape)
        measures = [self._measure(shape) for _ in range(self.rng.choice((1, 1, 2, 3)))]
        shown = ", ".join(
            [*(f"{k} AS k{i}" for i, k in enumerate(keys)), *(f"{m} AS m{i}" for i, m in enumerate(measures))]
        )
        having = self.rng.choice(("", "", "", *_CHOSEN, f" HAVING {self._measure(shape)} IS NOT NULL"))
        sql = f"SELECT {shown} FROM {shape.source}{where}{_group(keys)}{having}"
        return self._wrapped(sql, keys) if self.rng.random() < 0.2 else sql

    def _keys(self, shape: Shape) -> list[str]:
        keys = self.some(shape.keys, 0, 3)
        if self.rng.random() < 0.2:
            keys.append(
                self.rng.choice(
                    (f"date_trunc('month', {shape.moment})", f"year({shape.moment})", f"day_of_week({shape.moment})")
                )
            )
        if self.rng.random() < 0.1:
            keys.append(f"coalesce({shape.keys[2]}, 'none')")
        return keys

    def _measure(self, shape: Shape) -> str:
        number, key = self.rng.choice(shape.numbers), self.rng.choice(shape.keys)
        filtered = f" FILTER (WHERE {self.rng.choice(shape.conditions)})" if self.rng.random() < 0.2 else ""
        simple = self.rng.choice(("sum", "count", "min", "max", "avg"))
        return self.rng.choice(
            (
                f"count(*){filtered}",
                f"{simple}({number}){filtered}",
                f"{simple}({number}){filtered}",
                f"count(DISTINCT {key}){filtered}",
                f"min({key}){filtered}",
                f"sum(CASE WHEN {self.rng.choice(shape.conditions)} THEN 1 ELSE 0 END)",
                f"sum({number}) + count(*)",
                f"count_if({self.rng.choice(shape.conditions)})",
            )
        )

    def _wrapped(self, sql: str, keys: Sequence[str]) -> str:
        """Put a query inside of another."""
        return self.rng.choice(
            (
                f"SELECT count(*) AS n, max(m0) AS m FROM ({sql}) x",
                f"WITH x AS ({sql}) SELECT a.m0, b.m0 AS other FROM x a CROSS JOIN x b",
                f"SELECT m0 FROM ({sql}) x UNION ALL SELECT m0 FROM ({sql}) y",
                f"SELECT m0, count(*) OVER () AS c FROM ({sql}) x",
                f"{sql} ORDER BY {', '.join(str(i + 1) for i in range(len(keys) + 1))} LIMIT 1000",
            )
        )

    def _where(self, conditions: Sequence[str]) -> str:
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def policies(self) -> dict[str, Policy]:
        """Return what the caller may see: mostly all."""
        if self.rng.random() < 0.7:
            return {}
        masks = {"node": self.rng.choice(("'***'", "upper(node)", "CASE WHEN iso = 'A' THEN node END"))}
        given = Policy(
            self.rng.choice(
                (None, "iso = 'A'", "iso = 'A' OR hub = 'h1'", "ts < TIMESTAMP '2024-03-10 00:00:00'", "mw > 0")
            ),
            masks if self.rng.random() < 0.3 else {},
        )
        return {
            "lmp_prices": given,
            "trades": Policy(self.rng.choice((None, "desk = 'gas'", "qty > 0", "side = 'BUY'"))),
            "books": self.rng.choice(
                (
                    Policy(),
                    Policy("region = 'WEST'"),
                    Policy(masks={"region": "lower(region)"}),
                    Policy(masks={"book": "'?'"}),
                )
            ),
        }

    def changes(self, rows: dict[TableName, list[tuple[object, ...]]]) -> tuple[Change, ...]:
        """Change prices of one day after a view was made, or of one market, and say where."""
        if self.rng.random() < 0.7:
            return ()
        prices = rows[name("lmp_prices")]
        if self.rng.random() < 0.5:
            day = self.rng.choice(DAYS)
            kept = [row for row in prices if not str(row[3]).startswith(day) or self.rng.random() < 0.5]
            bound = Bound("ts", f"TIMESTAMP '{day} 00:00:00'", f"TIMESTAMP '{day} 23:59:59.999999'")
            added = [self.price(day) for _ in range(self.rng.randint(0, 5))]
        else:
            iso = self.rng.choice("ABC")
            kept = [row for row in prices if row[0] != iso or self.rng.random() < 0.5]
            bound = Bound("iso", f"'{iso}'", f"'{iso}'")
            added = [(iso, *self.price()[1:]) for _ in range(self.rng.randint(0, 5))]
        rows[name("lmp_prices")] = [*kept, *added]
        return (Change(name("lmp_prices"), (Region((bound,)),)),)


def _plain(numbers: Sequence[str]) -> list[str]:
    return [each for each in numbers if each.replace(".", "").replace("_", "").isalpha() or "*" in each]


def _group(keys: Sequence[str]) -> str:
    return f" GROUP BY {', '.join(keys)}" if keys else ""
