"""The demo's world: the same on every machine, made once, mended when half made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyarrow import csv
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.world import (
    CATALOG,
    COMPLETE,
    LMP_PRICES,
    NODE_MAPPING,
    POSITIONS,
    TRADERS,
    TRADES,
    WEATHER,
    TablePlan,
    make_world,
)

ALL = (LMP_PRICES, NODE_MAPPING, WEATHER, TRADES, TRADERS, POSITIONS)


class World:
    """A made world: its catalog, and its tables as a DuckDB sees them."""

    def __init__(self, directory: Path) -> None:
        self.uri = f"sqlite:///{directory}/catalog.db"
        self.warehouse = directory / "warehouse"
        self.reports: list[str] = []
        self.make()
        self.catalog = SqlCatalog(CATALOG, uri=self.uri, warehouse=self.warehouse.as_uri())
        self.connection = duckdb.connect()
        for plan in ALL:
            files = [task.file.file_path for task in self.catalog.load_table(plan.identifier).scan().plan_files()]
            self.connection.execute(f"CREATE VIEW {plan.name} AS FROM read_parquet({files}, hive_partitioning = false)")

    def make(self) -> list[str]:
        reports: list[str] = []
        make_world(self.warehouse, self.uri, reports.append)
        self.reports = reports
        return reports

    def ask(self, sql: str) -> list[tuple[object, ...]]:
        return self.connection.execute(sql).fetchall()

    def close(self) -> None:
        self.connection.close()
        self.catalog.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def test_prices_cover_three_markets_every_five_minutes_for_sixty_days(world: World) -> None:
    rows = world.ask(
        "SELECT iso, count(*), count(DISTINCT (node_id, interval_start_time)), count(DISTINCT node_id), "
        "count(DISTINCT interval_start_time), epoch(max(interval_start_time) - min(interval_start_time)) "
        "FROM lmp_prices GROUP BY iso ORDER BY iso"
    )
    span = 60 * 86_400 - 300
    assert rows == [(iso, 345_600, 345_600, 20, 17_280, span) for iso in ("CAISO", "MISO", "SPP")]


def test_the_components_make_up_the_price_and_prices_fall_below_zero(world: World) -> None:
    assert world.ask("SELECT count(*) FROM lmp_prices WHERE energy + congestion + loss <> lmp_price") == [(0,)]
    negative = dict(world.ask("SELECT iso, count(*) FROM lmp_prices WHERE lmp_price < 0 GROUP BY iso"))
    assert min(negative.values()) > 100
    assert world.ask("SELECT max(lmp_price) > 200, min(lmp_price) > -300 FROM lmp_prices") == [(True, True)]


def test_the_clocks_change_within_the_period(world: World) -> None:
    sql = (
        "SELECT DISTINCT date_diff('hour', timezone('UTC', interval_start_time), "
        "timezone('America/Los_Angeles', interval_start_time)) FROM lmp_prices ORDER BY 1"
    )
    assert world.ask(sql) == [(-8,), (-7,)]


def test_late_corrections_replaced_prices_and_the_first_snapshot_still_shows_the_old_ones(world: World) -> None:
    table = world.catalog.load_table(LMP_PRICES.identifier)
    first = table.snapshots()[0]
    old = [task.file.file_path for task in table.scan(snapshot_id=first.snapshot_id).plan_files()]
    rows = world.ask(
        "SELECT o.iso, count(*) > 5000, count(DISTINCT CAST(o.interval_start_time AS DATE)) FROM lmp_prices p "
        f"JOIN read_parquet({old}, hive_partitioning = false) o USING (node_id, interval_start_time) "
        "WHERE o.lmp_price <> p.lmp_price GROUP BY 1 ORDER BY 1"
    )
    assert rows == [("CAISO", True, 2), ("MISO", True, 1), ("SPP", True, 3)]


def test_every_node_belongs_to_one_zone_at_a_time(world: World) -> None:
    assert world.ask("SELECT count(DISTINCT node_id) FROM iso_node_mapping WHERE valid_to IS NULL") == [(60,)]
    overlapping = (
        "SELECT count(*) FROM iso_node_mapping a JOIN iso_node_mapping b ON a.node_id = b.node_id "
        "AND a.valid_from < b.valid_from AND (a.valid_to IS NULL OR a.valid_to > b.valid_from)"
    )
    assert world.ask(overlapping) == [(0,)]
    assert world.ask("SELECT count(*) > 0 FROM iso_node_mapping WHERE valid_to IS NOT NULL") == [(True,)]


def test_weather_has_degree_days_to_65_fahrenheit_and_sun_by_day_only(world: World) -> None:
    rows = world.ask(
        "SELECT count(*), count(DISTINCT zone_id), bool_and(hdd = round(greatest(65 - temp_f, 0) / 24, 4)), "
        "bool_and(cdd = round(greatest(temp_f - 65, 0) / 24, 4)), min(solar_capacity_factor), "
        "max(solar_capacity_factor) <= 1 FROM weather_features"
    )
    assert rows == [(12 * 60 * 24, 12, True, True, 0.0, True)]


def test_three_desks_trade_at_the_nodes_of_their_market(world: World) -> None:
    rows = world.ask(
        "SELECT t.desk, count(*) > 5000, bool_and(n.iso = t.desk), bool_and(r.desk = t.desk) FROM trades t "
        "JOIN (SELECT DISTINCT iso, node_id FROM iso_node_mapping) n USING (node_id) "
        "JOIN traders r USING (trader_id) GROUP BY 1 ORDER BY 1"
    )
    assert rows == [(desk, True, True, True) for desk in ("CAISO", "MISO", "SPP")]


def test_positions_follow_from_the_trades(world: World) -> None:
    sql = (
        "SELECT count(*) FROM (SELECT desk, node_id, sum(CASE side WHEN 'BUY' THEN qty_mwh ELSE -qty_mwh END) AS q "
        "FROM trades WHERE status <> 'CANCELLED' AND trade_ts < (SELECT max(as_of) FROM positions) GROUP BY 1, 2) t "
        "JOIN positions p USING (desk, node_id) WHERE p.as_of = (SELECT max(as_of) FROM positions) AND p.qty_mwh <> t.q"
    )
    assert world.ask(sql) == [(0,)]


def test_personal_data_belongs_to_nobody_and_is_distinct(world: World) -> None:
    rows = world.ask("SELECT email, phone, ssn, card_number FROM traders")
    assert len(rows) == 24
    for place in range(4):
        assert len({row[place] for row in rows}) == 24
    for email, phone, ssn, card in rows:
        assert str(email).endswith("@example.com")
        assert "-555-01" in str(phone)
        assert str(ssn).startswith("9")
        digits = [int(digit) for digit in str(card)]
        assert len(digits) == 16
        doubled = [d if place % 2 else sum(divmod(2 * d, 10)) for place, d in enumerate(digits)]
        assert sum(doubled) % 10 == 0


def test_tables_are_plain_iceberg_with_comments(world: World) -> None:
    for plan in ALL:
        table = world.catalog.load_table(plan.identifier)
        assert table.metadata.format_version == 2
        assert table.properties["comment"]
        assert all(field.doc for field in table.schema().fields)


def test_a_second_run_keeps_everything(world: World) -> None:
    before = {plan.name: world.catalog.load_table(plan.identifier).metadata_location for plan in ALL}
    assert all(report.endswith("is there") for report in world.make())
    assert before == {plan.name: world.catalog.load_table(plan.identifier).metadata_location for plan in ALL}


def test_two_worlds_are_the_same(world: World, tmp_path: Path) -> None:
    other = World(tmp_path)
    for plan in ALL:
        assert _digest(other, plan) == _digest(world, plan), plan.name
    other.close()


def test_a_digest_tells_values_apart_and_nothing_else(world: World) -> None:
    """What lies in memory where a value is NULL is nobody's: it differs from one reading to the next."""
    assert len({_digest(world, NODE_MAPPING) for _ in range(30)}) == 1
    for changed in ("lower(name)", "CASE trader_id WHEN 'T001' THEN NULL ELSE name END"):
        source = f"(SELECT * REPLACE ({changed} AS name) FROM traders)"
        assert _digest(world, TRADERS, source) != _digest(world, TRADERS)


def _digest(world: World, plan: TablePlan, source: str | None = None) -> str:
    """Digest a table's values as text, in the order of all columns."""
    order = ", ".join(f'"{name}"' for name, _, _ in plan.columns)
    reader = world.connection.sql(f"SELECT * FROM {source or plan.name} ORDER BY {order}").to_arrow_reader()
    sink = pa.BufferOutputStream()
    with csv.CSVWriter(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def test_a_table_that_is_missing_or_was_left_half_made_is_made_again_and_others_are_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    kept = world.catalog.load_table(WEATHER.identifier).metadata_location
    world.catalog.drop_table(TRADES.identifier)
    traders = world.catalog.load_table(TRADERS.identifier)
    with traders.transaction() as transaction:
        transaction.remove_properties(COMPLETE)
    for file in (tmp_path / "warehouse" / "curated" / "iso_node_mapping" / "metadata").glob("*.metadata.json"):
        file.unlink()
    made = [report.split()[0] for report in world.make() if "made" in report]
    assert sorted(made) == ["iceberg.curated.iso_node_mapping", "iceberg.trading.traders", "iceberg.trading.trades"]
    assert world.catalog.load_table(WEATHER.identifier).metadata_location == kept
    assert world.catalog.load_table(TRADERS.identifier).scan().to_arrow().num_rows == 24
    world.close()
