"""The demo's geography: markets, nodes, hubs, zones, and the weather over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

FIRST_DAY = date(2026, 2, 1)
DAYS = 60
"""Sixty days from the first of February 2026: daylight saving time begins on 8 March in between."""
SECONDS_A_DAY = 86_400
EPOCH_START = (FIRST_DAY - date(1970, 1, 1)).days * SECONDS_A_DAY
SOLAR_HOUR_SHIFT = {"CAISO": -8, "MISO": -6, "SPP": -6}


@dataclass(frozen=True, slots=True)
class Node:
    """Name a pricing node and where it lies; `remapped_on` is the day it moved to its present zone."""

    iso: str
    node_id: str
    hub_id: str
    zone_id: str
    h3_7: str
    remapped_on: date | None = None
    former_zone_id: str | None = None


_MARKETS = {
    "CAISO": (("TH_NP15", "TH_SP15", "TH_ZP26"), ("PGAE", "SCE", "SDGE", "VEA")),
    "MISO": (("INDIANA.HUB", "MINN.HUB", "ARKANSAS.HUB"), ("LRZ1", "LRZ4", "LRZ6", "LRZ8")),
    "SPP": (("SPPNORTH_HUB", "SPPSOUTH_HUB"), ("NPPD", "OKGE", "SPS", "WAUE")),
}
NODES_A_MARKET = 20


def _cell(market: int, number: int) -> str:
    """Make an H3-like cell name of resolution 7: fifteen hex digits."""
    return f"87{market + 2:x}{(number * 7919 + market * 104729) % 0xFFFFFF:06x}ffffff"


def make_nodes() -> tuple[Node, ...]:
    """List all nodes; every seventh was moved between zones during the period."""
    nodes = []
    for market, (iso, (hubs, zones)) in enumerate(_MARKETS.items()):
        for number in range(NODES_A_MARKET):
            moved = number % 7 == 3
            nodes.append(
                Node(
                    iso=iso,
                    node_id=f"{iso}_NODE_{number + 1:03d}",
                    hub_id=hubs[number % len(hubs)],
                    zone_id=zones[number % len(zones)],
                    h3_7=_cell(market, number),
                    remapped_on=FIRST_DAY + timedelta(days=28 + number) if moved else None,
                    former_zone_id=zones[(number + 1) % len(zones)] if moved else None,
                )
            )
    return tuple(nodes)


def node_mapping(nodes: tuple[Node, ...], schema: pa.Schema) -> pa.Table:
    """Give `iso_node_mapping`: one row per node and period; `valid_to` is exclusive, NULL for the present one."""
    beginning = date(2024, 1, 1)
    rows: list[dict[str, object]] = []
    for node in nodes:
        place = {"iso": node.iso, "node_id": node.node_id, "hub_id": node.hub_id, "h3_7": node.h3_7}
        start = beginning
        if node.remapped_on is not None:
            before = {"zone_id": node.former_zone_id, "valid_from": start, "valid_to": node.remapped_on}
            rows.append({**place, **before})
            start = node.remapped_on
        rows.append({**place, "zone_id": node.zone_id, "valid_from": start, "valid_to": None})
    return pa.Table.from_pylist(rows, schema=schema)


def weather(nodes: tuple[Node, ...], seed: int, schema: pa.Schema) -> pa.Table:
    """Give `weather_features`: one row per zone and hour, at the zone's first cell.

    Temperatures in Fahrenheit; `hdd` and `cdd` are the hour's share of a degree day to the base 65 F; wind power
    density in W/m2; the solar capacity factor between 0 and 1; `normals` is the normal temperature of the hour.
    """
    random = np.random.default_rng([seed, 2])
    hours = np.arange(DAYS * 24)
    stamps = (EPOCH_START + hours * 3600) * 1_000_000
    columns: dict[str, list[object]] = {name: [] for name in schema.names}
    for node in {node.zone_id: node for node in reversed(nodes)}.values():
        local = (hours + SOLAR_HOUR_SHIFT[node.iso]) % 24
        warmth = {"CAISO": 58.0, "MISO": 34.0, "SPP": 42.0}[node.iso]
        normal = warmth + hours / 24 * 0.25 + 9 * np.sin((local - 9) / 24 * 2 * np.pi)
        drift = np.cumsum(random.normal(0, 0.6, hours.size)) * 0.4
        temperature = np.round(normal + drift - np.linspace(0, drift[-1], hours.size), 1)
        sun = np.clip(np.sin((local - 6) / 12 * np.pi), 0, None) * random.beta(6, 2, hours.size)
        columns["h3_7"] += [node.h3_7] * hours.size
        columns["zone_id"] += [node.zone_id] * hours.size
        columns["ts"] += stamps.tolist()
        columns["temp_f"] += temperature.tolist()
        columns["hdd"] += np.round(np.clip(65 - temperature, 0, None) / 24, 4).tolist()
        columns["cdd"] += np.round(np.clip(temperature - 65, 0, None) / 24, 4).tolist()
        columns["wind_power_density"] += np.round(random.weibull(2, hours.size) * 280, 1).tolist()
        columns["solar_capacity_factor"] += np.round(np.where((local > 6) & (local < 18), sun, 0), 4).tolist()
        columns["normals"] += np.round(normal, 1).tolist()
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)
