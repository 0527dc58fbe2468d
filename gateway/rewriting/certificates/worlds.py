"""Tiny databases of the kinds that break rewritings: what stated facts allow, and nothing that they rule out."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.materialized_views import Facts, ForeignKey, Region
from catalog.objects import Column, Table, TableName
from catalog.types import INTEGRAL
from rewrite_rules.certificates.document import Dossier
from rewrite_rules.certificates.regions import encloses

Row = tuple[Any, ...]
World = Mapping[TableName, Sequence[Row]]
Tables = Mapping[TableName, Table]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANTS = (
    "2024-03-09T23:59:59.999999",
    "2024-03-10T00:00:00",
    "2024-03-10T07:59:59.999999",
    "2024-03-10T08:00:00",
    "2024-03-10T18:29:59",
    "2024-03-10T18:30:00",
    "2024-03-31T23:30:00",
    "2024-04-01T00:00:00",
    "2024-11-03T08:30:00",
    "2024-12-31T23:59:59",
    "2025-01-01T00:00:00",
)
"""Beside ends of days, months and years, and where clocks change."""
_LARGEST = {"tinyint": 100, "smallint": 1_000, "integer": 100_000, "bigint": 1_000_000}
_MOST_ROWS = 10


def worlds(dossier: Dossier, count: int, seed: int = 7) -> Iterator[tuple[World, World]]:
    """Yield databases as they are now, each with how it was when the views were made.

    They differ only in rows that lie in the regions which the dossier names as changed. The first are all empty tables
    and all tables of one row; then what chance gives, the same for the same seed.
    """
    chance = random.Random(seed)  # noqa: S311  (no secret: the same again is what is wanted)
    constants = _constants(dossier)
    pools = {
        name: {c.name: _pool(c, constants) for c in table.columns} for name, table in sorted(dossier.tables.items())
    }
    changed = _changed(dossier)
    for number in range(count):
        most = min(number, _MOST_ROWS) if number < 3 else _MOST_ROWS
        now: dict[TableName, list[Row]] = {}
        for name in _referred_first(dossier.tables, dossier.facts):
            now[name] = _rows(dossier.tables[name], dossier.tables, pools[name], dossier.facts, now, chance, most)
        before = {
            name: [
                row for row in rows if not _lies_in(row, dossier.tables[name], changed[name]) or chance.random() < 0.5
            ]
            if name in changed
            else rows
            for name, rows in now.items()
        }
        yield now, before


def _changed(dossier: Dossier) -> Mapping[TableName, tuple[Region, ...]]:
    found: dict[TableName, tuple[Region, ...]] = {}
    for use in dossier.certificate.uses:
        freshness = dossier.freshness.get(use.definition.name)
        for change in freshness.changes if freshness is not None else ():
            if use.watermark.get(change.table) != dossier.certificate.versions.get(change.table):
                found[change.table] = (*found.get(change.table, ()), *change.regions)
    return found


def _lies_in(row: Row, table: Table, regions: Iterable[Region]) -> bool:
    values = dict(zip((column.name for column in table.columns), row, strict=True))
    return any(encloses(region, {name: _comparable(value) for name, value in values.items()}) for region in regions)


def _comparable(value: Any) -> Any:
    """Return a value as constants of its type are compared: numbers and moments as fractions."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Fraction((aware - _EPOCH) // timedelta(microseconds=1))
    if isinstance(value, date):
        return Fraction((value - _EPOCH.date()).days * 86_400_000_000)
    if isinstance(value, float) and not math.isfinite(value):
        return value
    return Fraction(value)


def _referred_first(tables: Mapping[TableName, Table], facts: Facts) -> list[TableName]:
    """Return tables so that each comes behind those that its rows must refer to, as far as that is possible."""
    left, order = sorted(tables), []
    while left:
        waiting = {key.table for key in facts.foreign_keys if key.references in left and key.references != key.table}
        ready = [name for name in left if name not in waiting] or left[:1]
        order.extend(ready)
        left = [name for name in left if name not in ready]
    return order


def _rows(
    table: Table,
    tables: Tables,
    pools: Mapping[str, Sequence[Any]],
    facts: Facts,
    others: World,
    chance: random.Random,
    most: int,
) -> list[Row]:
    names = [column.name for column in table.columns]
    keys = [key.columns for key in facts.keys if key.table == table.name]
    made: list[Row] = []
    seen: set[tuple[Any, ...]] = set()
    for _ in range(chance.randint(min(most, 1), most) if most else 0):
        row = {name: chance.choice(pools[name]) for name in names}
        for foreign in facts.foreign_keys:
            if foreign.table == table.name and not _refer(row, foreign, tables, others, chance):
                break
        else:
            stamps = [(key, tuple(row[name] for name in key)) for key in keys]
            whole = [stamp for stamp in stamps if None not in stamp[1]]
            if not seen.intersection(whole):
                seen.update(whole)
                made.extend([tuple(row[name] for name in names)] * (1 if keys else chance.choice((1, 1, 2))))
    nullable = {column.name: column.nullable for column in table.columns}
    return [row for row in made if all(value is not None or nullable[n] for n, value in zip(names, row, strict=True))]


def _refer(row: dict[str, Any], foreign: ForeignKey, tables: Tables, others: World, chance: random.Random) -> bool:
    """Have a row refer to one that is there, or leave a NULL in it; tell whether that could be done."""
    if foreign.references == foreign.table or any(row[name] is None for name in foreign.columns):
        return foreign.references != foreign.table
    rows = others.get(foreign.references, ())
    if not rows:
        return False
    names = [column.name for column in tables[foreign.references].columns]
    chosen = dict(zip(names, chance.choice(rows), strict=True))
    row.update((own, chosen[other]) for own, other in zip(foreign.columns, foreign.referenced, strict=True))
    return all(row[name] is not None for name in foreign.columns)


def _constants(dossier: Dossier) -> Sequence[exp.Expr]:
    texts = [dossier.certificate.query, *(use.definition.sql for use in dossier.certificate.uses)]
    return [node for text in texts for node in parse_query(text).find_all(exp.Literal)]


def _pool(column: Column, constants: Sequence[exp.Expr]) -> list[Any]:
    """Return values for a column: those that texts speak of, their neighbours, and what usually breaks."""
    base = column.type.base
    numbers = [
        Fraction(str(node.this)) for node in constants if not node.is_string and "e" not in str(node.this).lower()
    ]
    texts = [str(node.this) for node in constants if node.is_string]
    if base in INTEGRAL:
        found: list[Any] = [int(n) + d for n in numbers for d in (-1, 0, 1) if abs(n) < _LARGEST[base]]
        values = [0, 1, -1, 2, *found]
    elif base == "decimal":
        values = _decimals(column, numbers)
    elif base in ("double", "real"):
        values = [0.0, -0.0, 1.5, -2.25, math.nan, 0.1, *(float(n) + d for n in numbers for d in (-0.5, 0, 0.5))]
    elif base == "varchar":
        values = ["", "a", "B", *texts, *(t.swapcase() for t in texts[:4])]
        longest = column.type.numbers[0] if column.type.numbers else None
        values = [value[:longest] for value in values]
    elif base == "boolean":
        values = [True, False]
    else:
        values = _moments(base, texts)
    # What texts speak of comes often, so that conditions are met: each pool is small.
    values = list(dict.fromkeys(values))[:24]
    return [*values, *([None] * max(1, len(values) // 6) if column.nullable else [])]


def _decimals(column: Column, numbers: Sequence[Fraction]) -> list[Any]:
    precision, scale = column.type.numbers
    step = Fraction(1, 10**scale)
    wanted = [Fraction(0), Fraction(1), Fraction(-3, 2), *(n + d * step for n in numbers for d in (-1, 0, 1))]
    scaled = [value * 10**scale for value in wanted]
    fitting = [value for value in scaled if value.denominator == 1 and abs(value) < 10**precision]
    return [Decimal(int(value)).scaleb(-scale) for value in fitting]


def _moments(base: str, texts: Sequence[str]) -> list[Any]:
    named = [moment for text in texts if (moment := _moment(text)) is not None]
    near = [m + timedelta(microseconds=d) for m in named for d in (-1, 0, 1)]
    instants = [*near, *(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in _INSTANTS)]
    if base == "date":
        return [moment.date() for moment in instants]
    if base == "timestamp with time zone":
        return instants
    if base == "timestamp":
        return [moment.replace(tzinfo=None) for moment in instants]
    raise ValueError(f"no values of the type {base} are made")


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text[:26].strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
