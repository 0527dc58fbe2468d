"""Whole queries over the table of traps: every template with every column, and shapes drawn by a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from loadtests.traps.grammar import COLUMNS, Drawing, each_column

_TOTAL = re.compile(r"ORDER BY (?:1[A-Z ]*, )?id(?: (?:LIMIT|OFFSET|FETCH)[^()]*)?$")
_KEYS = "int|double|real|decimal|varchar|char|boolean|date|timestamp|uuid"
_MIXED = (("int", "decimal"), ("int", "double"), ("decimal", "double"), ("date", "timestamp"), ("varchar", "varchar"))
_SETS = ("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
_ENDS = ("LIMIT 7", "OFFSET 5 LIMIT 4", "FETCH FIRST 3 ROWS WITH TIES", "OFFSET 30", "FETCH FIRST 2 ROWS ONLY")
_GROUPINGS = ("ROLLUP (g, k)", "CUBE (g, bo)", "GROUPING SETS ((g), (k), ())", "GROUPING SETS ((g, k), (bo))")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A query, with `{t}` for the table; `value` is what it shows of each row, if it shows one thing of each row."""

    name: str
    sql: str
    value: str | None = None
    time_zone: str = "UTC"
    tolerance: float = 0.0
    """Relative, where the query adds up numbers so ill that engines part earlier than they do elsewhere."""

    @property
    def ordered(self) -> bool:
        """Tell whether the query says in which order all of its rows come."""
        return _TOTAL.search(self.sql) is not None

    def over(self, ids: Sequence[int]) -> Drawn:
        """Return the same over some rows."""
        listed = ", ".join(map(str, ids))
        sql = f"SELECT id, {self.value} AS val FROM {{t}} WHERE id IN ({listed}) ORDER BY id"
        return Drawn(f"{self.name}/some", sql)


def of_rows(name: str, value: str) -> Drawn:
    """Return a query for a value of each row."""
    return Drawn(name, f"SELECT id, {value} AS val FROM {{t}} ORDER BY id", value)


def systematic(seed: int) -> Iterator[Drawn]:
    """Yield a query for each template and column."""
    for number, value in enumerate(each_column("scalar", seed)):
        yield of_rows(f"scalar-{number}", value)
    for number, value in enumerate(each_column("aggregate", seed)):
        yield Drawn(f"aggregate-{number}", f"SELECT k AS grp, {value} AS val FROM {{t}} GROUP BY k")
        if number % 3 == 0:
            yield Drawn(f"empty-{number}", f"SELECT {value} AS val FROM {{t}} WHERE id < 0")
    for number, value in enumerate(each_column("window", seed)):
        yield Drawn(f"window-{number}", f"SELECT id, {value} AS val FROM {{t}} ORDER BY id")


def drawn(seed: int, count: int) -> Iterator[Drawn]:
    """Yield so many queries of any shape."""
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")
        shape = draw.choice(_SHAPES)
        yield shape(f"{shape.__name__.strip('_')}-{seed}-{number}", draw)


def _rows(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    return of_rows(name, drawing.expression(drawing.kind("any"), 2))


def _filtered(name: str, draw: random.Random) -> Drawn:
    condition = Drawing(draw).expression("boolean", 2)
    return Drawn(name, f"SELECT id FROM {{t}} WHERE {condition} ORDER BY id", condition)


def _grouped(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    key, value = drawing.expression(drawing.kind(_KEYS), 1), drawing.call("aggregate", draw.choice((0, 0, 1)))
    having = f" HAVING {draw.choice(('count(*) > 1', 'max(b) > 0', 'min(v) IS NOT NULL', 'sum(n) > 5'))}"
    return Drawn(
        name, f"SELECT {key} AS grp, {value} AS val FROM {{t}} GROUP BY 1{having if draw.random() < 0.4 else ''}"
    )


def _total(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    condition = f" WHERE {drawing.expression('boolean', 1)}" if draw.random() < 0.5 else ""
    values = (drawing.call("aggregate", draw.choice((0, 1))) for _ in range(2))
    return Drawn(name, f"SELECT {next(values)} AS one, {next(values)} AS two FROM {{t}}{condition}")


def _windowed(name: str, draw: random.Random) -> Drawn:
    return Drawn(name, f"SELECT id, {Drawing(draw).call('window', draw.choice((0, 1)))} AS val FROM {{t}} ORDER BY id")


def _ordered(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    value = drawing.expression(drawing.kind(_KEYS), 1)
    direction = draw.choice(("", " DESC", " NULLS FIRST", " DESC NULLS FIRST", " DESC NULLS LAST"))
    end = draw.choice(_ENDS)
    more = "" if "TIES" in end else ", id"
    return Drawn(name, f"SELECT {value} AS val, id FROM {{t}} ORDER BY 1{direction}{more} {end}")


def _distinct(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    return Drawn(name, f"SELECT DISTINCT {drawing.expression(drawing.kind(_KEYS), 1)} AS val FROM {{t}}")


def _sets(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    left, right = draw.choice(_MIXED)
    one, two = (drawing.expression(drawing.kind(side), draw.choice((0, 1))) for side in (left, right))
    parts = f"SELECT {one} AS val FROM {{t}} WHERE id < 9", f"SELECT {two} FROM {{t}} WHERE id > 4"
    return Drawn(name, f" {draw.choice(_SETS)} ".join(parts))


def _joined(name: str, draw: random.Random) -> Drawn:
    left, right = Drawing(draw, "p."), Drawing(draw, "q.")
    kind = left.kind("int|double|decimal|varchar|char|date|timestamp|boolean")
    other = right.kind("num") if kind in ("bigint", "integer", "double", "decimal") else kind
    condition = f"({left.expression(kind, draw.choice((0, 1)))}) = ({right.expression(other, draw.choice((0, 0, 1)))})"
    join = draw.choice(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    right_side = "(SELECT * FROM {t} WHERE id < 12) q"
    select = f"SELECT p.id AS one, q.id AS two, coalesce(q.{draw.choice(COLUMNS['varchar'])}, '-') AS text"
    return Drawn(name, f"{select} FROM {{t}} p {join} {right_side} ON {condition}")


def _rolled_up(name: str, draw: random.Random) -> Drawn:
    grouping = draw.choice(_GROUPINGS)
    keys = [key for key in ("g", "k", "bo") if key in grouping.replace("GROUPING", "").replace("ROLLUP", "")]
    value = Drawing(draw).call("aggregate", 0)
    shown = ", ".join(keys)
    return Drawn(name, f"SELECT {shown}, grouping({shown}) AS level, {value} AS val FROM {{t}} GROUP BY {grouping}")


def _within(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    kind = drawing.kind("int|double|decimal|varchar|date|boolean")
    inner = drawing.expression(kind, draw.choice((0, 1)))
    condition = drawing.expression("boolean", 1)
    negated = draw.choice(("", "NOT "))
    outer = draw.choice(COLUMNS[kind])
    test = draw.choice((
        f"{outer} {negated}IN (SELECT {inner} FROM {{t}} WHERE {condition})",
        f"{negated}EXISTS (SELECT 1 FROM {{t}} q WHERE q.{outer} = p.{outer} AND q.id > p.id)",
        f"{outer} > (SELECT min({inner}) FROM {{t}})",
    ))  # fmt: skip
    return Drawn(name, f"SELECT id FROM {{t}} p WHERE {test} ORDER BY id")


def _unnested(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    array = drawing.expression(drawing.kind("array"), draw.choice((0, 1)))
    join = draw.choice(("CROSS JOIN UNNEST({a}) AS e(val)", "CROSS JOIN UNNEST({a}) WITH ORDINALITY AS e(val, pos)",
                        "LEFT JOIN UNNEST({a}) AS e(val) ON true"))  # fmt: skip
    return Drawn(name, f"SELECT id, val FROM {{t}} {join.replace('{a}', array)}")


def _nested(name: str, draw: random.Random) -> Drawn:
    drawing = Drawing(draw)
    kind = drawing.kind("num|varchar|date|timestamp|boolean")
    inner, key = drawing.expression(kind, 2), drawing.expression(drawing.kind("varchar|int|boolean"), 1)
    outer = draw.choice(("count(val)", "count(DISTINCT val)", "min(val)", "max(val)", "count(*)"))
    source = f"(SELECT {inner} AS val, {key} AS b FROM {{t}})"
    return Drawn(name, f"SELECT b AS grp, {outer} AS val FROM {source} WHERE val IS NOT NULL GROUP BY b")


_Shape = Callable[[str, random.Random], Drawn]
_SHAPES: Sequence[_Shape] = (
    *(_rows, _rows, _rows, _filtered, _filtered, _grouped, _grouped, _total, _windowed, _ordered, _distinct),
    *(_sets, _joined, _rolled_up, _within, _unnested, _nested),
)
