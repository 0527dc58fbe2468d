"""Draw queries with correlated subqueries, of all uses and clauses, over tables of one shape (k, n, id, s, g, ch, ab)."""

from __future__ import annotations

from random import Random

_COLUMNS = "id, k, n, g, s, ch"
_OUTER = ("a.k", "a.k", "a.n", "a.id", "a.k + 1", "a.n - a.k", "coalesce(a.k, 0)", "cast(a.k as bigint)", "a.i")
_CONDITIONS = (
    *("{b}.{col} = {outer}",) * 8,
    *("{outer} = {b}.{col}", "{b}.{col} {sign} {outer}", "{b}.{col} {sign} {outer}", "{b}.g = a.g", "{b}.ch = a.g"),
    *("({b}.k = a.k and {b}.n > a.n)", "({b}.k = a.k or {b}.n = a.n)", "{b}.k + 1 = a.k", "a.k > 2"),
    *("{b}.k is not distinct from a.k", "a.k between {b}.k and {b}.n", "{b}.k in (a.k, a.n)"),
    "exists (select 1 from {{t}} z where z.k = {b}.n)",
    "exists (select 1 from {{t}} z where z.k = a.n)",
    "{b}.k in (select z.n from {{t}} z where z.id > 5)",
    *("{b}.k > 3", "{b}.n > 1"),
)
_ITEMS = ("b.id", "b.k", "b.n", "b.k", "b.k + b.n", "b.k + 0", "1", "coalesce(b.k, 1)", "a.k", "b.k + a.n")
_TOTALS = (
    *("count(*)", "max(b.id)", "sum(b.n)", "count(distinct b.k)", "max(b.id) + 1", "min(b.n) filter (where b.k > 1)"),
    *("sum(b.k) * 2.0", "count(b.n) > 2", "array_agg(b.id order by b.id)", "max_by(b.id, b.n)", "max(b.id) + a.k"),
    *("coalesce(max(b.n), 0)", "coalesce(max(b.n), a.n)", "sum(b.n + a.n)", "count(*) filter (where b.n > a.n)"),
)
_UNNESTED = (
    "select max(e) as f from unnest(a.ab) u1(e)",
    "select e as f from unnest(a.ab) u1(e)",
    "select count(*) as f from unnest(a.ab) u1(e) where e > 1",
    "select e as f from unnest(a.ab) u1(e) limit 1",
    "select e + 1 as f from unnest(a.ab) u1(e)",
    "select max(e) + a.k as f from unnest(a.ab) u1(e)",
    "select max(o) as f from unnest(a.ab) with ordinality u1(e, o)",
    "select distinct e as f from unnest(a.ab) u1(e)",
    "select e as f from unnest(array[a.k, a.n]) u1(e)",
    "select max(e) as f from (select e from unnest(a.ab) u1(e))",
    "select sum(e) as f from unnest(a.ab) u1(e) having count(*) > 1",
    "select max(b.id) as f from {t} b cross join unnest(a.ab) u1(e)",
    "select max(e) as f from {t} b cross join unnest(b.ab) u1(e) where b.k = a.k",
)
_BARE = ("select a.k as f", "select a.k as f where a.n > 2", "values (a.k)", "select f from (values (a.k)) q(f)")
_TAILS = (
    *("", "", "", "", " order by b.id", " order by b.k desc", " order by b.n limit 1", " order by b.k desc limit 2"),
    *(" limit 1", " limit 2", " offset 1", " order by b.id offset 1 limit 1"),
)
_USES = (
    *("select a.id, ({f}) as v from {t} a",) * 6,
    *("select a.id from {t} a where exists ({f})",) * 3,
    "select a.id from {t} a where not exists ({f})",
    *("select a.id from {t} a where a.id in ({f})", "select a.id from {t} a where a.n + 1 not in ({f})"),
    *("select a.id from {t} a where a.k = any ({f})", "select a.id from {t} a where a.id >= all ({f})"),
    *("select a.id, l.f from {t} a cross join lateral ({f}) l(f)",) * 2,
    "select a.id, l.f from {t} a left join lateral ({f}) l(f) on true",
    "select a.id, l.f from {t} a, lateral ({f}) l(f)",
    "select a.id, x.id from {t} x join {t} a on a.id = x.id and a.k = ({f})",
    "select a.id, x.id from {t} x left join {t} a on a.id = x.id and exists ({f})",
    "select a.id from {t} a order by ({f}), a.id",
)


def draw_subquery(random: Random) -> str:
    """Draw one statement; `{t}` stands for the table."""
    pick = random.choice
    use = pick(_USES)
    return use.replace("{f}", _body(random))


def _condition(random: Random, b: str) -> str:
    parts = [
        random.choice(_CONDITIONS).format(
            b=b, col=random.choice("kns"), outer=random.choice(_OUTER), sign=random.choice(("<", ">", "<=", "<>"))
        )
        for _ in range(random.choice((1, 1, 1, 2, 2, 3)))
    ]
    return " and ".join(parts)


def _source(random: Random) -> str:
    """Draw FROM and WHERE; the relation is called `b`."""
    on, where = _condition(random, "c"), _condition(random, "b")
    inner = _condition(random, "q")
    derived = random.choice(
        (
            f"select * from {{t}} q where {inner}",
            f"select distinct {_COLUMNS} from {{t}} q where {inner}",
            f"select k, g, max(n) as n, min(id) as id, min(s) as s, min(ch) as ch from {{t}} q where {inner} group by k, g",
            f"select * from {{t}} q where {inner} order by q.id limit {random.choice((1, 2))}",
            f"select q.k + 1 as k, n, id, g, s, ch from {{t}} q where {inner}",
            f"select {_COLUMNS}, row_number() over (partition by k order by id) as rn from {{t}} q where id > 3",
            f"select {_COLUMNS} from {{t}} union all select {_COLUMNS} from {{t}}",
        )
    )
    return random.choice(
        (
            *(f"{{t}} b where {where}",) * 6,
            f"{{t}} b join {{t}} c on b.id = c.id and {on}",
            f"{{t}} b join {{t}} c on b.id = c.id where {where}",
            f"{{t}} b left join {{t}} c on b.id = c.id where {where}",
            f"{{t}} b, {{t}} c where b.id = c.id and {on}",
            f"({derived}) b",
            f"({derived}) b where {where}",
            f"(values (1, 2, 3, 4, 'a', 'b')) b(k, n, id, s, g, ch) where {where}",
        )
    )


def _body(random: Random) -> str:
    pick, source = random.choice, _source(random)
    key = pick(("b.k", "b.n", "b.k, b.n", "b.k + 1"))
    having = pick(("", "", "", " having count(*) > 1", " having max(b.id) > a.id"))
    item = pick(_ITEMS)
    return pick(
        (
            *(f"select {pick(_TOTALS)} as f from {source}{pick(('', '', '', ' limit 1', ' having count(*) > 1'))}",)
            * 4,
            *(f"select {item} as f from {source}{pick(_TAILS)}",) * 5,
            f"select {pick(('count(*)', 'max(b.id)'))} as f from {source} group by {key}{having}",
            f"select distinct {item} as f from {source}{pick(('', '', ' limit 1', ' order by 1 limit 2'))}",
            f"select row_number() over (order by b.id) as f from {source}",
            pick(_UNNESTED),
            pick(_BARE),
        )
    )
