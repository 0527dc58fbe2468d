"""Test declared keys and foreign keys on the data, at the versions that the engine names before and after.

The texts are ours and tiny, and mean the same on every engine: only names are written differently. Columns whose
equality differs from engine to engine (floating point, padded text) are left declared.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar, assert_never

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import ForeignKey, Key
from catalog.objects import Table, TableName
from catalog.types import SMALLINT
from engines.base import Engine, EngineStatement, OutputColumn
from engines.clickhouse.sizes import identifier, native
from engines.estimates import EstimatingEngine

F = TypeVar("F", Key, ForeignKey)
_COMPARED_ALIKE = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint"), "whole"),
    **{base: base for base in ("boolean", "decimal", "varchar", "varbinary", "date", "timestamp", "uuid", "time")},
    "timestamp with time zone": "instant",
}
"""Types whose values are equal on every engine exactly where Trino says so, and which of them compare."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Say what a fact turned out to be: its status, the versions it was tested at, and why it is not verified."""

    fact: Key | ForeignKey
    versions: Mapping[TableName, str] = field(default_factory=dict)
    why: str | None = None
    broken: bool = False
    """The data contradict it."""

    @property
    def holds(self) -> bool:
        """Tell whether it was found true."""
        return self.why is None


async def verify(engine: Engine, fact: F, tables: Mapping[TableName, Table], *, user: str = "penstock") -> Verdict:
    """Test a fact on the engine that holds its tables; whatever hinders that leaves it declared, with the reason."""
    declared = replace(fact, status="declared")
    why = _untestable(engine, fact, tables)
    if why is not None:
        return Verdict(declared, why=why)
    asked = [tables[name] for name in _names(fact)]
    try:
        before = await _versions(engine, asked)
        if before is None:
            return Verdict(declared, why=f"the engine {engine.name} names no version of the data")
        broken = await _finds_a_row(engine, fact_sql(engine.kind, fact, tables), asked, user)
        after = await _versions(engine, asked)
    except Refusal as refusal:
        return Verdict(declared, why=f"the test failed ({refusal.code.name}: {refusal.message})")
    if broken:
        return Verdict(declared, before, "the data contradict it", broken=True)
    if before != after:
        return Verdict(declared, why="the data changed while it was tested")
    return Verdict(replace(fact, status="verified"), before)


def fact_sql(kind: str, fact: Key | ForeignKey, tables: Mapping[TableName, Table]) -> str:
    """Write the query, in the dialect of a kind of engine, that gives a row exactly where the data break a fact."""
    rows = f"SELECT {_listed(kind, tables[fact.table], fact.columns)} FROM {_place(kind, tables[fact.table])}"  # noqa: S608  (quoted names)
    known = " AND ".join(f"{_column(kind, tables[fact.table], name)} IS NOT NULL" for name in fact.columns)
    match fact:
        case Key():
            keys = _listed(kind, tables[fact.table], fact.columns)
            bad = f"{rows} WHERE {known} GROUP BY {keys} HAVING count(*) > 1"
        case ForeignKey():
            other = tables[fact.references]
            theirs = f"SELECT {_listed(kind, other, fact.referenced)} FROM {_place(kind, other)}"  # noqa: S608  (quoted names)
            bad = f"{rows} WHERE {known} EXCEPT DISTINCT {theirs}"
        case _:
            assert_never(fact)
    return f"SELECT CAST(1 AS SMALLINT) AS x FROM ({bad}) AS bad LIMIT 1"  # noqa: S608  (our own text and quoted names)


def _names(fact: Key | ForeignKey) -> tuple[TableName, ...]:
    return (fact.table,) if isinstance(fact, Key) else tuple(dict.fromkeys((fact.table, fact.references)))


def _untestable(engine: Engine, fact: Key | ForeignKey, tables: Mapping[TableName, Table]) -> str | None:
    """Say why a fact cannot be tested there."""
    for name in _names(fact):
        if name not in tables:
            return f"table {name} does not exist"
        if tables[name].engine != engine.name:
            return f"table {name} does not lie on the engine {engine.name}"
    ours = _types(tables[fact.table], fact.columns)
    theirs = ours if isinstance(fact, Key) else _types(tables[fact.references], fact.referenced)
    if not ours or len(ours) != len(theirs):
        return "its columns are not pairs"
    for column, one, other in zip(fact.columns, ours, theirs, strict=True):
        if one is None or one != other:
            return f"column {column} does not exist or is of a type whose equality engines do not share"
    return None


def _types(table: Table, columns: tuple[str, ...]) -> list[str | None]:
    known = (table.by_name.get(name) for name in columns)
    return [None if column is None else _COMPARED_ALIKE.get(column.type.base) for column in known]


async def _versions(engine: Engine, tables: list[Table]) -> Mapping[TableName, str] | None:
    """Return the version of every table; None where one has none."""
    if not isinstance(engine, EstimatingEngine):
        return None
    found = dict(await engine.data_versions(tables))
    return found if len(found) == len(tables) else None


async def _finds_a_row(engine: Engine, sql: str, tables: list[Table], user: str) -> bool:
    columns = None if engine.kind == "trino" else (OutputColumn("x", SMALLINT),)
    statement = EngineStatement(sql, user, None, None, "UTC", columns=columns, tables=tuple(tables))
    submitted = await engine.submit(statement, f"facts-{uuid.uuid4().hex}")
    page, cursor = submitted.page, submitted.cursor or None
    try:
        while page is not None or cursor is not None:
            said = page or await engine.page(cursor or "")
            page, cursor = None, said.next
            if said.failed is not None:
                raise Refusal(ErrorCode.GENERIC_EXTERNAL, f"the engine {engine.name} failed it with {said.failed}")
            if said.rows:
                return True
    finally:
        if cursor is not None:
            with suppress(Refusal):
                await engine.cancel(cursor)
    return False


def _place(kind: str, table: Table) -> str:
    match kind:
        case "lake":
            return _quoted(str(table.name))
        case "clickhouse":
            return ".".join(identifier(part) for part in native(table))
        case _:
            return ".".join(_quoted(part) for part in table.name)


def _listed(kind: str, table: Table, columns: tuple[str, ...]) -> str:
    return ", ".join(_column(kind, table, name) for name in columns)


def _column(kind: str, table: Table, name: str) -> str:
    if kind == "clickhouse":
        return identifier(table.by_name[name].native_name or name)
    return _quoted(name)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
