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


def random_cases(seed: int, fixtures: Mapping[str, Fixture], settings: int, queries: int) -> list[Case]:
    """Make so many settings and so many queries in each."""
    random = Random(seed)
    fixture = next(iter(fixtures))
    cases = []
    for number in range(settings):
        ground = random.choice(_GROUNDS)
        setting = Setting(
            fixture,
            tuple(View(f"v{at}", _view(random, ground), ()) for at in range(random.choice((1, 1, 2, 3)))),
            _changes(random, ground),
            _policies(random, ground),
            fixtures[fixture].facts,
        )
        for at in range(queries):
            session = Session(
                min_grade=random.choice(("exact", "float")),
                time_zone=random.choice(("UTC", "UTC", "Europe/Berlin", "Asia/Kolkata")),
            )
            cases.append(Case(f"random-{seed}-{number}-{at}", setting, session, _query(random, ground)))
    return cases


def _view(random: Random, ground: _Ground) -> str:
    where = _where(random, ground, (0.5, 0.15))
    if random.random() < 0.2:
        columns = random.sample([*ground.keys, *ground.measures, ground.instant], random.randint(3, 6))
        return f"SELECT {', '.join(dict.fromkeys(columns))} FROM {ground.relation}{where}"
    keys = _some(random, ground.keys, 1, 4)
    shown = [*keys, *_bucket(random, ground, 0.6, "bucket")]
    measures = ["count(*) AS n"]
    for name in _some(random, ground.measures, 1, 2):
        measures += [
            f"{call}({name}) AS {call}_{name}" for call in ("sum", "count", "min", "max") if random.random() < 0.8
        ]
    numbered = ", ".join(str(at + 1) for at in range(len(shown)))
    return f"SELECT {', '.join([*shown, *measures])} FROM {ground.relation}{where} GROUP BY {numbered}"


def _query(random: Random, ground: _Ground) -> str:
    where = _where(random, ground, (0.7, 0.4, 0.2))
    roll = random.random()
    if roll < 0.15:
        columns = random.sample([*ground.keys, *ground.measures], random.randint(2, 3))
        return f"SELECT {', '.join(dict.fromkeys(columns))} FROM {ground.relation}{where}"
    if roll < 0.25:
        return f"SELECT DISTINCT {', '.join(_some(random, ground.keys, 1, 2))} FROM {ground.relation}{where}"
    keys = [_key(random, ground, name) for name in _some(random, ground.keys, 0, 2)]
    shown = [*keys, *_bucket(random, ground, 0.35, None)]
    named = [f"{text} AS k{at}" for at, text in enumerate(shown)]
    called = [f"{_call(random, ground)} AS a{at}" for at in range(random.randint(1, 3))]
    grouped = f" GROUP BY {', '.join(str(at + 1) for at in range(len(shown)))}" if shown else ""
    having = random.choice(("", "", "", " HAVING count(*) > 1", " HAVING max(" + ground.measures[0] + ") IS NOT NULL"))
    return f"SELECT {', '.join([*named, *called])} FROM {ground.relation}{where}{grouped}{having}"


def _key(random: Random, ground: _Ground, name: str) -> str:
    if random.random() < 0.75 or name in ("temp", "product_id"):
        return name
    return random.choice((f"coalesce({name}, '?')", f"{name} IS NULL", f"CASE WHEN {name} = 'ULM' THEN 1 ELSE 2 END"))


def _bucket(random: Random, ground: _Ground, likely: float, alias: str | None) -> list[str]:
    if random.random() >= likely:
        return []
    choices = [f"date_trunc('{random.choice(_UNITS)}', {ground.instant})", f"CAST({ground.instant} AS date)"]
    if alias is None:
        choices.append(f"{random.choice(('hour', 'day_of_week', 'month'))}({ground.instant})")
    return [random.choice(choices) + (f" AS {alias}" if alias else "")]


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
