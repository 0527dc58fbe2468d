"""Views and queries over a ground; most queries are near one of the views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from loadtests.mv_cases.cases import StateColumn, View
from tests.substitution_cases.drawn.grounds import From, Ground

_MOMENTS = ("00:00:00", "00:00:00", "10:00:00", "12:30:00", "23:59:59.999999")
_DATES = (
    "2023-03-01", "2023-03-05", "2023-03-25", "2023-03-26", "2023-04-01", "2023-06-15", "2023-10-29", "2024-01-01",
)  # fmt: skip
_SIGNS = (">=", "<", ">", "<=")
_CALLS = (
    "count(*)", "count({m})", "sum({m})", "min({m})", "max({m})", "avg({m})", "count({k})", "count(DISTINCT {k})",
    "max({k})", "min({k})", "sum({m}) FILTER (WHERE {c})", "count(*) FILTER (WHERE {c})", "count_if({c})",
    "sum(CASE WHEN {c} THEN {m} END)", "sum(CASE WHEN {c} THEN {m} ELSE 0 END)", "sum({m}) + count(*)",
    "bool_or({c})", "bool_and({c})", "every({c})", "sum(DISTINCT {m})", "max({m}) - min({m})", "sum({m}) / count(*)",
    "coalesce(sum({m}), 0)", "max_by({m}, {t})", "min_by({k}, {t})", "sum(2 * {m})", "sum(-{m})", "stddev({m})",
    "count(DISTINCT {k}) FILTER (WHERE {c})", "max({k}) FILTER (WHERE {c})", "count(1)", "sum(1)", "count(NULL)",
    "avg({m}) FILTER (WHERE {c})", "sum(IF({c}, 1, 0))", "approx_distinct({k}) > 0", "min(CASE WHEN {c} THEN {k} END)",
    "count(coalesce({k}, {k}))", "array_sort(array_agg(DISTINCT {k}))", "sum(coalesce({m}, 0))",
)  # fmt: skip
"""What a query may compute of a group: of a measure, a key, a condition, and an instant."""
_KEYS = ("coalesce({k}, {k})", "{k} IS NULL", "CASE WHEN {c} THEN 1 ELSE 2 END", "{c}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A view, and what a query that it may answer is made of."""

    view: View
    source: From
    keys: tuple[str, ...]
    calls: tuple[str, ...]
    conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grouped:
    """A query in its parts."""

    source: From
    keys: tuple[str, ...]
    calls: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    having: str = ""

    @property
    def width(self) -> int:
        """Return how many columns it has: `r0`, `r1` and so on."""
        return len(self.keys) + len(self.calls)

    @property
    def where(self) -> str:
        """Return its FROM and WHERE."""
        return f"FROM {self.source.text}" + filtered(self.conditions)

    @property
    def sql(self) -> str:
        """Write it out."""
        named = [f"{text} AS r{at}" for at, text in enumerate([*self.keys, *self.calls])]
        return f"SELECT {', '.join(named)} {self.where}{by_number(self.keys)}{self.having}"


def filtered(conditions: Sequence[str]) -> str:
    """Write the WHERE of some conditions."""
    return " WHERE " + " AND ".join(f"({each})" for each in conditions) if conditions else ""


def by_number(keys: Sequence[str]) -> str:
    """Write the GROUP BY of the first columns."""
    return f" GROUP BY {', '.join(str(at + 1) for at in range(len(keys)))}" if keys else ""


def draw_from(random: Random, ground: Ground, likely: float) -> From:
    """Draw which joins a query has, each alias once."""
    joins: list[str] = []
    chosen = []
    for join in random.sample(ground.joins, len(ground.joins)) if random.random() < likely else []:
        alias = join.text.split(" ON ")[0].split()[-1]
        if alias not in joins and (not join.after or join.after in joins):
            joins.append(alias)
            chosen.append(join)
        if (len(chosen) == 1 and random.random() < 0.6) or len(chosen) == 3:
            break
    return From(ground, tuple(chosen))


def draw_view(random: Random, source: From, name: str) -> Kept:
    """Draw a view: rows as they are, distinct keys, or groups."""
    conditions = tuple(_conditions(random, source, (0.35, 0.1)))
    roll = random.random()
    if roll < 0.2:
        return _detail(random, source, name, conditions)
    keys = tuple(_some(random, source.keys, 1, 4)) + _time(random, source, 0.6)
    if roll < 0.27:
        columns = ", ".join(f"{text} AS c{at}" for at, text in enumerate(keys))
        sql = f"SELECT DISTINCT {columns} FROM {source.text}{filtered(conditions)}"
        return Kept(View(name, sql, ()), source, keys, tuple(f"max({key})" for key in keys), conditions)
    calls = ["count(*)"] if random.random() < 0.9 else []
    for measure in _some(random, source.ground.measures, 1, 2):
        calls += [f"{call}({measure})" for call in ("sum", "count", "min", "max") if random.random() < 0.75]
    if random.random() < 0.25:
        calls += [draw_call(random, source)]
    states, more = _states(random, source)
    texts = [f"{text} AS c{at}" for at, text in enumerate([*keys, *calls])] + [
        f"{text} AS {state.column}" for state, text in zip(states, more, strict=True)
    ]
    sql = f"SELECT {', '.join(texts)} FROM {source.text}{filtered(conditions)}{by_number(keys)}"
    asked = [f"count(DISTINCT {each.arguments[0]})" if each.function == "uniqExact" else
             f"max_by({', '.join(each.arguments)})" for each in states]  # fmt: skip
    view = View(name, sql, (), tuple(states))
    return Kept(view, source, keys, (*calls, *asked) or ("count(*)",), conditions)


def _detail(random: Random, source: From, name: str, conditions: tuple[str, ...]) -> Kept:
    ground = source.ground
    plain = [each for each in ground.measures if each.replace(".", "").isidentifier()]
    names = list(dict.fromkeys([*source.keys, *plain, *filter(None, [ground.instant])]))
    columns = _some(random, names, 3, 6)
    if not source.joins and random.random() < 0.3:
        columns = names
    texts = ", ".join(f"{text} AS c{at}" for at, text in enumerate(columns))
    if not source.joins and random.random() < 0.2:
        texts = f"{ground.alias}.*"
    calls = ("count(*)", *(f"{random.choice(('max', 'count', 'min'))}({name})" for name in columns))
    sql = f"SELECT {texts} FROM {source.text}{filtered(conditions)}"
    keys = tuple(key for key in columns if key in source.keys) or ("1",)
    return Kept(View(name, sql, ()), source, keys, calls, conditions)


def _states(random: Random, source: From) -> tuple[list[StateColumn], list[str]]:
    if random.random() > 0.2:
        return [], []
    key, measure = random.choice(source.ground.keys), random.choice(source.ground.measures)
    states = [StateColumn("u0", "uniqExact", (key,))]
    texts = [f"array_agg(DISTINCT {key}) FILTER (WHERE {key} IS NOT NULL)"]
    if source.ground.instant and random.random() < 0.5:
        states.append(StateColumn("u1", "argMax", (measure, source.ground.instant)))
        texts.append(f"max_by({measure}, {source.ground.instant})")
    return states, texts


def draw_near(random: Random, kept: Kept) -> Grouped:
    """Ask what a view may answer: some of its keys and calls, its filter and perhaps one more."""
    source = _nearly(random, kept.source)
    keys = tuple(_coarser(random, source, each) for each in _some(random, kept.keys, 0, len(kept.keys)))
    calls = _some(random, kept.calls, 1, 3)
    if random.random() < 0.3:
        calls.append(draw_call(random, source))
    conditions = list(kept.conditions) if random.random() < 0.9 else []
    if random.random() < 0.35:
        key = random.choice(kept.keys)
        conditions += random.choice(([f"{key} IS NOT NULL"], _conditions(random, source, (0.9,))))
    return Grouped(
        source, keys, tuple(calls), tuple(random.sample(conditions, len(conditions))), _having(random, calls)
    )


def draw_query(random: Random, source: From) -> Grouped:
    """Ask whatever comes."""
    keys = tuple(draw_key(random, source, each) for each in _some(random, source.keys, 0, 2)) + _time(
        random, source, 0.35
    )
    calls = [draw_call(random, source) for _ in range(random.randint(1, 3))]
    return Grouped(
        source, keys, tuple(calls), tuple(_conditions(random, source, (0.7, 0.4, 0.2))), _having(random, calls)
    )


def draw_call(random: Random, source: From) -> str:
    """Draw what is computed of a group."""
    form = random.choice(_CALLS)
    if "{t}" in form and not source.ground.instant:
        form = "count({m})"
    return form.format(
        m=random.choice(source.ground.measures),
        k=random.choice(source.keys),
        c=random.choice([each for each in source.conditions if "SELECT" not in each]),
        t=source.ground.instant,
    )


def draw_key(random: Random, source: From, name: str) -> str:
    """Draw a key, or something computed from it."""
    if random.random() < 0.7:
        return name
    condition = random.choice([each for each in source.conditions if "SELECT" not in each])
    return random.choice(_KEYS).format(k=name, c=condition)


def _nearly(random: Random, source: From) -> From:
    """Return the same joins, in another order, or one less or more."""
    roll, joins = random.random(), list(source.joins)
    if roll < 0.15 and joins:
        joins = joins[:-1]
    elif roll < 0.3:
        more = draw_from(random, source.ground, 1.0).joins
        taken = {join.text.split(" ON ")[0].split()[-1] for join in joins}
        joins += [j for j in more if not j.after and j.text.split(" ON ")[0].split()[-1] not in taken][:1]
    return From(source.ground, tuple(joins))


def _coarser(random: Random, source: From, key: str) -> str:
    """Return a key of a view as it is, or one that it may be rolled up to."""
    if key in source.keys:
        return draw_key(random, source, key)
    for unit, wider in (("'hour'", "'day'"), ("'day'", "'month'"), ("'month'", "'quarter'")):
        if unit in key and random.random() < 0.5:
            return key.replace(unit, wider)
    return f"date_trunc('month', {key})" if "date_trunc" in key and random.random() < 0.2 else key


def _having(random: Random, calls: Sequence[str]) -> str:
    first = calls[0]
    return random.choice(
        ("", "", "", "", " HAVING count(*) > 1", f" HAVING {first} IS NOT NULL", f" HAVING {first} = {first}")
    )


def _time(random: Random, source: From, likely: float) -> tuple[str, ...]:
    times = source.ground.times
    return (random.choice(times),) if times and random.random() < likely else ()


def _conditions(random: Random, source: From, likely: Sequence[float]) -> list[str]:
    drawn = [random.choice(source.conditions) for share in likely if random.random() < share]
    if source.ground.edges and random.random() < likely[0] / 2:
        edge = random.choice(source.ground.edges)
        drawn.append(edge.format(random.choice(_SIGNS), f"{random.choice(_DATES)} {random.choice(_MOMENTS)}"))
    if len(drawn) > 1 and random.random() < 0.3:
        return [" OR ".join(f"({each})" for each in drawn)]
    return drawn


def _some(random: Random, names: Sequence[str], least: int, most: int) -> list[str]:
    distinct = list(dict.fromkeys(names))
    return random.sample(distinct, min(len(distinct), random.randint(min(least, len(distinct)), most)))
