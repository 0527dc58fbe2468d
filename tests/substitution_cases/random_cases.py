"""Views, queries and changes at random over the tables of the cases: whatever they are, views must change no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from loadtests.mv_cases.cases import Case, Change, Fixture, Policy, Session, Setting, View


@dataclass(frozen=True, slots=True)
class _Ground:
    """What queries and views are made of, over one FROM."""

    relation: str
    tables: tuple[str, ...]
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    conditions: tuple[str, ...]
    instant: str
    """A timestamp without zone that is never NULL."""


_READINGS = _Ground(
    "readings",
    ("readings",),
    ("station", "sensor", "basin", "temp"),
    ("level", "temp"),
    (
        "basin = 'RHINE'",
        "basin <> 'RHINE'",
        "basin IS NULL",
        "station IN ('ULM', 'BASEL')",
        "temp > 5",
        "temp BETWEEN 4 AND 20",
        "NOT (temp > 9)",
        "level >= 2",
        "level < 5 OR level IS NULL",
        "sensor LIKE 'S%'",
        "ok",
        "basin NOT IN ('RHINE', '')",
    ),
    "at",
)
_ORDERS = _Ground(
    "orders",
    ("orders",),
    ("region", "rep", "channel", "state", "product_id"),
    ("units", "price"),
    (
        "channel = 'WEB'",
        "region IN ('north', 'south')",
        "region IS NOT NULL",
        "state = 'PAID'",
        "units > 4",
        "price <= 30",
        "units < price",
        "customer_id = 7",
        "rep <> 'ada'",
        "NOT (region = 'north')",
    ),
    "placed",
)
_SOLD = _Ground(
    "orders JOIN products USING (product_id)",
    ("orders", "products"),
    ("region", "channel", "family", "product"),
    ("units", "price"),
    ("family = 'wire'", "channel = 'SHOP'", "units > 4", "product <> 'cable'", "family IS NOT NULL"),
    "placed",
)
_GROUNDS = (_READINGS, _ORDERS, _SOLD)
_UNITS = ("hour", "day", "week", "month", "year")
_LATE: Mapping[str, tuple[object, ...]] = {
    "readings": ("ULM", "S1", "RHINE", "2023-03-26 03:15:00", "2.500", "1.0", 13, True),
    "orders": (100, "north", "ada", 2, 7, "WEB", 12, "3.50", "2023-03-05 07:00:00", "PAID"),
    "products": (50, "rope", "wire", 1),
}
_GONE = {"readings": "temp = 4 OR sensor = 'S5'", "orders": "rep = 'fox'", "products": "product_id = 6"}
_MOVED = {"readings": ("temp", "temp + 1", "basin = 'RHINE'"), "orders": ("units", "7", "region = 'north'"),
          "products": ("family", "'gauge'", "product_id = 3")}  # fmt: skip
_FILTERS = {"readings": "basin = 'DANUBE' OR station = 'BASEL'", "orders": "region = 'north' OR channel = 'SHOP'"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """A view, and what a query that it may answer is made of."""

    sql: str
    keys: tuple[str, ...]
    calls: tuple[str, ...]
    where: str


def random_cases(seed: int, fixtures: Mapping[str, Fixture], settings: int, queries: int) -> list[Case]:
    """Make so many settings and so many queries in each; most queries are near one of the views."""
    random = Random(seed)
    fixture = next(iter(fixtures))
    cases = []
    for number in range(settings):
        ground = random.choice(_GROUNDS)
        views = [_view(random, ground) for _ in range(random.choice((1, 1, 2, 3)))]
        setting = Setting(
            fixture,
            tuple(View(f"v{at}", view.sql, ()) for at, view in enumerate(views)),
            _changes(random, ground),
            _policies(random, ground),
            fixtures[fixture].facts,
        )
        for at in range(queries):
            session = Session(
                min_grade=random.choice(("exact", "float")),
                time_zone=random.choice(("UTC", "UTC", "Europe/Berlin", "Asia/Kolkata")),
            )
            view = random.choice(views)
            query = _near(random, ground, view) if random.random() < 0.7 else _query(random, ground)
            cases.append(Case(f"random-{seed}-{number}-{at}", setting, session, query))
    return cases


def _view(random: Random, ground: _Ground) -> _Kept:
    where = _where(random, ground, (0.4, 0.1))
    if random.random() < 0.2:
        columns = _some(random, [*dict.fromkeys([*ground.keys, *ground.measures, ground.instant])], 3, 6)
        calls = ("count(*)", *(f"max({name})" for name in columns))
        return _Kept(f"SELECT {', '.join(columns)} FROM {ground.relation}{where}", tuple(columns), calls, where)
    keys = [*_some(random, ground.keys, 1, 4), *_bucket(random, ground, 0.6)]
    calls = ["count(*)"]
    for name in _some(random, ground.measures, 1, 2):
        calls += [f"{call}({name})" for call in ("sum", "count", "min", "max") if random.random() < 0.8]
    named = [f"{text} AS c{at}" for at, text in enumerate([*keys, *calls])]
    sql = f"SELECT {', '.join(named)} FROM {ground.relation}{where} GROUP BY {_numbers(keys)}"
    return _Kept(sql, tuple(keys), tuple(calls), where)


def _near(random: Random, ground: _Ground, view: _Kept) -> str:
    """Ask what a view may answer: some of its keys and calls, its filter and perhaps one more."""
    keys = _some(random, view.keys, 0, len(view.keys))
    keys = [_key(random, ground, each) if each in ground.keys else _coarser(random, each) for each in keys]
    calls = _some(random, view.calls, 1, 3)
    if random.random() < 0.3:
        calls.append(_call(random, ground))
    extra = _where(random, ground, (0.3,)).removeprefix(" WHERE ")
    both = [part for part in (view.where.removeprefix(" WHERE "), extra) if part]
    where = " WHERE " + " AND ".join(f"({part})" for part in both) if both else ""
    having = random.choice(("", "", "", " HAVING count(*) > 1"))
    return _grouped(ground, keys, calls, where, having)


def _coarser(random: Random, bucket: str) -> str:
    """Return a bucket as it is, or one that it may be rolled up to."""
    return bucket if random.random() < 0.5 else bucket.replace("'hour'", "'day'").replace("'day'", "'month'")


def _query(random: Random, ground: _Ground) -> str:
    where = _where(random, ground, (0.7, 0.4, 0.2))
    roll = random.random()
    columns = _some(random, [*dict.fromkeys([*ground.keys, *ground.measures])], 2, 3)
    if roll < 0.15:
        return f"SELECT {', '.join(columns)} FROM {ground.relation}{where}"
    if roll < 0.25:
        return f"SELECT DISTINCT {', '.join(_some(random, ground.keys, 1, 2))} FROM {ground.relation}{where}"
    keys = [_key(random, ground, name) for name in _some(random, ground.keys, 0, 2)] + _bucket(random, ground, 0.35)
    calls = [_call(random, ground) for _ in range(random.randint(1, 3))]
    having = random.choice(("", "", "", " HAVING count(*) > 1", f" HAVING max({ground.measures[0]}) IS NOT NULL"))
    return _grouped(ground, keys, calls, where, having)


def _grouped(ground: _Ground, keys: Sequence[str], calls: Sequence[str], where: str, having: str) -> str:
    named = [f"{text} AS r{at}" for at, text in enumerate([*keys, *calls])]
    grouped = f" GROUP BY {_numbers(keys)}" if keys else ""
    return f"SELECT {', '.join(named)} FROM {ground.relation}{where}{grouped}{having}"


def _numbers(keys: Sequence[str]) -> str:
    return ", ".join(str(at + 1) for at in range(len(keys)))


def _key(random: Random, ground: _Ground, name: str) -> str:
    if random.random() < 0.75 or name in ("temp", "product_id"):
        return name
    return random.choice((f"coalesce({name}, '?')", f"{name} IS NULL", f"CASE WHEN {name} = 'ULM' THEN 1 ELSE 2 END"))


def _bucket(random: Random, ground: _Ground, likely: float) -> list[str]:
    if random.random() >= likely:
        return []
    units = [f"date_trunc('{unit}', {ground.instant})" for unit in _UNITS]
    parts = [f"{part}({ground.instant})" for part in ("hour", "day_of_week", "month")]
    return [random.choice([*units, f"CAST({ground.instant} AS date)", random.choice(parts)])]


def _call(random: Random, ground: _Ground) -> str:
    measure, key = random.choice(ground.measures), random.choice(ground.keys)
    condition = random.choice(ground.conditions)
    return random.choice(
        (
            "count(*)",
            f"count({measure})",
            f"sum({measure})",
            f"min({measure})",
            f"max({measure})",
            f"avg({measure})",
            f"count({key})",
            f"count(DISTINCT {key})",
            f"max({key})",
            f"sum({measure}) FILTER (WHERE {condition})",
            f"count(*) FILTER (WHERE {condition})",
            f"sum(CASE WHEN {condition} THEN {measure} END)",
            f"sum({measure}) + count(*)",
        )
    )


def _where(random: Random, ground: _Ground, likely: Sequence[float]) -> str:
    conditions = [random.choice(ground.conditions) for share in likely if random.random() < share]
    if random.random() < likely[0] / 2:
        day = random.choice(("2023-03-01", "2023-03-05", "2023-03-25", "2023-03-26", "2023-06-15", "2024-01-01"))
        moment = random.choice(("00:00:00", "00:00:00", "10:00:00", "12:30:00"))
        sign = random.choice((">=", "<", ">", "<="))
        conditions.append(f"{ground.instant} {sign} TIMESTAMP '{day} {moment}'")
    joined = f" {random.choice(('AND', 'AND', 'OR'))} ".join(f"({each})" for each in conditions)
    return f" WHERE {joined}" if joined else ""


def _changes(random: Random, ground: _Ground) -> tuple[Change, ...]:
    made = []
    for _ in range(random.choice((0, 0, 1, 2))):
        table = random.choice(ground.tables)
        kind = random.choice(("append", "delete", "update"))
        if kind == "append":
            made.append(Change("append", table, (_LATE[table],)))
        elif kind == "delete":
            made.append(Change("delete", table, where=_GONE[table]))
        else:
            column, value, where = _MOVED[table]
            made.append(Change("update", table, where=where, assignments=((column, value),)))
    return tuple(made)


def _policies(random: Random, ground: _Ground) -> tuple[Policy, ...]:
    filtered = [table for table in ground.tables if table in _FILTERS and random.random() < 0.25]
    return tuple(Policy(table, _FILTERS[table]) for table in filtered)


def _some(random: Random, names: Sequence[str], least: int, most: int) -> list[str]:
    return random.sample(names, min(len(names), random.randint(least, most)))
