"""One SELECT: plain, grouped, or with window functions. What it gives depends on no order of rows."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.sql.conditions import condition
from tests.fuzz.sql.drawing import FAMILIES, FLAT, Drawing, Field, of_family
from tests.fuzz.sql.relations import row_pattern, source
from tests.fuzz.sql.scalars import Fields, scalar

Selected = tuple[str, list[Field]]
Wanted = Sequence[str] | None
"""The families of the columns, where the query around it says so."""


def select(d: Drawing, depth: int = 2, wanted: Wanted = None) -> Selected:
    """Draw a SELECT; the fields carry the names of its columns."""
    form = d.choices.weighted(((52, "plain"), (28, "grouped"), (14, "windows"), (6, "star")))
    found = row_pattern(d) if d.trino and wanted is None and d.choices.chance(3) else None
    relation, fields = found or source(d, depth)
    where = f" WHERE {condition(d, fields, d.depth())}" if d.choices.chance(55) else ""
    if form == "grouped" and fields:
        return _grouped(d, relation, fields, where, wanted)
    if form == "star" and wanted is None and len({f.name for f in fields}) == len(fields):
        return f"SELECT * FROM {relation}{where}", fields
    families = list(wanted) if wanted else [_some_family(d, fields) for _ in range(d.choices.number(1, 3))]
    items = [
        _windowed(d, fields, f) if form == "windows" and d.choices.chance(60) else scalar(d, f, fields, d.depth())
        for f in families
    ]
    distinct = "DISTINCT " if d.choices.chance(15) else ""
    return _put_together(d, f"SELECT {distinct}", items, families, f" FROM {relation}{where}")


def _put_together(d: Drawing, start: str, items: Sequence[str], families: Sequence[str], rest: str) -> Selected:
    names = [d.alias("k") for _ in items]
    listed = ", ".join(f"{item} AS {name}" for item, name in zip(items, names, strict=True))
    return f"{start}{listed}{rest}", [Field(n, n, f) for n, f in zip(names, families, strict=True)]


def _some_family(d: Drawing, fields: Fields) -> str:
    there = [family for family in FAMILIES if of_family(fields, family)]
    return d.choices.pick(there) if there and d.choices.chance(70) else d.choices.pick(FAMILIES[:7])


def _grouped(d: Drawing, relation: str, fields: Fields, where: str, wanted: Wanted) -> Selected:
    number = len(wanted) if wanted else d.choices.number(1, 4)
    keys: list[tuple[str, str]] = []
    families: list[str] = []
    items: list[str] = []
    for at in range(number):
        family = wanted[at] if wanted else None
        if d.choices.chance(45) and (family is None or family in FLAT):
            chosen = family or d.choices.pick([f for f in FLAT if of_family(fields, f)] or ["int"])
            keys.append((scalar(d, chosen, fields, 1), chosen))
            items.append(keys[-1][0])
            families.append(chosen)
        else:
            sql, given = aggregate(d, fields, family)
            items.append(sql)
            families.append(given)
    by, grouping = _group_by(d, [str(at + 1) for at, item in enumerate(items) if (item, families[at]) in keys])
    if grouping and not wanted and fields:
        return _grouping_sets(d, relation, fields, where)
    having = f" HAVING {_having(d, fields)}" if d.choices.chance(20) else ""
    return _put_together(d, "SELECT ", items, families, f" FROM {relation}{where}{by}{having}")


def _group_by(d: Drawing, ordinals: Sequence[str]) -> tuple[str, bool]:
    if not ordinals:
        return "", False
    return f" GROUP BY {', '.join(ordinals)}", d.choices.chance(25)


def _grouping_sets(d: Drawing, relation: str, fields: Fields, where: str) -> Selected:
    """Draw GROUPING SETS, ROLLUP or CUBE over plain columns."""
    flat = [f for f in fields if f.family in FLAT]
    if not flat:
        return _put_together(d, "SELECT ", ["count(*)"], ["int"], f" FROM {relation}{where}")
    keys = list({f.ref: f for f in (d.choices.pick(flat), d.choices.pick(flat))}.values())
    refs = [key.ref for key in keys]
    form = d.choices.pick(("sets", "rollup", "cube", "few sets", "beside"))
    by = f"{form.upper()} ({', '.join(refs)})"
    if form == "sets":
        by = f"GROUPING SETS (({', '.join(refs)}), ({refs[0]}), ())"
    elif form == "few sets":
        by = f"GROUPING SETS ({', '.join(f'({ref})' for ref in refs)}, ())"
    elif form == "beside":
        by = f"{refs[0]}, ROLLUP ({refs[-1]})"
    items, families = [*refs, f"grouping({', '.join(refs)})"], [*(k.family for k in keys), "int"]
    if d.choices.chance(75):
        sql, family = aggregate(d, fields, None)
        items, families = [*items, sql], [*families, family]
    return _put_together(d, "SELECT ", items, families, f" FROM {relation}{where} GROUP BY {by}")


def _having(d: Drawing, fields: Fields) -> str:
    sql, family = aggregate(d, fields, d.choices.pick(("int", "txt", "dec")))
    return f"{sql} {d.choices.pick(('>', '<>', '<='))} {scalar(d, family, (), 0)}"


def aggregate(d: Drawing, fields: Fields, wanted: str | None) -> tuple[str, str]:
    """Draw an aggregate whose value depends on no order; return it and its family."""
    family = wanted or d.choices.pick(("int", "int", "txt", "dec", "dbl", "bool", "date", "ts", "arr"))
    sql = _aggregate_of(d, family, fields)
    if d.choices.chance(20):
        sql += f" FILTER (WHERE {condition(d, fields, 0)})"
    return sql, family


def _aggregate_of(d: Drawing, family: str, fields: Fields) -> str:
    def part(wanted: str) -> str:
        return scalar(d, wanted, fields, 1)

    any_flat = d.choices.pick([f for f in FLAT if of_family(fields, f)] or ["int"])
    if family == "int":
        forms = (
            "count(*)",
            f"count({part(any_flat)})",
            f"count(DISTINCT {part(any_flat)})",
            f"sum({part('int')})",
            f"count_if({condition(d, fields, 0)})",
            f"max({part('int')})",
            f"approx_distinct({part(any_flat)})",
            f"bitwise_or_agg({part('int')})",
        )
        return d.choices.pick(forms)
    if family == "bool":
        return f"{d.choices.pick(('bool_or', 'bool_and', 'every'))}({condition(d, fields, 0)})"
    if family == "dbl":
        return f"{d.choices.pick(('avg', 'sum', 'stddev', 'max'))}({part('dbl')})"
    if family == "arr":
        text = part("txt")
        return f"array_agg({text} ORDER BY {text})"
    if family == "row":
        return "CAST(ROW(max('a'), count(*)) AS ROW(kind varchar, code bigint))"
    if family == "txt" and d.choices.chance(25):
        text = part("txt")
        return f"listagg({text}, ',') WITHIN GROUP (ORDER BY {text})"
    if family == "dec" and d.choices.chance(40):
        return f"{d.choices.pick(('sum', 'avg'))}({part('dec')})"
    return f"{d.choices.pick(('max', 'min'))}({part(family)})"


def _windowed(d: Drawing, fields: Fields, family: str) -> str:
    """Draw a window function; its order takes in every column in sight, so that ties are alike in all."""
    everything = [f.ref for f in fields if f.family in FLAT]
    if not everything or family not in FLAT:
        return scalar(d, family, fields, 1)
    flat = [f.ref for f in fields if f.family in FLAT]
    order = f"ORDER BY {', '.join(everything)}"
    partition = f"PARTITION BY {d.choices.pick(flat)} " if d.choices.chance(50) else ""
    if family == "int" and d.choices.chance(60):
        name = d.choices.pick(("rank()", "dense_rank()", "count(*)", "row_number()", "ntile(3)"))
        if name in ("row_number()", "ntile(3)") and len(everything) < len(fields):
            name = "rank()"
        return f"{name} OVER ({partition}{order})"
    text = scalar(d, family, fields, 1)
    if family in ("dbl", "bool") or d.choices.chance(50):
        frame = d.choices.pick(("", " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"))
        if family == "bool":
            return f"bool_or({text}) OVER ({partition}{order}{frame})"
        return f"{d.choices.pick(('max', 'min'))}({text}) OVER ({partition}{order}{frame})"
    name = d.choices.pick(("first_value({})", "lag({})", "lead({}, 2)", "last_value({})"))
    return f"{name.format(text)} OVER ({partition}{order})"
