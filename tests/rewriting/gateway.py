"""A whole gateway over a lake and the ClickHouse of this process, with views that production built; asked as clients ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
import trino
import yaml
from pyiceberg.catalog.sql import SqlCatalog
from trino.dbapi import Cursor

from catalog.materialized_views import Definition, State
from catalog.objects import TableName
from gateway.demo.ports import free_port
from gateway.usage_record import UsageRecord
from gateway.views.building import build
from loadtests.mv_cases.serving import Served, served
from tests.real import clickhouse
from tests.views.world import LMP, prices

ROWS = 400
EVERYBODY, SOUTH, MASKED = "ann", "sue", "max"
"""Who sees all of the prices; only some rows; nodes under a mask."""
_POLICIES: dict[str, Any] = {
    "version": 1,
    "users": {user: {"roles": []} for user in (EVERYBODY, SOUTH, MASKED)},
    "grants": [
        {"id": "read", "users": [EVERYBODY, SOUTH, MASKED], "assets": "lake.grid.*", "allow": ["read"]},
        {"id": "own", "users": [EVERYBODY], "assets": "clickhouse.*", "allow": ["read"]},
    ],
    "session_properties": [
        {
            "roles": "all",
            "allow": ["as_of", "autofix", "branch", "integrity", "materialized_views", "max_staleness", "min_grade"],
        }
    ],
    "row_filters": [
        {"id": "south", "table": "lake.grid.lmp", "users": [SOUTH], "filter": "hub = 'H1'"},
        {"id": "free", "table": "lake.grid.lmp", "users": [EVERYBODY, MASKED], "filter": "none"},
    ],
    "column_masks": [
        {
            "id": "nodes",
            "table": "lake.grid.lmp",
            "column": "node",
            "users": [MASKED],
            "mask": {"kind": "sql", "expression": "CAST('***' AS varchar)"},
        },
        {
            "id": "clear",
            "table": "lake.grid.lmp",
            "column": "node",
            "users": [EVERYBODY, SOUTH],
            "mask": "none",
        },
    ],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client saw, and what the gateway recorded of it."""

    rows: list[list[Any]]
    columns: list[tuple[str, str]]
    record: UsageRecord

    @property
    def views(self) -> tuple[str, ...]:
        """Return the views that were read."""
        return self.record.rewritten.views if self.record.rewritten is not None else ()


@dataclass(frozen=True, slots=True)
class World:
    """The gateway and what is under it."""

    gateway: Served
    iceberg: SqlCatalog
    schema: str
    """A database of ClickHouse for this world alone."""

    def build(self, name: str, sql: str, *states: State) -> TableName:
        """Build a view as production does, and have it known."""
        view = TableName("clickhouse", self.schema, name)
        house = self.gateway.house
        self.gateway.run(build(Definition(view, sql, "lake", "grid", states), house.engines, house.catalog))
        self.know()
        return view

    def know(self) -> None:
        """Have the registry look again."""
        house = self.gateway.house
        assert house.views is not None
        self.gateway.run(house.catalog.invalidate_catalog("clickhouse"))
        self.gateway.run(house.views.fresh())

    def append(self, count: int, *, first: int = ROWS) -> None:
        """Add prices to the base."""
        self.iceberg.load_table("grid.lmp").append(prices(count, first=first))

    def ask(self, sql: str, user: str = EVERYBODY, properties: Mapping[str, str] | None = None) -> Answer:
        """Ask by a stock client. Raises trino.exceptions.TrinoUserError and its like."""
        cursor = self.cursor(user, properties)
        cursor.execute(sql)
        rows = [list(row) for row in cursor.fetchall()]
        columns = [(column.name, column.type_code) for column in cursor.description or ()]
        return Answer(rows, columns, self.gateway.record(str(cursor.query_id)))

    def said(self, sql: str, user: str = EVERYBODY) -> list[str]:
        """Return the warnings on a statement's last page, which the Python client does not show."""
        headers = {"X-Trino-User": user, "X-Trino-Catalog": "lake", "X-Trino-Schema": "grid"}
        page = requests.post(f"{self.gateway.url}/v1/statement", sql.encode(), headers=headers, timeout=60).json()
        while "nextUri" in page:
            page = requests.get(page["nextUri"], headers=headers, timeout=60).json()
        return [each["message"] for each in page["warnings"]]

    def cursor(self, user: str = EVERYBODY, properties: Mapping[str, str] | None = None) -> Cursor:
        """Open a connection of a stock client."""
        host, _, port = self.gateway.url.removeprefix("http://").partition(":")
        connection = trino.dbapi.connect(
            host=host,
            port=int(port),
            user=user,
            catalog="lake",
            schema="grid",
            session_properties=dict(properties or {}),
        )
        return connection.cursor()

    def both(self, sql: str, user: str = EVERYBODY, **properties: str) -> tuple[Answer, Answer]:
        """Return the answer with views, and that without; rows of both are sorted."""
        with_views = self.ask(sql, user, properties)
        without = self.ask(sql, user, {**properties, "materialized_views": "false"})
        for answer in (with_views, without):
            answer.rows.sort(key=repr)
        return with_views, without


@contextmanager
def world(folder: Path, **sections: Any) -> Iterator[World]:
    """Serve a world with prices and no views yet; `sections` go into the configuration."""
    place = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    iceberg = SqlCatalog("lake", **place)
    iceberg.create_namespace("grid")
    iceberg.create_table("grid.lmp", LMP).append(prices(ROWS))
    schema = f"marts_{uuid4().hex[:8]}"
    clickhouse.run_script([f"CREATE DATABASE {schema}"])
    (folder / "policies.yaml").write_text(yaml.safe_dump(_POLICIES))
    config = {
        "door": {"port": free_port()},
        "admin": {"port": 0},
        "metrics": {"port": 0},
        "data_dir": str(folder / "data"),
        "drain_seconds": 1,
        "identity": {"insecure": True},
        "keys": [{"id": "tests", "secret": "a page key of these tests, long enough to seal"}],
        "engines": [
            {"kind": "lake", "name": "lake", "catalog": "lake", **place},
            {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(clickhouse.folder())},
        ],
        "policies": [str(folder / "policies.yaml")],
        "store": {"url": f"sqlite:///{folder / 'usage.db'}"},
        "materialized_views": {"refresh_seconds": 600, "cost_margin": None},
        **sections,
    }
    (folder / "penstock.yaml").write_text(yaml.safe_dump(config))
    with served(folder / "penstock.yaml") as gateway:
        yield World(gateway, iceberg, schema)
    clickhouse.run_script([f"DROP DATABASE {schema}"])
