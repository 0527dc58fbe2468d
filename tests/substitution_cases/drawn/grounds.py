"""What queries and views are drawn from: a base table, what it may be joined with, and what is asked of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Join:
    """A relation that a query may add, and what it brings."""

    text: str
    table: str
    keys: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    after: str = ""
    """The alias of the relation that its condition reads beside the base table."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What queries and views are made of, over one base table; names begin with its alias."""

    table: str
    alias: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    conditions: tuple[str, ...]
    times: tuple[str, ...] = ()
    """Expressions that make keys of its instant."""
    edges: tuple[str, ...] = ()
    """The left side of comparisons with an instant, and the literal's form: `o.placed >= TIMESTAMP '{}'`."""
    instant: str = ""
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True)
class From:
    """A ground with the joins that one query has."""

    ground: Ground
    joins: tuple[Join, ...]

    @property
    def text(self) -> str:
        """Return what stands after FROM."""
        return " ".join([f"{self.ground.table} {self.ground.alias}", *(join.text for join in self.joins)])

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the columns to group by."""
        return (*self.ground.keys, *_all(join.keys for join in self.joins))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return conditions on its rows."""
        return (*self.ground.conditions, *_all(join.conditions for join in self.joins))

    @property
    def tables(self) -> tuple[str, ...]:
        """Return the tables that it reads."""
        return tuple(dict.fromkeys([self.ground.table, *(join.table for join in self.joins)]))


def _all(parts: Iterable[tuple[str, ...]]) -> list[str]:
    return [each for part in parts for each in part]


_UNITS = ("hour", "day", "week", "month", "quarter", "year")
_PARTS = ("hour", "day_of_week", "month", "day", "year", "week")


def _times(instant: str, *more: str) -> tuple[str, ...]:
    units = (f"date_trunc('{unit}', {instant})" for unit in _UNITS)
    parts = (f"{part}({instant})" for part in _PARTS)
    return (*units, *_dates(instant), *parts, *more)


def _dates(instant: str) -> tuple[str, ...]:
    return (f"CAST({instant} AS date)", f"date_trunc('month', CAST({instant} AS date))")


READINGS = Ground(
    "readings",
    "r",
    ("r.station", "r.sensor", "r.basin", "r.temp", "r.ok"),
    ("r.level", "r.temp", "r.flow"),
    (
        "r.basin = 'RHINE'", "r.basin <> 'RHINE'", "r.basin IS NULL", "r.station IN ('ULM', 'BASEL')", "r.temp > 5",
        "r.temp BETWEEN 4 AND 20", "NOT (r.temp > 9)", "r.level >= 2", "r.level < 5 OR r.level IS NULL",
        "r.sensor LIKE 'S%'", "r.ok", "NOT r.ok", "r.ok IS NOT TRUE", "r.basin NOT IN ('RHINE', '')", "r.flow > 10",
        "r.flow <> r.temp", "coalesce(r.basin, 'x') <> 'RHINE'", "r.basin IS DISTINCT FROM 'RHINE'",
        "lower(r.basin) = 'danube'", "r.temp % 2 = 0", "r.station || r.sensor = 'ULMS1'", "r.basin = r.station",
        "(r.station, r.sensor) IN (('ULM', 'S1'), ('BASEL', 'S7'))", "r.station > 'K' AND r.station <= 'PASSAU'",
        "CASE WHEN r.ok THEN r.temp > 5 ELSE r.basin = 'RHINE' END", "r.level = 2.000", "r.temp >= 4.5",
    ),
    _times("r.at", "date_trunc('hour', r.at) + INTERVAL '1' HOUR", "minute(r.at) >= 30", "r.at"),
    ("r.at {} TIMESTAMP '{}'", "date_trunc('day', r.at) {} TIMESTAMP '{}'", "CAST(r.at AS date) {} DATE '{:.10}'"),
    "r.at",
    (
        Join("JOIN station_map m ON r.station = m.station AND r.sensor = m.sensor", "station_map", ("m.river", "m.area"),
             ("m.river = 'RHINE'", "m.area <> 'A1'")),
        Join("LEFT JOIN station_map m ON m.station = r.station AND m.sensor = r.sensor", "station_map", ("m.area",),
             ("m.area IS NULL", "m.area > 'A2'")),
        Join("JOIN station_map m ON r.station = m.station", "station_map", ("m.river",)),
        Join("JOIN days d ON d.d = CAST(r.at AS date)", "days", ("d.season",), ("d.n > 1",)),
    ),
)  # fmt: skip
ORDERS = Ground(
    "orders",
    "o",
    ("o.region", "o.rep", "o.channel", "o.state", "o.product_id", "o.customer_id"),
    ("o.units", "o.price", "o.units * o.price"),
    (
        "o.channel = 'WEB'", "o.region IN ('north', 'south')", "o.region IS NOT NULL", "o.state = 'PAID'",
        "o.units > 4", "o.price <= 30", "o.units < o.price", "o.customer_id = 7", "o.rep <> 'ada'",
        "NOT (o.region = 'north')", "o.region = 'north' OR o.channel = 'SHOP'", "o.product_id BETWEEN 2 AND 4",
        "o.region <> 'east' AND o.state <> 'OPEN'", "NOT (o.region = 'north' AND o.state = 'PAID')",
        "o.product_id IN (SELECT l.product_id FROM labels l)",
        "EXISTS (SELECT 1 FROM labels l WHERE l.product_id = o.product_id)",
        "o.region IN (SELECT z.region FROM regions z WHERE z.zone = 'B')", "o.product_id > 2.5", "o.rep = o.region",
        "o.product_id NOT IN (SELECT p2.product_id FROM products p2 WHERE p2.family = 'wire')",
        "o.units > (SELECT avg(units) FROM orders)", "upper(o.state) = 'PAID'", "o.rep >= 'b' AND o.rep < 'e'",
    ),
    _times("o.placed", "o.placed", "date_add('day', 1, date_trunc('day', o.placed))"),
    ("o.placed {} TIMESTAMP '{}'", "CAST(o.placed AS date) {} DATE '{:.10}'", "date_trunc('month', o.placed) {} TIMESTAMP '{}'"),
    "o.placed",
    (
        Join("JOIN products p ON o.product_id = p.product_id", "products", ("p.family", "p.product", "p.product_id"),
             ("p.family = 'wire'", "p.family IS NOT NULL", "p.product <> 'cable'")),
        Join("LEFT JOIN products p ON o.product_id = p.product_id", "products", ("p.family",), ("p.family <> 'wire'",)),
        Join("LEFT JOIN products p ON o.product_id = p.product_id AND p.family = 'wire'", "products", ("p.family",),
             ("p.family IS NULL",)),
        Join("RIGHT JOIN products p ON o.product_id = p.product_id", "products", ("p.family",), ("p.maker_id = 1",)),
        Join("JOIN makers k ON p.maker_id = k.maker_id", "makers", ("k.country", "k.maker"), ("k.country = 'DE'",), "p"),
        Join("LEFT JOIN makers k ON p.maker_id = k.maker_id", "makers", ("k.country",), ("k.country IS NULL",), "p"),
        Join("JOIN regions z ON o.region = z.region", "regions", ("z.zone", "z.lead"), ("z.zone = 'B'",)),
        Join("LEFT JOIN regions z ON o.region = z.region", "regions", ("z.zone", "z.lead"), ("z.lead IS NULL",)),
        Join("FULL JOIN regions z ON o.region = z.region", "regions", ("z.zone",), ("z.zone <> 'A'",)),
        Join("JOIN staff s ON s.rep = o.rep", "staff", ("s.region", "s.rep", "s.phone"), ("s.email IS NOT NULL", "s.region = o.region")),
        Join("LEFT JOIN staff s ON s.rep = o.rep", "staff", ("s.region",), ("s.phone > '3'",)),
        Join("JOIN customers c ON o.customer_id = c.customer_id", "customers", ("c.tier",), ("c.tier = 'gold'",)),
        Join("LEFT JOIN customers c ON o.customer_id = c.customer_id", "customers", ("c.tier", "c.name")),
        Join("JOIN labels l ON o.product_id = l.product_id", "labels", ("l.label",), ("l.label = 'new'",)),
        Join("LEFT JOIN labels l ON o.product_id = l.product_id", "labels", ("l.label",)),
        Join("JOIN orders o2 ON o.rep = o2.rep", "orders", ("o2.channel",), ("o2.units > o.units",)),
        Join("CROSS JOIN days d", "days", ("d.season",), ("d.d = CAST(o.placed AS date)",)),
    ),
)  # fmt: skip
TICKS = Ground(
    "ticks",
    "t",
    ("t.node",),
    ("t.v",),
    ("t.node <> 'N2'", "t.v > 2", "t.v IS NULL", "t.node IN ('N1', 'N3')", "NOT (t.v > 4)"),
    _times(
        "t.at", "date_trunc('day', t.at AT TIME ZONE 'Europe/Berlin')", "date_trunc('hour', t.at AT TIME ZONE 'Asia/Kolkata')",
        "date_trunc('day', CAST(t.at AS timestamp(6)))", "date_trunc('hour', CAST(t.at AS timestamp(6)))",
        "CAST(t.at AT TIME ZONE 'America/New_York' AS date)", "hour(t.at AT TIME ZONE 'Europe/Berlin')",
        "date_trunc('minute', t.at)", "with_timezone(CAST(date_trunc('hour', t.at) AS timestamp(6)), 'UTC')",
    ),
    (
        "t.at {} TIMESTAMP '{} UTC'", "t.at {} TIMESTAMP '{} Europe/Berlin'", "CAST(t.at AS date) {} DATE '{:.10}'",
        "date_trunc('hour', t.at) {} TIMESTAMP '{} UTC'", "CAST(t.at AS timestamp(6)) {} TIMESTAMP '{}'",
    ),
    "t.at",
)  # fmt: skip
NUMS = Ground(
    "nums",
    "n",
    ("n.k", "n.g", "n.s", "n.x"),
    ("n.v", "n.x", "n.d"),
    (
        "n.g <> 'big'", "n.g = 'pos'", "n.s = 'u'", "n.s <> 'u'", "n.s IS NULL OR n.s = ''", "n.x > 0", "n.x = 1.0",
        "n.v > 0", "n.d > 1", "n.g IN ('one', 'two')", "NOT (n.x > 5)", "n.x <> nan()", "n.v < 5", "lower(n.s) = 'u'",
        "n.s > 'U'", "n.v = 2.0", "n.x = 0",
    ),
)  # fmt: skip
DAYS = Ground(
    "days",
    "d",
    ("d.season", "d.d"),
    ("d.n",),
    ("d.season = 'spring'", "d.n > 1", "d.n IS NULL", "d.season IS DISTINCT FROM 'winter'"),
    ("d.d", "date_trunc('month', d.d)", "date_trunc('week', d.d)", "year(d.d)", "CAST(d.d AS timestamp(3))", "date_trunc('quarter', d.d)"),
    ("d.d {} DATE '{:.10}'", "date_trunc('month', d.d) {} DATE '{:.10}'", "year(d.d) {} year(DATE '{:.10}')"),
    "d.d",
)  # fmt: skip
STAFF = Ground(
    "staff",
    "s",
    ("s.region", "s.rep", "s.email", "s.phone"),
    ("length(s.email)",),
    ("s.region = 'south'", "s.email LIKE '%@x.example'", "s.phone IS NULL", "s.email IS NOT NULL", "s.rep < 'd'"),
    joins=(
        Join("JOIN orders o ON o.rep = s.rep", "orders", ("o.channel",), ("o.units > 4",)),
        Join("LEFT JOIN orders o ON o.rep = s.rep AND o.channel = 'WEB'", "orders", ("o.state",), ("o.state IS NULL",)),
        Join("LEFT JOIN regions z ON z.region = s.region", "regions", ("z.zone",)),
    ),
)  # fmt: skip
GROUNDS = (READINGS, READINGS, ORDERS, ORDERS, ORDERS, ORDERS, TICKS, TICKS, NUMS, DAYS, STAFF)
"""How likely each is."""
