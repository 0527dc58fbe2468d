"""Plan MERGE on Trino: the source and every subquery are governed, the target must be seen whole."""
# ruff: noqa: S608  (names are quoted, expressions are governed and generated)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Table
from engines.base import Write
from gateway.models import Plan
from gateway.planning.context import Planning
from gateway.planning.lineage import protected
from gateway.planning.outlining import outlined_merge
from gateway.planning.query import Reading, read
from gateway.planning.writing import ROWS, tables_only, writable_table, write_plan
from policies.decisions import Action

_RIGHTS = {"insert": Action.INSERT, "update": Action.UPDATE, "delete": Action.DELETE}


async def plan_merge(statement: st.Merge, planning: Planning) -> Plan:
    """Plan MERGE by way of a query that joins target and source and selects all its expressions.

    That query passes the whole pipeline, so MERGE cannot name or read what a SELECT could not; its governed parts are
    put together again. A source that policies restrict is refused: conditions of a MERGE may be evaluated on any row.
    """
    for action in dict.fromkeys((Action.SELECT, *(_RIGHTS[case.action] for case in statement.cases))):
        table = await writable_table(statement.table, planning, action)
    tables_only(table, "Merging into")
    if planning.engines.kinds.get(table.engine) != "trino":
        raise Refusal(ErrorCode.NOT_SUPPORTED, f"MERGE is not supported in catalog '{table.name.catalog}'.")
    alias = fold_trino(statement.alias or table.name.table)
    reading = await read(_joined(statement, table, alias), planning, target=table)
    if reading.policed:
        message = "Access Denied: Cannot merge: policies restrict what you see of the tables that it reads."
        raise Refusal(
            ErrorCode.PERMISSION_DENIED, message, hint="Store what you see with CREATE TABLE AS, and merge from that."
        )
    _check_conditions(statement, reading)
    sql = _assembled(statement, table, alias, parse_query(reading.governed_sql))
    plan = write_plan("MERGE", table.engine, sql, Write("merge", table.name), "MERGE", reading, columns=ROWS)
    inserts = any(case.action == "insert" for case in statement.cases)
    outline = outlined_merge(reading.governed_sql, reading.tables, planning, table, alias, inserts=inserts)
    plan = replace(plan, outline=outline)
    written = [name for case in statement.cases if case.values for name in _written(case, table)]
    return protected(plan, planning, reading, table.name, written, sum(1 for _ in _conditions(statement)))


def _joined(statement: st.Merge, table: Table, alias: str) -> exp.Expr:
    named = {"this": table.name.table, "db": table.name.schema, "catalog": table.name.catalog}
    target = exp.Table(**{key: exp.to_identifier(part, quoted=True) for key, part in named.items()})
    target.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    query = exp.Select(expressions=[each.copy() for each in _expressions(statement)]).from_(target, copy=False)
    query.set("joins", [exp.Join(this=statement.source.copy(), kind="CROSS")])
    return query


def _conditions(statement: st.Merge) -> Iterator[exp.Expr]:
    yield statement.condition
    yield from (case.condition for case in statement.cases if case.condition is not None)


def _expressions(statement: st.Merge) -> Iterator[exp.Expr]:
    """Yield conditions, then values, each in the order of the text."""
    yield from _conditions(statement)
    for case in statement.cases:
        yield from case.values


def _check_conditions(statement: st.Merge, reading: Reading) -> None:
    count = sum(1 for _ in _conditions(statement))
    for column in (reading.columns or ())[:count]:
        if column.type.base not in ("boolean", "unknown"):
            message = f"MERGE conditions must evaluate to a boolean: actual type {column.type.base}"
            raise Refusal(ErrorCode.TYPE_MISMATCH, message)


def _assembled(statement: st.Merge, table: Table, alias: str, governed: exp.Expr) -> str:
    """Write the statement of governed parts, which stand in the select list and in the join."""
    items = [item.this if isinstance(item, exp.Alias) else item for item in governed.args["expressions"]]
    count = sum(1 for _ in _conditions(statement))
    conditions, values = (iter([generate(item) for item in part]) for part in (items[:count], items[count:]))
    (join,) = governed.args["joins"]
    parts = [f"MERGE INTO {quoted(*table.name)} AS {quoted(alias)} USING {generate(join.this)} ON {next(conditions)}"]
    for case in statement.cases:
        extra = f" AND {next(conditions)}" if case.condition is not None else ""
        match = "NOT MATCHED" if case.action == "insert" else "MATCHED"
        own = [next(values) for _ in case.values]
        parts.append(f"WHEN {match}{extra} THEN {_change(case, table, own)}")
    return " ".join(parts)


def _written(case: st.MergeCase, table: Table) -> tuple[str, ...]:
    """Return the columns that a case gives values."""
    return tuple(table.by_name) if case.columns is None else tuple(fold_trino(name) for name in case.columns)


def _change(case: st.MergeCase, table: Table, values: list[str]) -> str:
    names = _written(case, table)
    for name in names:
        if name not in table.by_name:
            raise Refusal(ErrorCode.COLUMN_NOT_FOUND, f"Merge column name does not exist in target table: {name}")
        if names.count(name) > 1:
            raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, f"Merge column name is specified more than once: {name}")
    if len(names) != len(values):
        message = f"Merge insert has {len(values)} values for {len(names)} columns"
        raise Refusal(ErrorCode.TYPE_MISMATCH, message)
    if case.action == "delete":
        return "DELETE"
    if case.action == "insert":
        return f"INSERT ({', '.join(quoted(name) for name in names)}) VALUES ({', '.join(values)})"
    return "UPDATE SET " + ", ".join(f"{quoted(n)} = {value}" for n, value in zip(names, values, strict=True))
