"""What is built around a grouped query: subqueries, windows, set operations, grouping sets, joins on top."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.substitution_cases.drawn.queries import Grouped, by_number, filtered

Shape = Callable[[Random, Grouped, Grouped], str]


def draw_shape(random: Random, query: Grouped, other: Grouped) -> str:
    """Draw a shape around a query; some take another one beside it."""
    if random.random() < 0.55:
        return query.sql
    shape = random.choice(_SHAPES)
    return shape(random, query, other)


def _outer(random: Random, query: Grouped, _: Grouped) -> str:
    last = f"r{query.width - 1}"
    return random.choice(
        (
            f"SELECT count(*) AS n, max(r0) AS top FROM ({query.sql}) q",
            f"SELECT r0, count({last}) AS n FROM ({query.sql}) q GROUP BY r0",
            f"SELECT * FROM ({query.sql}) q WHERE {last} IS NOT NULL",
            f"WITH q AS ({query.sql}) SELECT {last} AS y, r0 AS x FROM q WHERE r0 IS NOT NULL",
            f"SELECT DISTINCT {last} FROM ({query.sql}) q",
        )
    )


def _window(random: Random, query: Grouped, _: Grouped) -> str:
    names = ", ".join(f"r{at}" for at in range(query.width))
    over = random.choice(
        (
            f"rank() OVER (ORDER BY {names})",
            f"count(*) OVER (PARTITION BY r0 ORDER BY {names})",
            f"max(r{query.width - 1}) OVER ()",
            f"lag(r0) OVER (ORDER BY {names})",
        )
    )
    return f"SELECT q.*, {over} AS w FROM ({query.sql}) q"


def _window_of_groups(random: Random, query: Grouped, _: Grouped) -> str:
    partition = f"PARTITION BY {query.keys[0]}" if query.keys and random.random() < 0.5 else ""
    named = [f"{text} AS r{at}" for at, text in enumerate(query.keys)]
    named.append(f"max({query.calls[0]}) OVER ({partition}) AS w")
    return f"SELECT {', '.join(named)} {query.where}{by_number(query.keys)}{query.having}"


def _twice(random: Random, query: Grouped, other: Grouped) -> str:
    if random.random() < 0.5 and query.width > 1:
        return f"WITH q AS ({query.sql}) SELECT a.r0, b.r1 FROM q a JOIN q b ON a.r0 = b.r0"
    return f"SELECT a.r0 AS x, b.r0 AS y FROM ({query.sql}) a CROSS JOIN ({other.sql}) b"


def _both(random: Random, query: Grouped, other: Grouped) -> str:
    union = random.choice(("UNION ALL", "UNION", "INTERSECT", "EXCEPT"))
    return (
        f"SELECT CAST(r0 AS varchar) AS x FROM ({query.sql}) a {union} SELECT CAST(r0 AS varchar) FROM ({other.sql}) b"
    )


def _listed(random: Random, query: Grouped, other: Grouped) -> str:
    negated = random.choice(("", "NOT "))
    return f"SELECT * FROM ({query.sql}) q WHERE CAST(r0 AS varchar) {negated}IN (SELECT CAST(r0 AS varchar) FROM ({other.sql}) b)"


def _scalar(random: Random, query: Grouped, other: Grouped) -> str:
    return f"SELECT q.*, (SELECT max(r{other.width - 1}) FROM ({other.sql}) b) AS top FROM ({query.sql}) q"


def _sets(random: Random, query: Grouped, _: Grouped) -> str:
    """Group by sets of columns, the only keys that Trino takes there."""
    keys = [key for key in query.keys if key in query.source.keys] or [query.source.keys[0]]
    sets = ["ROLLUP ({})", "CUBE ({})", "GROUPING SETS (({}), ())", f"GROUPING SETS (({{}}), ({keys[-1]}), ())"]
    named = [f"{text} AS r{at}" for at, text in enumerate([*keys, *query.calls])]
    grouped = random.choice(sets).format(", ".join(keys))
    return f"SELECT {', '.join(named)} {query.where} GROUP BY {grouped}{query.having}"


def _rows(random: Random, query: Grouped, _: Grouped) -> str:
    """Ask for rows as they are."""
    distinct = random.choice(("", "DISTINCT "))
    keys = query.keys or query.source.keys[:2]
    named = ", ".join(f"{text} AS r{at}" for at, text in enumerate(keys))
    return f"SELECT {distinct}{named} FROM {query.source.text}{filtered(query.conditions)}"


def _first(random: Random, query: Grouped, _: Grouped) -> str:
    every = ", ".join(f"{at + 1} {random.choice(('DESC', 'ASC', 'NULLS FIRST'))}" for at in range(query.width))
    return f"{query.sql} ORDER BY {every} LIMIT {random.choice((1, 3, 10))}"


def _joined(random: Random, query: Grouped, _: Grouped) -> str:
    table, column = random.choice((("regions", "region"), ("products", "product_id"), ("staff", "rep")))
    join = random.choice(("JOIN", "LEFT JOIN"))
    return f"SELECT q.*, x.{column} AS found FROM ({query.sql}) q {join} {table} x ON CAST(q.r0 AS varchar) = CAST(x.{column} AS varchar)"


def _unaliased(random: Random, query: Grouped, _: Grouped) -> str:
    """Write names as they are where one table is read, and leave the columns' names to the engine."""
    alias = query.source.ground.alias
    named = ", ".join([*query.keys, *query.calls])
    sql = f"SELECT {named} {query.where}{by_number(query.keys)}{query.having}"
    if query.source.joins or "SELECT" in " ".join(query.conditions):
        return sql
    return sql.replace(f"FROM {query.source.text}", f"FROM {query.source.ground.table}").replace(f"{alias}.", "")


_SHAPES: tuple[Shape, ...] = (
    _outer, _outer, _window, _window_of_groups, _twice, _both, _listed, _scalar, _sets, _sets, _rows, _rows, _first,
    _joined, _unaliased,
)  # fmt: skip
