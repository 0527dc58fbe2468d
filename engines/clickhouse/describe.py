"""Say what exists on a ClickHouse server in Trino's terms: schemas, tables, columns and their types.

ClickHouse folds no names while Trino folds all of them, so two names that differ only by case are one name to a
client: such tables cannot be told apart and are refused by name, such columns are left out. Views are evaluated
inside ClickHouse with the gateway's own user, therefore they count as tables that need a grant of their own. Columns
computed from others on reading (ALIAS) are left out: a mask on the original would not cover them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import Column, SchemaName, Table, TableName
from catalog.types import UNKNOWN, VARCHAR, TrinoType
from engines.clickhouse.native_types import is_nullable, trino_type

SCHEMAS_SQL = """
SELECT name FROM system.databases
WHERE name NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA') ORDER BY name
"""
COLUMNS_SQL = """
SELECT c.database AS d, c.table AS t, c.name AS n, c.type AS y, c.comment AS m, c.default_kind AS k, o.comment AS r,
  toString(sipHash64(o.engine_full, o.as_select)) AS f
FROM system.columns AS c
INNER JOIN system.tables AS o ON o.database = c.database AND o.name = c.table
WHERE c.database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA')
  AND NOT startsWith(c.table, '.inner') AND NOT o.is_temporary
  AND ({schema:String} = '' OR lower(c.database) = {schema:String})
  AND ({table:String} = '' OR lower(c.table) = {table:String})
ORDER BY c.database, c.table, c.position
"""
_COMPUTED = ("ALIAS", "EPHEMERAL")


class NativeColumn(NamedTuple):
    """One row of COLUMNS_SQL."""

    database: str
    table: str
    name: str
    type: str
    comment: str
    default_kind: str
    table_comment: str
    definition: str
    """A digest of what the table is: its engine, and for a view its text."""


def columns_parameters(name: TableName | None) -> dict[str, str]:
    """Return the parameters of COLUMNS_SQL: one table, or all of them."""
    return {"schema": name.schema if name else "", "table": name.table if name else ""}


def schemas_of(catalog: str, names: Iterable[str]) -> tuple[SchemaName, ...]:
    """Fold database names to schemas, leaving out those that cannot be told apart or cannot be written."""
    folded = [folded for name in names if (folded := _folded(name)) is not None]
    return tuple(SchemaName(catalog, name) for name, count in Counter(folded).items() if count == 1)


def tables_of(catalog: str, engine: str, rows: Iterable[Sequence[str]]) -> tuple[Table, ...]:
    """Make tables of all rows of COLUMNS_SQL; tables whose names differ only by case are left out."""
    return tuple(found[0] for found in _by_name(catalog, engine, rows).values() if len(found) == 1)


def table_of(name: TableName, engine: str, rows: Iterable[Sequence[str]]) -> Table | None:
    """Make the one table asked for, or None. Raises Refusal AMBIGUOUS_NAME where two differ only by case."""
    found = _by_name(name.catalog, engine, rows).get(name, [])
    if len(found) > 1:
        raise Refusal(
            ErrorCode.AMBIGUOUS_NAME,
            f"Table '{name}' is ambiguous: ClickHouse has several whose names differ only by case",
        )
    return found[0] if found else None


def _by_name(catalog: str, engine: str, rows: Iterable[Sequence[str]]) -> Mapping[TableName, list[Table]]:
    found: dict[TableName, list[Table]] = {}
    native = (NativeColumn(*row) for row in rows)
    for (database, table), columns in groupby(native, key=lambda c: (c.database, c.table)):
        schema, folded = _folded(database), _folded(table)
        if schema is not None and folded is not None:
            name = TableName(catalog, schema, folded)
            found.setdefault(name, []).append(_table(name, engine, list(columns)))
    return found


def _table(name: TableName, engine: str, native: Sequence[NativeColumn]) -> Table:
    readable = [(folded, c) for c in native if c.default_kind not in _COMPUTED and (folded := _folded(c.name))]
    times = Counter(folded for folded, _ in readable)
    columns = tuple(_column(folded, c) for folded, c in readable if times[folded] == 1)
    digest = hashlib.sha256(repr([tuple(c) for c in native]).encode()).hexdigest()
    return Table(
        name=name,
        columns=columns,
        engine=engine,
        version=digest[:16],
        comment=native[0].table_comment or None,
        native_name=(native[0].database, native[0].table),
    )


def _column(folded: str, native: NativeColumn) -> Column:
    """Describe a column; one whose type has no exact Trino type is `unknown`, and using it is refused by name."""
    return Column(
        name=folded,
        type=trino_type(native.type) or UNKNOWN,
        comment=native.comment or None,
        nullable=is_nullable(native.type),
        native_name=native.name,
        native_type=native.type,
    )


def with_declared(table: Table, declared: Mapping[str, TrinoType]) -> Table:
    """Give columns the types that the operator declared for text: `schema.table.column` to char(n) or varbinary.

    ClickHouse keeps all text and bytes in String; only such columns may be declared, others keep their type.
    """
    if not declared:
        return table
    place = f"{table.name.schema}.{table.name.table}"
    columns = tuple(
        replace(c, type=declared.get(f"{place}.{c.name}", c.type)) if c.type == VARCHAR else c for c in table.columns
    )
    return table if columns == table.columns else replace(table, columns=columns)


def _folded(name: str) -> str | None:
    """Fold a native name; None where no client could write it without doubt."""
    try:
        return fold_trino(name)
    except Refusal:
        return None
