"""The demo's world: the Iceberg tables of a small power-trading company, the same on every machine.

Each table is made in one commit that also marks it complete, so that a world whose making was cut off is finished
by the next run, and tables that users changed since are left alone. Only `lmp_prices` has two commits: the markets
correct some days' prices after the fact, and the table keeps both states as snapshots. Its present rows are unique
by (node_id, interval_start_time); the first snapshot shows what was known before the corrections.
Source: platform-contract section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from gateway.demo import world_places as places
from gateway.demo import world_prices as prices
from gateway.demo import world_trading as trading

SEED = 20260201
COMPLETE = "penstock.world"
VERSION = "1"
CATALOG = "iceberg"

Report = Callable[[str], None]
Filled = Callable[[pa.Schema], pa.Table]

_MONEY, _ENERGY = DecimalType(10, 2), DecimalType(12, 1)
_TEXT, _INSTANT = StringType(), TimestamptzType()


@dataclass(frozen=True, slots=True)
class TablePlan:
    """Say what a table is called and how it is laid out: (column, type, comment) in order."""

    namespace: str
    name: str
    columns: tuple[tuple[str, IcebergType, str], ...]
    comment: str
    by_market: bool = False
    """Partitioned by `iso`."""

    @property
    def identifier(self) -> tuple[str, str]:
        """Return the name pyiceberg knows the table by."""
        return (self.namespace, self.name)

    def schema(self) -> Schema:
        """Return the Iceberg schema, fields numbered from 1."""
        return Schema(
            *(
                NestedField(number, name, type_, required=False, doc=comment)
                for number, (name, type_, comment) in enumerate(self.columns, start=1)
            )
        )


LMP_PRICES = TablePlan(
    "curated",
    "lmp_prices",
    (
        ("iso", _TEXT, "market: CAISO, MISO or SPP"),
        ("node_id", _TEXT, "pricing node"),
        ("interval_start_time", _INSTANT, "start of the five-minute interval"),
        ("lmp_price", _MONEY, "price in USD/MWh; energy + congestion + loss"),
        ("energy", _MONEY, "energy component, the same at all nodes of a market"),
        ("congestion", _MONEY, "congestion component"),
        ("loss", _MONEY, "loss component"),
    ),
    "real-time locational marginal prices, corrected where the market corrected them",
    by_market=True,
)
NODE_MAPPING = TablePlan(
    "curated",
    "iso_node_mapping",
    (
        ("iso", _TEXT, "market"),
        ("node_id", _TEXT, "pricing node"),
        ("hub_id", _TEXT, "trading hub"),
        ("zone_id", _TEXT, "load zone"),
        ("h3_7", _TEXT, "cell of the node, resolution 7"),
        ("valid_from", DateType(), "first day of validity"),
        ("valid_to", DateType(), "day after the last; NULL while valid"),
    ),
    "which hub, zone and cell a node belongs to, and when",
)
WEATHER = TablePlan(
    "curated",
    "weather_features",
    (
        ("h3_7", _TEXT, "cell, resolution 7"),
        ("zone_id", _TEXT, "load zone"),
        ("ts", _INSTANT, "hour"),
        ("temp_f", DoubleType(), "temperature in F"),
        ("hdd", DoubleType(), "heating degree days of the hour, base 65 F"),
        ("cdd", DoubleType(), "cooling degree days of the hour, base 65 F"),
        ("wind_power_density", DoubleType(), "W/m2"),
        ("solar_capacity_factor", DoubleType(), "0 to 1"),
        ("normals", DoubleType(), "normal temperature of the hour in F"),
    ),
    "hourly weather by zone",
)
TRADES = TablePlan(
    "trading",
    "trades",
    (
        ("trade_id", LongType(), "number of the trade"),
        ("desk", _TEXT, "desk that traded"),
        ("trader_id", _TEXT, "who traded"),
        ("node_id", _TEXT, "where"),
        ("side", _TEXT, "BUY or SELL"),
        ("qty_mwh", _ENERGY, "quantity in MWh"),
        ("price", _MONEY, "USD/MWh"),
        ("trade_ts", _INSTANT, "when"),
        ("status", _TEXT, "FILLED, CONFIRMED or CANCELLED"),
    ),
    "trades of all desks",
)
TRADERS = TablePlan(
    "trading",
    "traders",
    (
        ("trader_id", _TEXT, "number of the trader"),
        ("name", _TEXT, "full name"),
        ("email", _TEXT, "e-mail address"),
        ("phone", _TEXT, "telephone number"),
        ("ssn", _TEXT, "social security number"),
        ("card_number", _TEXT, "company card"),
        ("desk", _TEXT, "desk"),
    ),
    "the traders; invented personal data",
)
POSITIONS = TablePlan(
    "trading",
    "positions",
    (
        ("position_id", LongType(), "number of the row"),
        ("desk", _TEXT, "desk"),
        ("node_id", _TEXT, "where"),
        ("qty_mwh", _ENERGY, "net quantity in MWh"),
        ("as_of", DateType(), "end of the week"),
    ),
    "net positions by desk and node, weekly",
)


def make_world(warehouse: Path, catalog_uri: str, report: Report) -> None:
    """Make the demo's tables where they are missing or incomplete; keep those that are complete.

    `catalog_uri` is an SQLAlchemy address (SQLite or Postgres) for pyiceberg's SQL catalog; data files go under
    `warehouse`. Takes seconds the first time and next to nothing afterwards. `report` gets a line per table.
    """
    warehouse.mkdir(parents=True, exist_ok=True)
    catalog = SqlCatalog(CATALOG, uri=catalog_uri, warehouse=warehouse.resolve().as_uri())
    try:
        for plan, make in _contents(catalog):
            if _is_complete(catalog, plan):
                report(f"{CATALOG}.{plan.namespace}.{plan.name} is there")
                continue
            rows = make(plan)
            report(f"{CATALOG}.{plan.namespace}.{plan.name} made: {rows:,} rows")
    finally:
        catalog.close()


def _contents(catalog: Catalog) -> Iterator[tuple[TablePlan, Callable[[TablePlan], int]]]:
    nodes = places.make_nodes()

    def fill(make: Filled) -> Callable[[TablePlan], int]:
        return lambda plan: _make_table(catalog, plan, make)

    def trades(schema: pa.Schema) -> pa.Table:
        traders, _ = trading.make_traders(SEED, _arrow_schema(TRADERS))
        return trading.make_trades(traders, nodes, SEED, schema)

    yield NODE_MAPPING, fill(lambda schema: places.node_mapping(nodes, schema))
    yield WEATHER, fill(lambda schema: places.weather(nodes, SEED, schema))
    yield TRADERS, fill(lambda schema: trading.make_traders(SEED, schema)[1])
    yield TRADES, fill(trades)
    yield POSITIONS, fill(lambda schema: trading.make_positions(trades(_arrow_schema(TRADES)), schema))
    yield LMP_PRICES, lambda plan: _make_prices(catalog, plan, nodes)


def _is_complete(catalog: Catalog, plan: TablePlan) -> bool:
    try:
        table = catalog.load_table(plan.identifier)
    except (NoSuchTableError, FileNotFoundError):
        return False
    return bool(table.properties.get(COMPLETE) == VERSION)


def _make_table(catalog: Catalog, plan: TablePlan, make: Filled) -> int:
    rows = make(_arrow_schema(plan))
    _create(catalog, plan, rows, {COMPLETE: VERSION})
    return len(rows)


def _make_prices(catalog: Catalog, plan: TablePlan, nodes: tuple[places.Node, ...]) -> int:
    """Write all prices as first published, then the corrections as a second commit that completes the table."""
    schema = _arrow_schema(plan)
    everything = slice(0, prices.INTERVALS)
    first, corrections = [], {}
    for iso in prices.CORRECTED_DAYS:
        here = [node for node in nodes if node.iso == iso]
        final = prices.market_prices(iso, len(here), SEED)
        before = prices.preliminary(final, iso, SEED)
        first.append(prices.price_table(iso, here, before, everything, schema))
        corrections[iso] = prices.price_table(iso, here, final, prices.corrected_window(iso), schema)
    rows = pa.concat_tables(first)
    _create(catalog, plan, rows, {})
    with catalog.load_table(plan.identifier).transaction() as transaction:
        for iso, corrected in corrections.items():
            times = corrected.column("interval_start_time")
            first_time, last_time = times[0].as_py().isoformat(), times[-1].as_py().isoformat()
            window = f"interval_start_time >= '{first_time}' and interval_start_time <= '{last_time}'"
            transaction.overwrite(corrected, overwrite_filter=f"iso = '{iso}' and {window}")
        transaction.set_properties({COMPLETE: VERSION})
    return len(rows)


def _create(catalog: Catalog, plan: TablePlan, rows: pa.Table, properties: dict[str, str]) -> None:
    """Create a table with its rows in one commit, in place of whatever an earlier attempt left."""
    catalog.create_namespace_if_not_exists(plan.namespace)
    with suppress(NoSuchTableError):
        catalog.drop_table(plan.identifier)
    schema = plan.schema()
    spec = PartitionSpec()
    if plan.by_market:
        spec = PartitionSpec(PartitionField(schema.find_field("iso").field_id, 1000, IdentityTransform(), "iso"))
    transaction = catalog.create_table_transaction(
        plan.identifier,
        schema=schema,
        partition_spec=spec,
        properties={"format-version": "2", "comment": plan.comment, **properties},
    )
    with transaction:
        transaction.append(rows)


def _arrow_schema(plan: TablePlan) -> pa.Schema:
    return schema_to_pyarrow(plan.schema(), include_field_ids=False)
