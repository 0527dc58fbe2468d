"""Masks as the embedded lake runs them, on the bare engine: many values in one query."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import duckdb
import pyarrow as pa

from catalog.objects import Column
from catalog.types import BIGINT, TrinoType
from engines.lake.functions import register
from rewrite_rules.translate_duckdb.by_place import holds_row
from rewrite_rules.translate_duckdb.text import duckdb_type
from tests.engines.lake.asking import describe, prepare
from tests.masks.engines import Batch, Spec, query


class Masking:
    """Puts masks on values by DuckDB."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        connection.execute("SET TimeZone = 'UTC'")
        register(connection)
        self._texts: dict[tuple[TrinoType, str], str] = {}

    def all(self, of: TrinoType, spec: Spec, values: Sequence[object]) -> list[object]:
        """Return what a mask shows for each value, and hold its type against the column's."""
        arrow = pa.decimal128(*of.numbers) if of.base == "decimal" else None
        rows = pa.table({"id": pa.array(range(len(values)), pa.int64()), "c": pa.array(_given(of, values), arrow)})
        self.connection.register("given", rows)
        table = '"lake.s.masks"'
        column = "c" if holds_row(of) else f"CAST(c AS {duckdb_type(of)})"
        self.connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT id, {column} AS c FROM given")
        found = self.connection.sql(self._text(of, spec)).to_arrow_table()
        raw = self.connection.sql(f"SELECT c FROM {table} LIMIT 0").to_arrow_table()
        assert holds_row(of) or found.schema.field(0).type == raw.schema.field(0).type
        return list(found.column(0).to_pylist())

    def one(self, of: TrinoType, spec: Spec, value: object) -> object:
        """Return what a mask shows for one value."""
        return self.all(of, spec, [value])[0]

    def _text(self, of: TrinoType, spec: Spec) -> str:
        key = of, repr(spec)
        if key not in self._texts:
            described = describe("masks", (Column("id", BIGINT), Column("c", of)))
            self._texts[key] = prepare(query(Batch(of, (), (spec,)), "lake", "lake.s.masks"), [described]).sql
        return self._texts[key]


def _given(of: TrinoType, values: Sequence[object]) -> list[object]:
    return [Decimal(value) if of.base == "decimal" and isinstance(value, str) else value for value in values]
