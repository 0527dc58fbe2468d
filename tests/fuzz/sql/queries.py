"""Whole queries: WITH and its shadowing names, set operations, ORDER BY, LIMIT, OFFSET, WITH TIES by total orders."""

from __future__ import annotations

from tests.fuzz.sql.drawing import FLAT, Drawing, Field
from tests.fuzz.sql.selects import Selected, Wanted, select


def query(d: Drawing) -> tuple[str, bool]:
    """Draw a query; return it and whether the order of its rows is settled."""
    before = dict(d.ctes)
    start = _with(d) if d.choices.chance(22) else ""
    sql, fields = _body(d, d.choices.weighted(((72, 1), (28, 2))), None)
    sql, ordered = _ordered(d, sql, fields)
    d.ctes = before
    return start + sql, ordered


def subquery(d: Drawing, depth: int) -> Selected:
    """Draw a query for FROM; its limit, if it has one, takes the same rows each time."""
    sql, fields = _body(d, depth, None)
    return (_ordered(d, sql, fields)[0], fields) if d.choices.chance(25) else (sql, fields)


def _body(d: Drawing, depth: int, wanted: Wanted) -> Selected:
    if wanted is None and d.choices.chance(3):
        named = _whole_table(d)
        if named is not None:
            return named
    sql, fields = select(d, depth, wanted)
    if depth > 0 and d.choices.chance(12) and all(f.family in FLAT for f in fields):
        operator = d.choices.pick(("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL", "INTERSECT ALL"))
        other, _ = select(d, 0, [f.family for f in fields])
        return f"{sql} {operator} {other}", fields
    return sql, fields


def _whole_table(d: Drawing) -> Selected | None:
    from tests.fuzz.sql.drawing import fields_of

    tables = [r for n, r in d.shown.items() if n not in d.ctes]
    if not tables:
        return None
    relation = d.choices.pick(tables)
    return f"TABLE {relation.name}", fields_of(relation, "", bare=True)


def _with(d: Drawing) -> str:
    """Draw common table expressions; one may bear the name of a table, and stands before it from then on."""
    written = []
    for _ in range(d.choices.number(1, 2)):
        sql, fields = _body(d, 1, None)
        name = d.choices.pick(list(d.shown)) if d.shown and d.choices.chance(30) else d.alias("w")
        if name in d.ctes:
            continue
        names = [d.alias("c") for _ in fields]
        listed = f"({', '.join(names)})"
        written.append(f"{name}{listed} AS ({sql})")
        d.ctes[name] = [Field(n, n, f.family) for n, f in zip(names, fields, strict=True)]
    return f"WITH {', '.join(written)} " if written else ""


def _ordered(d: Drawing, sql: str, fields: list[Field]) -> tuple[str, bool]:
    """Put an order behind a query, by all its columns, and perhaps a limit."""
    if not all(f.family in FLAT for f in fields) or not d.choices.chance(45):
        return sql, False
    directions = ("", " DESC", " NULLS FIRST", " DESC NULLS LAST")
    by = ", ".join(f"{at}{d.choices.pick(directions)}" for at in range(1, len(fields) + 1))
    tail = d.choices.weighted(((50, ""), (25, "limit"), (12, "offset"), (13, "ties")))
    number = d.choices.number(1, 6)
    if tail == "limit":
        return f"{sql} ORDER BY {by} LIMIT {number}", True
    if tail == "offset":
        return f"{sql} ORDER BY {by} OFFSET {number} ROWS FETCH NEXT {number} ROWS ONLY", True
    if tail == "ties" and d.trino:
        return f"{sql} ORDER BY {by} FETCH FIRST {number} ROWS WITH TIES", True
    return f"{sql} ORDER BY {by}", True
