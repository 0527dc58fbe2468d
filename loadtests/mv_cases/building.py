"""Fill each view of a place in ClickHouse, with the rows that its case says it holds, in real states.

A view that holds what its definition says is built as production builds it. Only rows that came about in another way
(under policies, from another text, by inserts alone) are asked for here and put into the same filling.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import clickhouse_connect

from catalog.materialized_views import Definition, State, Watermark
from catalog.objects import TableName
from engines.views import Filling, ViewKeepingEngine
from gateway.views.building import build, versions_of
from gateway.views.definitions import understand
from gateway.views.source import source_of
from loadtests.mv_cases.asking import Asker
from loadtests.mv_cases.cases import MAIN, View
from loadtests.mv_cases.documents import WRITER
from loadtests.mv_cases.grounds import Ground
from loadtests.mv_cases.places import LAKE, MARTS, Place
from loadtests.mv_cases.serving import Served


@dataclass(frozen=True, slots=True)
class Builder:
    """Build the views of places."""

    ground: Ground
    gateway: Served
    asker: Asker

    def build(self, place: Place, view: View) -> None:
        """Compute a view's rows from the base as it is now, and keep them with the versions of its tables."""
        definition = _definition(place, view)
        inserts = view.maintained == "inserts" and any(each.branch == MAIN for each in place.setting.changes)
        if view.built_as or view.built_under or inserts or place.setting.view_age:
            self._fill(place, view, definition, place.scratch if inserts else place.name)
        else:
            house = self.gateway.house
            self.gateway.run(build(definition, house.engines, house.catalog))
        if view.lost:
            self._lose(place, view)

    def _fill(self, place: Place, view: View, definition: Definition, schema: str) -> None:
        """Fill a view with what a query gives now in a schema of base tables, for whom it is filled."""
        seen = replace(definition, sql=view.built_as or view.sql, schema=schema)
        sql, filling, versions = self.gateway.run(self._prepared(definition, seen))
        user = place.builder(view) if view.built_under else WRITER
        rows = self.asker.must(sql, user, schema).rows
        mark = Watermark(versions, time.time() - (place.setting.view_age or 0.0))
        engine = self.gateway.house.engines["clickhouse"]
        if not isinstance(engine, ViewKeepingEngine):
            raise TypeError(f"{engine.name} keeps no views")

        async def pages() -> AsyncIterator[bytes]:
            yield json.dumps(rows).encode()

        self.gateway.run(engine.fill(filling, pages(), lambda: mark))

    async def _prepared(self, definition: Definition, seen: Definition) -> tuple[str, Filling, dict[TableName, str]]:
        """Return what to ask for, what its rows fill, and the versions of the tables that the definition reads."""
        house = self.gateway.house
        source = source_of(await understand(seen, house.catalog.fetch))
        document = replace(source.filling.document, definition=definition)
        bases = (await understand(definition, house.catalog.fetch)).bases
        return source.sql, replace(source.filling, document=document), await versions_of(bases, house.engines)

    def _lose(self, place: Place, view: View) -> None:
        """Take rows out of a view's table, as its server does by itself."""
        opened = clickhouse_connect.get_client(interface="chdb", path=str(self.ground.clickhouse))
        try:
            name = f"`{place.name}`.`{view.name}`"
            opened.command(f"ALTER TABLE {name} DELETE WHERE {view.lost} SETTINGS mutations_sync = 1")
        finally:
            opened.close()


def _definition(place: Place, view: View) -> Definition:
    return Definition(
        TableName(MARTS, place.name, view.name),
        view.sql,
        LAKE,
        place.name,
        tuple(State(each.column, each.function, each.arguments, each.parameters) for each in view.states),
        tuple(f"{place.name}-{number}" for number, _ in enumerate(view.built_under)),
        view.maintained,
    )
