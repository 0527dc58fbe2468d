"""Plan INSERT, DELETE and UPDATE: the source and every subquery are governed like any query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Column, Table
from catalog.type_coercions import can_assign, can_coerce
from catalog.types import INTEGRAL, TrinoType, display_text
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.lineage import protected
from gateway.planning.outlining import outlined_change
from gateway.planning.predicates import govern_expressions
from gateway.planning.query import Reading, read
from gateway.planning.writing import ROWS, refuse_read_only, tables_only, writable_table, write_plan
from policies.decisions import Action


async def plan_insert(statement: st.Insert, planning: Planning) -> Plan:
    """Plan INSERT INTO ... query."""
    table = await writable_table(statement.table, planning, Action.INSERT)
    tables_only(table, "Inserting into")
    refuse_read_only(planning, table.engine, "INSERT")
    names = tuple(fold_trino(name) for name in statement.columns or ()) or tuple(c.name for c in table.columns)
    for name in names:
        if name not in table.by_name:
            message = f"Insert column name does not exist in target table: {name}"
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=statement.table.location)
        if names.count(name) > 1:
            message = f"Insert column name is specified more than once: {name}"
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, message, location=statement.table.location)
    reading = await read(statement.query.tree, planning, target=table)
    columns = tuple(table.by_name[name] for name in names)
    _check_types(columns, reading, statement.table.location, _fitting(table, planning))
    listed = ", ".join(quoted(name) for name in names)
    sql = f"INSERT INTO {quoted(*table.name)} ({listed}) {reading.governed_sql}"
    write = Write("insert", table.name, columns, query=reading.sql)
    plan = write_plan("INSERT", table.engine, sql, write, "INSERT", reading, columns=ROWS)
    return protected(plan, planning, reading, table.name, names)


_EXACT = frozenset({*INTEGRAL, "decimal"})


def _fitting(table: Table, planning: Planning) -> Callable[[TrinoType, TrinoType], bool]:
    """Return what tells whether values of one type can be stored as another.

    Trino stores what can be cast without loss of text; the lake does so for whole numbers and decimals, which DuckDB
    rounds and checks as Trino does, and otherwise only what needs no cast.
    """
    if planning.engines.kinds.get(table.engine) == "trino":
        return can_assign
    return lambda source, target: can_coerce(source, target) or {source.base, target.base} <= _EXACT


def _check_types(
    columns: tuple[Column, ...], reading: Reading, location: Location, fits: Callable[[TrinoType, TrinoType], bool]
) -> None:
    """Refuse a source whose width or types do not fit, in Trino's words; unknown types are left to the engine."""
    if reading.columns is None:
        return
    source, target = [c.type for c in reading.columns], [c.type for c in columns]
    if len(source) != len(target) or not all(fits(s, t) for s, t in zip(source, target, strict=False)):
        wanted = ", ".join(display_text(kind) for kind in target)
        given = ", ".join(display_text(kind) for kind in source)
        raise Refusal(
            ErrorCode.TYPE_MISMATCH,
            f"Insert query has mismatched column types: Table: [{wanted}], Query: [{given}]",
            location=location,
        )


async def plan_delete(statement: st.Delete, planning: Planning) -> Plan:
    """Plan DELETE: subqueries in its condition are governed."""
    table = await writable_table(statement.table, planning, Action.DELETE)
    tables_only(table, "Deleting from")
    refuse_read_only(planning, table.engine, "DELETE")
    governed = await govern_expressions(table, [statement.where] if statement.where else [], planning)
    predicate, native = governed.trino[0] if governed.trino else None, governed.native[0] if governed.native else None
    where = f" WHERE {predicate}" if predicate is not None else ""
    write = Write("delete", table.name, predicate=native)
    sql = f"DELETE FROM {quoted(*table.name)}{where}"  # noqa: S608  (governed, generated text)
    plan = write_plan("DELETE", table.engine, sql, write, "DELETE", governed.reading, columns=ROWS)
    return _outlined(plan, governed.reading, table, planning, condition=True)


async def plan_update(statement: st.Update, planning: Planning) -> Plan:
    """Plan UPDATE: subqueries in SET and WHERE are governed."""
    table = await writable_table(statement.table, planning, Action.UPDATE)
    tables_only(table, "Updating")
    refuse_read_only(planning, table.engine, "UPDATE")
    names = [fold_trino(name) for name, _ in statement.assignments]
    for name in names:
        if name not in table.by_name:
            message = f"The UPDATE SET target column {name} doesn't exist"
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, message, location=statement.table.location)
        if names.count(name) > 1:
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, f"Column '{name}' is assigned more than once")
    conditions = [statement.where] if statement.where else []
    values = [value for _, value in statement.assignments]
    assigned = [table.by_name[name] for name in names]
    governed = await govern_expressions(table, [*conditions, *values], planning, assigned=assigned)
    first = len(conditions)
    _check_assignable(assigned, governed.reading, first, _fitting(table, planning))
    sets = ", ".join(f"{quoted(n)} = {text}" for n, text in zip(names, governed.trino[first:], strict=True))
    where = f" WHERE {governed.trino[0]}" if conditions else ""
    write = Write(
        "update",
        table.name,
        predicate=governed.native[0] if conditions else None,
        assignments=tuple(zip(names, governed.native[first:], strict=True)),
    )
    sql = f"UPDATE {quoted(*table.name)} SET {sets}{where}"  # noqa: S608  (governed, generated text)
    plan = write_plan("UPDATE", table.engine, sql, write, "UPDATE", governed.reading, columns=ROWS)
    plan = _outlined(plan, governed.reading, table, planning, condition=bool(conditions))
    return protected(plan, planning, governed.reading, table.name, names, first)


def _outlined(plan: Plan, reading: Reading | None, table: Table, planning: Planning, *, condition: bool) -> Plan:
    """Say of a change what it reads to find its rows."""
    if reading is None:
        return plan
    outline = outlined_change(reading.governed_sql, reading.tables, planning, table, condition=condition)
    return replace(plan, outline=outline)


def _check_assignable(
    assigned: list[Column], reading: Reading | None, first: int, fits: Callable[[TrinoType, TrinoType], bool]
) -> None:
    """Refuse values whose types do not fit their columns, in Trino's words."""
    if reading is None or reading.columns is None:
        return
    for column, value in zip(assigned, reading.columns[first:], strict=True):
        if not fits(value.type, column.type):
            wanted, given = display_text(column.type), display_text(value.type)
            message = "UPDATE table column types don't match SET expressions"
            raise Refusal(ErrorCode.TYPE_MISMATCH, f"{message}: Table: [{wanted}], Expressions: [{given}]")
