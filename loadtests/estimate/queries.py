"""The queries, in Trino's SQL, with parameters of one's choice: their texts' own, or others drawn from a seed."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import sqlglot
from sqlglot import exp

from loadtests.estimate.tables import Queries
from loadtests.load.statements import PARTNER, exploring, tiles

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS, _MONTHS = range(1998, 2003), range(1176, 1225)
"""What TPC-DS has sales of: years, and months as its calendar counts them."""
_COMPARES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


@dataclass(frozen=True, slots=True)
class Asked:
    """One query to run."""

    name: str
    schema: str
    sql: str


def queries(texts: Queries, seed: int) -> Iterator[Asked]:
    """Yield all queries with the parameters of a seed; of seed 0: their own."""
    for name, numbered in texts.items():
        for number, text in numbered.items():
            draw = random.Random(f"{seed}/{name}/{number}")
            tree = sqlglot.parse_one(text, read="duckdb")
            sql = _dated(tree if seed == 0 else varied(tree, draw)).sql("trino")
            yield Asked(f"{name} {number}", name, sql)


def demo_queries(seed: int) -> Iterator[Asked]:
    """Yield what the demo's dashboards, analysts and partners ask most."""
    draw = random.Random(f"{seed}/demo")
    asked = [each for each in (*tiles(""), PARTNER) if "clickhouse." not in each.sql]
    for question in (*asked, *(exploring(draw) for _ in range(12))):
        yield Asked(f"demo {question.name}", "curated", question.sql)


def _dated(tree: exp.Expr) -> exp.Expr:
    """Write texts that are days as dates: Trino compares a date with no text."""
    for literal in list(tree.find_all(exp.Literal)):
        if literal.is_string and _DAY.fullmatch(literal.this) and not isinstance(literal.parent, exp.Cast):
            literal.replace(exp.cast(literal.copy(), "date"))
    return tree


def varied(tree: exp.Expr, draw: random.Random) -> exp.Expr:
    """Return a query about other days, years and amounts: all days by the same distance, so that ranges stay ranges."""
    days, years = draw.randint(-200, 200), draw.choice((-1, 0, 1))
    for literal in tree.find_all(exp.Literal):
        if literal.find_ancestor(*_COMPARES) is None or literal.find_ancestor(exp.Limit):
            continue
        if literal.is_string:
            if _DAY.fullmatch(literal.this):
                literal.set("this", _moved(literal.this, days))
        elif literal.this.isdigit():
            literal.set("this", str(_other(int(literal.this), years, draw)))
    return tree


def _moved(day: str, days: int) -> str:
    moved = date.fromisoformat(day) + timedelta(days=days)
    return str(min(max(moved, date(1992, 1, 2)), date(2003, 12, 31)))


def _other(number: int, years: int, draw: random.Random) -> int:
    if number in _YEARS:
        return min(max(number + years, _YEARS[0]), _YEARS[-1])
    if number in _MONTHS:
        return min(max(number + 12 * years, _MONTHS[0]), _MONTHS[-1])
    return number + draw.randint(-(number // 5), number // 5) if number >= 10 else number
