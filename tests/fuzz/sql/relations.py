"""What stands behind FROM: tables, joins of all kinds, subqueries, UNNEST, LATERAL, VALUES, row patterns."""

from __future__ import annotations

from tests.fuzz.sql.drawing import FLAT, Drawing, Field, family, fields_of, of_family, renamed
from tests.fuzz.sql.literals import draw_literal
from tests.fuzz.sql.scalars import scalar
from tests.fuzz.world import CATALOG, SCHEMA

Found = tuple[str, list[Field]]


def a_table(d: Drawing, alias: str) -> Found:
    """Draw a table or a common table expression under an alias."""
    if d.ctes and d.choices.chance(50):
        name = d.choices.pick(list(d.ctes))
        return f"{name} {alias}", renamed(d.ctes[name], alias)
    if d.hidden and d.choices.chance(1):
        name, column = d.choices.pick(d.hidden)
        return f"{name} {alias}", [Field(f"{alias}.{column}", column, "txt")]
    if not d.shown:
        return f"(VALUES (1, 'a')) {alias}(n, s)", [Field(f"{alias}.n", "n", "int"), Field(f"{alias}.s", "s", "txt")]
    relation = d.choices.pick([r for n, r in d.shown.items() if n not in d.ctes] or list(d.shown.values()))
    written = d.choices.weighted(
        ((70, relation.name), (15, f"{SCHEMA}.{relation.name}"), (15, f"{CATALOG}.{SCHEMA}.{relation.name}"))
    )
    if relation.name in d.ctes:
        written = f"{SCHEMA}.{relation.name}"
    if d.choices.chance(8):
        names = [d.alias("c") for _ in relation.columns]
        fields = [
            Field(f"{alias}.{n}", n, family(kind)) for n, kind in zip(names, relation.columns.values(), strict=True)
        ]
        return f"{written} {alias}({', '.join(names)})", fields
    return f"{written} {alias}", fields_of(relation, alias)


def source(d: Drawing, depth: int = 2) -> Found:
    """Draw all that stands behind FROM; what is joined behind a comma does not see what stands before it."""
    found = _chain(d, depth)
    if depth > 0 and d.choices.chance(6):
        other = _chain(d, depth - 1)
        return f"{found[0]}, {other[0]}", found[1] + other[1]
    return found


def _chain(d: Drawing, depth: int) -> Found:
    found = _one(d, depth)
    joins = d.choices.weighted(((64, 0), (27, 1), (9, 2))) if depth > 0 else 0
    for _ in range(joins):
        found = _joined(d, found, depth)
    return found


def _one(d: Drawing, depth: int) -> Found:
    form = d.choices.weighted(((72, "table"), (16, "query"), (5, "values"), (4, "sequence"), (3, "paren")))
    alias = d.alias()
    if form == "query" and depth > 0:
        from tests.fuzz.sql.queries import subquery

        sql, fields = subquery(d, depth - 1)
        names = [d.alias("c") for _ in fields] if d.choices.chance(30) else []
        listed = f"({', '.join(names)})" if names else ""
        return f"({sql}) AS {alias}{listed}", renamed(fields, alias, names)
    if form == "values":
        rows = ", ".join(
            f"({draw_literal(d.choices, 'int')}, {draw_literal(d.choices, 'txt')})"
            for _ in range(d.choices.number(1, 3))
        )
        return f"(VALUES {rows}) AS {alias}(n, s)", [Field(f"{alias}.n", "n", "int"), Field(f"{alias}.s", "s", "txt")]
    if form == "sequence":
        high = d.choices.number(1, 5)
        sql = f"UNNEST(sequence(1, {high})) AS {alias}(n)"
        return sql, [Field(f"{alias}.n", "n", "int")]
    if form == "paren" and depth > 0:
        return _bracketed(d, a_table(d, alias), _one(d, 0))
    return a_table(d, alias)


def _joined(d: Drawing, left: Found, depth: int) -> Found:
    form = d.choices.weighted(
        ((45, "on"), (18, "using"), (1, "natural"), (13, "unnest"), (8, "lateral"), (14, "cross"))
    )
    if form == "unnest" and of_family(left[1], "arr"):
        return _unnested(d, left)
    if form == "lateral":
        return _lateral(d, left)
    right = _one(d, depth - 1)
    if "UNNEST(" in right[0] and right[0].startswith("UNNEST"):
        return f"{left[0]} CROSS JOIN {right[0]}", left[1] + right[1]
    if form == "using" or form == "natural":
        return _by_name(d, left, right, form)
    if form == "on":
        return _on(d, left, right)
    return f"{left[0]} CROSS JOIN {right[0]}", left[1] + right[1]


def _bracketed(d: Drawing, left: Found, right: Found) -> Found:
    plain = right[0].startswith("UNNEST(") or d.choices.chance(40)
    sql, fields = (f"{left[0]} CROSS JOIN {right[0]}", left[1] + right[1]) if plain else _on(d, left, right)
    return (f"(({sql}))" if d.choices.chance(30) else f"({sql})"), fields


def _on(d: Drawing, left: Found, right: Found) -> Found:
    from tests.fuzz.sql.conditions import condition

    shared = [f for f in FLAT if f not in ("dbl", "bool") and of_family(left[1], f) and of_family(right[1], f)]
    tie = "1 = 1"
    if shared:
        chosen = d.choices.pick(shared)
        tie = f"{d.choices.pick(of_family(left[1], chosen)).ref} = {d.choices.pick(of_family(right[1], chosen)).ref}"
    more = f" AND {condition(d, [*left[1], *right[1]], 0)}" if d.choices.chance(25) else ""
    kind = d.choices.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN"))
    return f"{left[0]} {kind} {right[0]} ON {tie}{more}", left[1] + right[1]


def _by_name(d: Drawing, left: Found, right: Found, form: str) -> Found:
    """Join by columns of one name and family; such columns have no alias afterwards."""
    ours = {each.name: each for each in left[1]}
    there = [each for each in right[1] if each.name in ours]
    twice = len(ours) < len(left[1]) or len({each.name for each in right[1]}) < len(right[1])
    fitting = [e for e in there if ours[e.name].family == e.family and e.family in ("int", "txt", "date", "dec")]
    if twice or not fitting or (form == "natural" and len(fitting) < len(there)):
        return f"{left[0]} CROSS JOIN {right[0]}", left[1] + right[1]
    kind = d.choices.pick(("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    names = [e.name for e in there] if form == "natural" else [d.choices.pick(fitting).name]
    merged = [Field(name, name, ours[name].family) for name in names]
    rest = [each for each in (*left[1], *right[1]) if each.name not in names]
    if form == "natural":
        return f"{left[0]} NATURAL {kind} {right[0]}", merged + rest
    return f"{left[0]} {kind} {right[0]} USING ({', '.join(names)})", merged + rest


def _unnested(d: Drawing, left: Found) -> Found:
    alias, array = d.alias("u"), d.choices.pick(of_family(left[1], "arr"))
    ordinal = d.choices.chance(40)
    names, tail = ("e, o", " WITH ORDINALITY") if ordinal else ("e", "")
    join = d.choices.pick(("CROSS JOIN", "LEFT JOIN"))
    on = " ON true" if join == "LEFT JOIN" else ""
    fields = [Field(f"{alias}.e", "e", "txt")] + ([Field(f"{alias}.o", "o", "int")] if ordinal else [])
    return f"{left[0]} {join} UNNEST({array.ref}){tail} AS {alias}({names}){on}", left[1] + fields


def _lateral(d: Drawing, left: Found) -> Found:
    alias = d.alias("l")
    shown = [d.choices.pick(FLAT) for _ in range(d.choices.number(1, 2))]
    names = [f"v{n}" for n in range(len(shown))]
    items = ", ".join(f"{scalar(d, f, left[1], 1)} AS {n}" for f, n in zip(shown, names, strict=True))
    fields = [Field(f"{alias}.{n}", n, f) for f, n in zip(shown, names, strict=True)]
    return f"{left[0]} CROSS JOIN LATERAL (SELECT {items}) AS {alias}", left[1] + fields


def row_pattern(d: Drawing) -> Found | None:
    """Draw a MATCH_RECOGNIZE over a table that has an order."""
    tables = [r for r in d.shown.values() if "id" in r.columns and r.name not in d.ctes]
    if not tables:
        return None
    relation, alias = d.choices.pick(tables), d.alias("m")
    fields = fields_of(relation, "", bare=True)
    everything = ", ".join(f.ref for f in fields if f.family in FLAT)
    numbers = [f.ref for f in of_family(fields, "int")]
    n = d.choices.pick(numbers)
    sql = (
        f"{relation.name} MATCH_RECOGNIZE (ORDER BY {everything} MEASURES FIRST(A.{n}) AS low, LAST(B.{n}) AS high, "
        f"count(*) AS steps ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A B+) "
        f"DEFINE B AS B.{n} >= PREV(B.{n})) AS {alias}"
    )
    return sql, [Field(f"{alias}.{name}", name, "int") for name in ("low", "high", "steps")]
