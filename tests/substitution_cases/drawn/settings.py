"""How things stand when somebody asks: views, what happened since, who asks, and by which session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from loadtests.mv_cases.cases import Case, Change, Fixture, Policy, Session, Setting, View
from tests.substitution_cases.drawn.grounds import GROUNDS
from tests.substitution_cases.drawn.queries import Grouped, Kept, draw_from, draw_near, draw_query, draw_view
from tests.substitution_cases.drawn.shapes import draw_shape

_LATE: Mapping[str, tuple[tuple[object, ...], ...]] = {
    "readings": (
        ("ULM", "S1", "RHINE", "2023-03-26 03:15:00", "2.500", "1.0", 13, True),
        ("ULM", None, None, "2024-02-01 03:15:00", None, None, None, None),
    ),
    "orders": (
        (100, "north", "ada", 2, 7, "WEB", 12, "3.50", "2023-03-05 07:00:00", "PAID"),
        (101, None, "ben", 6, None, "SHOP", None, None, "2024-02-05 07:00:00", None),
    ),
    "products": ((50, "rope", "wire", 1),),
    "regions": (("west", "C", None),),
    "labels": ((3, "late"),),
    "ticks": (("N1", "2023-03-26 00:45:00 UTC", "0.50"), ("N4", "2024-03-26 00:45:00 UTC", None)),
    "nums": (("a", "pos", "17", "0.5", "u", "7.00"),),
    "days": (("2024-02-29", "winter", 9),),
    "staff": (("zoe", None, "moon", None),),
}
_GONE = {
    "readings": ("temp = 4 OR sensor = 'S5'", "at >= TIMESTAMP '2023-12-01 00:00:00'", "basin IS NULL"),
    "orders": ("rep = 'fox'", "placed < TIMESTAMP '2023-03-02 00:00:00'"),
    "products": ("product_id = 6",),
    "regions": ("region = 'east'",),
    "labels": ("label = 'hot'",),
    "ticks": ("node = 'N2'", "v > 8"),
    "nums": ("k = 'b'",),
    "days": ("n = 3",),
    "staff": ("rep = 'zoe'",),
}
_MOVED = {
    "readings": (("temp", "temp + 1", "basin = 'RHINE'"), ("basin", "'INN'", "station = 'BASEL'")),
    "orders": (("units", "7", "region = 'north'"), ("region", "'west'", "channel = 'WEB'")),
    "products": (("family", "'gauge'", "product_id = 3"),),
    "regions": (("zone", "'D'", "region = 'north'"),),
    "labels": (("label", "'old'", "product_id = 1"),),
    "ticks": (("v", "v + 1", "node = 'N1'"),),
    "nums": (("s", "'u'", "g = 'neg'"),),
    "days": (("season", "'dry'", "n > 2"),),
    "staff": (("region", "'north'", "rep = 'cyd'"),),
}
_FILTERS = {
    "readings": ("basin = 'DANUBE' OR station = 'BASEL'", "temp < 20", "at < TIMESTAMP '2023-06-15 12:30:00'", "ok"),
    "orders": (
        "region = 'north' OR channel = 'SHOP'",
        "customer_id = 7",
        "channel = 'WEB'",
        "units > 3",
        "rep <> 'ada'",
    ),
    "products": ("family = 'wire'", "maker_id = 1"),
    "regions": ("zone = 'B'",),
    "staff": ("region = 'south'", "email IS NOT NULL"),
    "ticks": ("node <> 'N2'", "v < 10"),
    "nums": ("g <> 'big'",),
}
_MASKS: Mapping[str, tuple[tuple[tuple[str, str], ...], ...]] = {
    "readings": ((("basin", "substr(basin, 1, 1)"),), (("level", "CASE WHEN station = 'ULM' THEN level END"),)),
    "orders": (
        (("rep", "'someone'"),),
        (("price", "CASE WHEN rep = 'ada' THEN price END"),),
        (("region", "CAST(NULL AS varchar)"), ("units", "units / 5 * 5")),
        (("customer_id", "CASE WHEN channel = 'WEB' THEN customer_id END"),),
    ),
    "staff": ((("email", "'*'"),),),
    "nums": ((("s", "lower(s)"),),),
}
_DENIED = {"orders": ("units",), "readings": ("flow",), "staff": ("phone",)}
_ZONES = ("UTC", "UTC", "UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York")


def drawn_cases(seed: int, fixtures: Mapping[str, Fixture], settings: int, queries: int) -> list[Case]:
    """Make so many settings and so many queries in each."""
    random = Random(seed)
    return [
        case for number in range(settings) for case in _setting(random, f"{seed}-{number}", fixtures, queries)
    ]  # fmt: skip


def _setting(random: Random, name: str, fixtures: Mapping[str, Fixture], queries: int) -> list[Case]:
    ground = random.choice(GROUNDS)
    count = random.choice((1, 1, 2, 3))
    kept = [draw_view(random, draw_from(random, ground, 0.5), f"v{at}") for at in range(count)]
    tables = list(dict.fromkeys(table for each in kept for table in each.source.tables))
    changes = _changes(random, tables)
    policies = _policies(random, tables)
    views = tuple(_kept_up(random, each, policies) for each in kept)
    fixture = next(iter(fixtures))
    setting = Setting(fixture, views, changes, policies, fixtures[fixture].facts)
    drawn = [(_session(random, setting), _draw(random, kept)) for _ in range(queries)]
    travels = any(session.as_of or session.branch != "main" for session, _ in drawn) or any(
        change.branch != "main" for change in changes
    )
    setting = replace(setting, travels=travels)
    return [Case(f"drawn-{name}-{at}", setting, *each) for at, each in enumerate(drawn)]


def _draw(random: Random, kept: list[Kept]) -> str:
    query, other = _one(random, kept), _one(random, kept)
    return draw_shape(random, query, other)


def _one(random: Random, kept: list[Kept]) -> Grouped:
    view = random.choice(kept)
    if random.random() < 0.75:
        return draw_near(random, view)
    return draw_query(random, draw_from(random, view.source.ground, 0.5))


def _kept_up(random: Random, kept: Kept, policies: tuple[Policy, ...]) -> View:
    view = kept.view
    roll = random.random()
    if roll < 0.15:
        return replace(view, maintained="full")
    if roll < 0.3 and len(kept.source.tables) == 1 and not view.states:
        return replace(view, maintained="inserts")
    if roll < 0.35 and policies:
        return replace(view, built_under=policies)
    return view


def _changes(random: Random, tables: list[str]) -> tuple[Change, ...]:
    return tuple(_change(random, random.choice(tables)) for _ in range(random.choice((0, 0, 0, 1, 1, 2))))


def _change(random: Random, table: str) -> Change:
    branch = "dev" if random.random() < 0.1 else "main"
    kind = random.choice(("append", "append", "delete", "update"))
    if kind == "append" or table not in _GONE:
        late = _LATE.get(table, ())
        return (
            Change("append", table, late[: random.randint(1, 2)], branch=branch)
            if late
            else Change("delete", table, where="false")
        )
    if kind == "delete":
        return Change("delete", table, where=random.choice(_GONE[table]), branch=branch)
    column, value, where = random.choice(_MOVED[table])
    return Change("update", table, where=where, assignments=((column, value),), branch=branch)


def _policies(random: Random, tables: list[str]) -> tuple[Policy, ...]:
    policies = []
    for table in tables:
        row_filter = random.choice(_FILTERS[table]) if table in _FILTERS and random.random() < 0.2 else ""
        masks = random.choice(_MASKS[table]) if table in _MASKS and random.random() < 0.12 else ()
        denied = _DENIED[table] if table in _DENIED and random.random() < 0.05 else ()
        if row_filter or masks or denied:
            policies.append(Policy(table, row_filter, masks, denied))
    return tuple(policies)


def _session(random: Random, setting: Setting) -> Session:
    branches = {change.branch for change in setting.changes} - {"main"}
    return Session(
        min_grade=random.choice(("exact", "float")),
        time_zone=random.choice(_ZONES),
        as_of="before_changes" if setting.changes and random.random() < 0.1 else "",
        branch="dev" if branches and random.random() < 0.4 else "main",
    )
