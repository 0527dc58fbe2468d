"""Views over tables of a real Trino: built at its snapshots, from what its wire says, and fresh by its manifests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest

from catalog.cache import CatalogCache
from catalog.errors import Refusal
from catalog.materialized_views import Definition, State
from catalog.objects import TableName
from engines.base import Engine
from engines.trino import TrinoEngine
from gateway.demo.postgres import PostgresServer
from gateway.demo.trino_server import ICEBERG_DATABASE, TrinoServer
from gateway.views.building import build
from gateway.views.finding import Finder
from gateway.views.freshness import FreshnessOf, Histories
from gateway.views.known import NO_VIEWS
from gateway.views.looking import Looking
from gateway.views.proving import Prover
from tests.engines.trino.test_real_trino import rows
from tests.real.clickhouse import embedded

pytestmark = [pytest.mark.asyncio, pytest.mark.long]

_VALUES = (
    "('SP15', TIMESTAMP '2024-03-10 02:30:00.000001', 1.50, DECIMAL '9999999999999999.25', nan(), true,"
    " DATE '0001-01-01', X'00ff', CAST('1.1' AS real), TIMESTAMP '2024-03-10 09:30:00.5 UTC', 9007199254740993)",
    "(NULL, TIMESTAMP '1969-12-31 23:59:59.999999', -0.0, DECIMAL '-0.01', -infinity(), false,"
    " DATE '9999-12-31', X'', CAST('-Infinity' AS real), TIMESTAMP '1969-12-31 23:59:59.999999 UTC', -1)",
    "('é''\\\\', NULL, NULL, NULL, 4.9e-324, NULL, NULL, NULL, NULL, NULL, NULL)",
)
_COLUMNS = (
    "hub varchar, ts timestamp(6), x double, dec decimal(38, 2), d double, flag boolean, day date, raw varbinary,"
    " r real, at timestamp(6) with time zone, n bigint"
)


async def test_a_view_over_trinos_tables_holds_the_very_values_and_knows_of_changes(
    trino_server: TrinoServer, postgres_server: PostgresServer, trino_warehouse: Path
) -> None:
    uri = postgres_server.url(ICEBERG_DATABASE, "postgresql+psycopg2")
    place = {"iceberg": {"type": "sql", "uri": uri, "warehouse": trino_warehouse.as_uri()}}
    trino = TrinoEngine("trino", trino_server.catalogs, trino_server.url, recover_seconds=5.0, iceberg=place)
    base = TableName("iceberg", f"views_{uuid4().hex[:8]}", "odd")
    async with embedded() as clickhouse:
        await clickhouse._connection.run(f"CREATE DATABASE {base.schema}", {})
        engines: Mapping[str, Engine] = {"trino": trino, "clickhouse": clickhouse}
        catalog = CatalogCache(engines.values())
        try:
            await rows(trino, f"CREATE SCHEMA iceberg.{base.schema}")
            await rows(trino, f"CREATE TABLE {base} ({_COLUMNS})")
            await rows(trino, f"INSERT INTO {base} VALUES {', '.join(_VALUES)}")
            replica = Definition(TableName("clickhouse", base.schema, "replica"), f"SELECT * FROM {base}")
            built = await build(replica, engines, catalog)
            shown = "toString(ts), toString(dec), toString(d), toString(day), hex(raw), toString(r), toString(at), n"
            found = await clickhouse._connection.rows(
                f"SELECT hub, {shown} FROM {base.schema}.replica ORDER BY n NULLS LAST", {}
            )
            assert [tuple(row) for row in found] == [
                (
                    *(None, "1969-12-31 23:59:59.999999", "-0.01", "-inf", "9999-12-31", "", "-inf"),
                    *("1969-12-31 23:59:59.999999", -1),
                ),
                (
                    *("SP15", "2024-03-10 02:30:00.000001", "9999999999999999.25", "nan", "0001-01-01", "00FF", "1.1"),
                    *("2024-03-10 09:30:00.500000", 9007199254740993),
                ),
                ("é'\\\\", None, None, "5e-324", None, None, None, None, None),
            ]
            assert built.view.watermark is not None
            states = (State("hubs", "uniqExact", ("hub",)), State("last", "argMax", ("x", "ts")))
            sql = (
                f"SELECT flag, array_agg(DISTINCT hub) FILTER (WHERE hub IS NOT NULL) AS hubs, max_by(x, ts) AS last"
                f" FROM {base} GROUP BY flag"
            )
            await build(Definition(TableName("clickhouse", base.schema, "g"), sql, states=states), engines, catalog)
            merged = await clickhouse._connection.rows(
                f"SELECT toInt64(uniqExactMerge(hubs)), argMaxMerge(last).1 FROM {base.schema}.g", {}
            )
            assert [tuple(row) for row in merged] == [(2, 1.5)]
            looking = _looking(engines, catalog)
            before = await looking.look(NO_VIEWS)
            assert all(view.freshness is not None and view.freshness.current for view in before.views)
            await rows(trino, f"DELETE FROM {base} WHERE hub = 'SP15'")
            after = await looking.look(before)
            changes = [view.freshness.changes for view in after.views if view.freshness is not None]
            assert [[(each.appended_only, each.unknown) for each in one] for one in changes] == [[(False, None)]] * 2
            with pytest.raises(Refusal, match="Nobody says of"):
                other = f"SELECT regionkey FROM {next(c for c in trino.catalogs if c == 'tpch')}.tiny.region"
                await build(Definition(TableName("clickhouse", base.schema, "t"), other), engines, catalog)
        finally:
            await trino.close()
            await clickhouse._connection.run(f"DROP DATABASE {base.schema}", {})


def _looking(engines: Mapping[str, Engine], catalog: CatalogCache) -> Looking:
    async def none() -> Mapping[TableName, str]:
        return {}

    prover = Prover(engines, (), every=1.0, told=lambda: None)
    return Looking(Finder(catalog, engines, []), FreshnessOf(Histories(engines)), prover, catalog, engines, none)
