"""Values of every type in every place where queries compare, sort, compute with or cast them, and joins of any kind.

Where `queries.systematic` asks each function about each column, this asks each clause about each type: what is equal,
which comes first, what a pair of numbers gives, what becomes of a value in another type, which rows a join keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from loadtests.traps.queries import Drawn

VALUES = (
    *("d", "r", "de18", "de9 * 1.5", "c", "v", "cast(substr(v, 1, 3) as varchar(5))", "bo", "dt", "ts3", "ts9", "tz3"),
    *("tz3 at time zone if(bo, 'America/New_York', 'UTC')", "cast(tz3 as time)", "interval '1' month * k", "vb", "u"),
    *("ts3 - timestamp '2020-01-01 00:00:00'", "ab", "av", "m", "array[d]", "array[d, x]", "array[r]", "row(d, k)"),
    *("row(v, c)", "row(k, null)", "array[ab]", "row(ab, d)", "cast(k as json)", "array[c]", "array[tz3]", "null"),
    *("row(tz3, c)", "array[de9, 1.5]", "k % 3", "array[row(d, k)]", "array[ts9]"),
)
_PAIRED = "(select id, {e} as y from {t}) a join (select id, {e} as y from {t}) b"
_EQUAL = (
    "select count(*) as n1 from (select {e} as y from {t} group by {e})",
    "select count(*) as n1 from (select distinct {e} as y from {t})",
    "select count(distinct {e}) as n1 from {t}",
    "select count(*) as n1 from (select {e} as y from {t} union select {e} from {t})",
    "select count(*) as n1 from (select {e} as y from {t} where id < 12 intersect select {e} from {t} where id > 10)",
    "select count(*) as n1 from (select {e} as y from {t} where id < 12 except select {e} from {t} where id > 10)",
    "select id, count(*) over (partition by {e}) as n1 from {t}",
    f"select a.id, b.id as bid from {_PAIRED} on a.y = b.y",
    f"select a.id, b.id as bid from {_PAIRED} on a.y is not distinct from b.y",
    f"select a.id, b.id as bid, a.y is distinct from b.y as z from {_PAIRED} on b.id = a.id % 10 + 1",
    f"select a.id, b.id as bid, a.y = b.y as z, nullif(a.y, b.y) is null as w1 from {_PAIRED} on b.id = a.id % 10 + 1",
    f"select a.id, case a.y when b.y then 1 else 2 end as z from {_PAIRED} on b.id = a.id % 10 + 1",
    "select id from {t} where {e} in (select {e} from {t} where id in (1, 3, 7, 11, 12, 13))",
    "select id, {e} in (select {e} from {t} where id in (1, 2, 7, 11, 13) and {e} is not null) as y from {t}",
    "select {e} as y, count(*) as n1, min(id) as i1 from {t} group by {e}",
    "select distinct {e} as y from {t}",
)
_ORDERED = (
    "select id, {e} as y from {t} order by {e}, id",
    "select id from {t} order by {e} desc, id limit 7",
    "select id from {t} order by {e} nulls first, id",
    "select id from {t} order by {e} desc nulls first, id",
    "select max({e}) as a, min({e}) as b from {t}",
    "select k, max({e}) as a, min({e}) as b from {t} group by k",
    "select max_by(id, {e}) as a, min_by(id, {e}) as b from {t} where id in (1, 6, 8, 13)",
    f"select a.id, b.id as bid, greatest(a.y, b.y) as g1, least(a.y, b.y) as l1 from {_PAIRED} on b.id = a.id % 10 + 1",
    f"select a.id, b.id as bid, a.y < b.y as l1, a.y between b.y and a.y as b1 from {_PAIRED} on b.id = a.id % 10 + 1",
    "select id, rank() over (order by {e}) as rk, count(*) over (order by {e}) as n1 from {t}",
    "select id, max({e}) over (order by id rows 2 preceding) as m1 from {t}",
    "select id, lag({e}) over (order by id) as p, first_value({e}) over (partition by k order by id) as f1 from {t}",
    "select array_agg({e} order by {e}, id) as a from {t} where {e} is not null and id < 20",
    "select id, array_sort(array[{e}, {e}]) as a, array_max(array[{e}]) as b from {t}",
    "select id, array_distinct(array[{e}, {e}]) as a, contains(array[{e}], {e}) as b from {t}",
)
_NUMBERS = (*("k", "i", "s", "ti", "d", "r", "de9", "de18", "de38", "2", "1.5", "2e0", "bigint '3'", "real '0.1'"),)
_SMALL = "where id in (1, 2, 6, 8, 13, 14, 19, 32)"
_COMPUTED = (
    "select id, {a} + {b} as p, {a} - {b} as m1, {a} * {b} as t1, {a} / nullif({b}, 0) as q1 from {t} " + _SMALL,
    "select id, {a} % nullif({b}, 0) as r1 from {t} " + _SMALL,
    "select id, {a} = {b} as e1, {a} < {b} as l1, {a} is distinct from {b} as d1, {a} in ({b}, {a}) as i1 from {t}",
    "select id, coalesce({a}, {b}) as c1, if(bo, {a}, {b}) as i1, nullif({a}, {b}) as n1 from {t}",
    "select id, greatest({a}, {b}) as g1, least({a}, {b}) as l1 from {t}",
    "select {a} as y from {t} " + _SMALL + " union all select {b} from {t} " + _SMALL,
)
_TYPES = (
    *("bigint", "integer", "smallint", "tinyint", "double", "real", "decimal(9,2)", "decimal(38,10)", "decimal(3,0)"),
    *("varchar", "varchar(3)", "char(3)", "boolean", "date", "timestamp(3)", "timestamp(0)", "timestamp(9)", "time"),
    *("timestamp(3) with time zone", "array(varchar)", "array(double)", "map(varchar, varchar)", "uuid", "varbinary"),
    *("json", "row(a bigint, b varchar)"),
)
_CAST = (
    *("k", "i", "s", "ti", "d", "r", "de9", "de18", "de38", "vn", "vd", "v", "c", "bo", "dt", "ts3", "ts6", "ts9"),
    *("tz3", "ab", "m", "u", "vb", "vj", "row(k, v)"),
)
_SIDES = (
    "{t}",
    "(select id, k, n, g from {t} where id < 20)",
    "(select id, n as k, k as n, g from {t} where bo)",
    "(select k, count(*) as n, max(id) as id, min(g) as g from {t} group by k)",
    "(select distinct k, n, id, g from {t} where id > 30)",
)
_CONDITIONS = (
    *("a.id = b.id", "a.k = b.n", "a.k = b.k and a.n > b.n", "a.id = b.id and a.k > 2", "a.id = b.id and b.k > 2"),
    *("a.k = b.k or a.n = b.n", "a.id < b.id and a.g = b.g", "a.k = b.k and a.id is not null", "true", "false"),
    *("a.g = b.g and a.k is null", "a.id = b.id and null", "a.k is not distinct from b.k", "a.k + 1 = b.k"),
    *("a.id = b.id and not (a.k = b.n)", "coalesce(a.k, -1) = coalesce(b.n, -1)", "upper(a.g) = b.g"),
    *("a.id between b.id and b.id + 1", "a.id = b.id and exists (select 1 from {t} z where z.n = b.k)"),
)
_WHERE = (
    *("", "", " where a.k > 2", " where b.k is null", " where a.id is not null and b.id is not null"),
    *(" where coalesce(a.k, b.k) > 3", " where a.id is null or b.n = 3", " where b.g is null and a.k > 1"),
)
_SHOWN = (
    *("a.id, b.id as b", "count(*) as c", "coalesce(a.id, b.id) as i, a.g, b.g as g2"),
    "sum(a.k) as s, count(b.id) as c, min(b.g) as m1",
)
_JOINS = ("join", "left join", "right join", "full join")


def places() -> Iterator[Drawn]:
    """Yield a query for each place and type, each pair of numbers, and each cast."""
    asked = (
        *(p.replace("{e}", e) for e, p in product(VALUES, (*_EQUAL, *_ORDERED)) if not _is_endless(e, p)),
        *(f.replace("{a}", a).replace("{b}", b) for a, b, f in product(_NUMBERS, _NUMBERS, _COMPUTED)),
        *(f"select id, try_cast({value} as {kind}) as y from {{t}}" for value, kind in product(_CAST, _TYPES)),
    )
    for number, sql in enumerate(asked):
        yield Drawn(f"place-{number}", sql)


def _is_endless(value: str, place: str) -> bool:
    """Tell whether Trino 476 would not end: it joins maps for minutes."""
    return value == "m" and any(part in place for part in ("on a.y", " in (select"))


def joins(seed: int, count: int) -> Iterator[Drawn]:
    """Yield so many joins of two and three relations."""
    draw = Random(f"joins/{seed}")
    for number in range(count):
        left, right, kind = draw.choice(_SIDES), draw.choice(_SIDES), draw.choice(_JOINS)
        third = ""
        if draw.random() < 0.3:
            key = draw.choice(("a.id", "b.id", "a.k", "coalesce(a.id, b.id)"))
            third = f" {draw.choice(_JOINS)} (select id as cid from {{t}} where id % 2 = 0) c on c.cid = {key}"
        sql = f"select {draw.choice(_SHOWN)} from {left} a {kind} {right} b on {draw.choice(_CONDITIONS)}{third}"
        yield Drawn(f"join-{seed}-{number}", sql + draw.choice(_WHERE))
