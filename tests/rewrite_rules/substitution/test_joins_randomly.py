"""Random views and queries of joins: whatever way to lay one over the other is proved keeps every row."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import duckdb
import pytest

from catalog.dialect.generate import generate
from rewrite_rules.substitution.flatten import flatten
from rewrite_rules.substitution.joins import embed
from rewrite_rules.substitution.keys import key
from rewrite_rules.substitution.rebuilt import as_select
from tests.rewrite_rules.substitution.ground import GROUND, typed
from tests.rewrite_rules.substitution.test_joins import make, over_view

JOINED = {
    ("trades", "books"): ("book_id",),
    ("trades", "traders"): ("trader",),
    ("trades", "desks"): ("desk",),
    ("trades", "node_tags"): ("node",),
    ("trades", "counterparties"): ("cpty_id",),
    ("trades", "trades"): ("node", "book_id"),
    ("traders", "desks"): ("desk",),
}
FILTERS = {
    "trades": "side = 'BUY'",
    "books": "region = 'W'",
    "traders": "desk IS NOT NULL",
    "desks": "region = 'E'",
    "node_tags": "tag = 'x'",
    "counterparties": "name = 'C'",
}


def shared(first: str, second: str) -> tuple[str, ...]:
    return JOINED.get((first, second)) or JOINED.get((second, first)) or ()


def joins(rng: random.Random) -> str:
    """Return a query that joins up to four tables along their keys, filtered here and there."""
    tables = [rng.choice(["trades", "trades", "books", "traders"])]
    text = f"FROM {tables[0]} a0"
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        table, position = rng.choice([*FILTERS]), len(tables)
        ways = [(i, column) for i, other in enumerate(tables) for column in shared(other, table)]
        if not ways:
            continue
        other, column = rng.choice(ways)
        kind = rng.choice(["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN" if position == 1 else "JOIN"])
        extra = f" AND a{position}.{FILTERS[table]}" if rng.random() < 0.2 else ""
        text += f" {kind} {table} a{position} ON a{other}.{column} = a{position}.{column}{extra}"
        tables.append(table)
    where = [f"a{i}.{FILTERS[table]}" for i, table in enumerate(tables) if rng.random() < 0.25]
    shown = ", ".join(f"a{i}.*" for i in range(len(tables)))
    return f"SELECT {shown} {text}" + (f" WHERE {' AND '.join(where)}" if where else "")


def pairs(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield queries with views: any two, or the query without its filter, or with its inner joins turned to left."""
    while True:
        query = joins(rng)
        view = joins(rng) if rng.random() < 0.6 else query.partition(" WHERE ")[0]
        if rng.random() < 0.3:
            view = view.replace(" JOIN", " LEFT JOIN").replace("LEFT LEFT", "LEFT").replace("RIGHT LEFT", "RIGHT")
        yield query, view


def compare(seed: int, count: int) -> Counter[str]:
    rng = random.Random(seed)
    met: Counter[str] = Counter()
    with duckdb.connect() as lake:
        lake.execute("SET threads = 1")
        lake.execute("ATTACH ':memory:' AS lake")
        lake.execute("CREATE SCHEMA lake.grid")
        for number, (query, view) in zip(range(count), pairs(rng), strict=False):
            if number % 50 == 0:
                for statement in make(rng):
                    lake.execute(statement)
            asked, shown = flatten(typed(query), GROUND), flatten(typed(view), GROUND)
            said = {key(each.value) for each in asked.conditions}
            for way in embed(asked, shown, GROUND, "enforced"):
                if not {key(each) for each in way.required} <= said or not all(each.columns for each in way.extended):
                    continue
                expected = Counter(lake.execute(generate(as_select(asked))).fetchall())
                assert Counter(lake.execute(over_view(asked, shown, way)).fetchall()) == expected, f"{query}\n{view}"
                met.update(["all", *(["dropped"] if way.dropped else []), *(["extended"] if way.extended else [])])
    return met


def test_random_views_laid_over_random_queries_keep_their_rows() -> None:
    met = compare(seed=1, count=60)
    assert met["all"] > 20
    assert min(met["dropped"], met["extended"]) > 2


@pytest.mark.long  # some thousand pairs
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_thousands_of_views_laid_over_queries_keep_their_rows(seed: int) -> None:
    met = compare(seed, count=1_000)
    assert met["all"] > 300
    assert min(met["dropped"], met["extended"]) > 30
