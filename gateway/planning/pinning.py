"""The snapshots of base tables at the versions that views were compared with: what parts over the base must read.

A view's rows and those of its base in one answer must be of one moment, also where the base changes in between.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import Refusal
from catalog.objects import Table, TableName
from engines.base import Engine
from engines.history import PinningEngine
from gateway.planning.context import Pin, Planning


def pin_by(engines: Mapping[str, Engine]) -> Pin:
    """Return what asks a table's engine."""

    async def pin(table: Table, version: str) -> int | None:
        engine: object = engines.get(table.engine)
        if not isinstance(engine, PinningEngine):
            return None
        try:
            return await engine.snapshot(table, version)
        except Refusal:
            return None

    return pin


async def pin_tables(tables: Mapping[TableName, Table], planning: Planning) -> None:
    """Note the snapshots of tables that views are known of, for parts that read them."""
    for name, table in tables.items():
        above = planning.views.for_table.get(name)
        versions = {v.freshness.versions.get(name) for v in above.views if v.freshness} if above is not None else set()
        for version in versions - {None}:
            found = await planning.pin(table, version or "")
            if found is not None:
                planning.pins[name, version or ""] = found
