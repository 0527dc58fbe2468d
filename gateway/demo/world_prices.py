"""The demo's real-time prices: five-minute locational marginal prices with their three components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.demo.world_places import DAYS, EPOCH_START, SECONDS_A_DAY, SOLAR_HOUR_SHIFT, Node

INTERVAL_SECONDS = 300
INTERVALS = DAYS * SECONDS_A_DAY // INTERVAL_SECONDS
CORRECTED_DAYS = {"CAISO": (45, 47), "MISO": (51, 52), "SPP": (38, 41)}
"""Days (from, to; counted from the first) whose prices each market published again, days later."""

Cents = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Prices:
    """Hold one market's prices in cents, arrays of (node, interval); the price is the sum of the three."""

    energy: Cents
    congestion: Cents
    loss: Cents


def market_prices(iso: str, nodes: int, seed: int) -> Prices:
    """Make the final prices of one market.

    Energy has a daily shape, a slow random walk and rare spikes; in sunny CAISO hours and windy SPP nights it falls
    below zero. Congestion comes in episodes per node, losses are a share of energy.
    """
    market = sorted(SOLAR_HOUR_SHIFT).index(iso)
    random = np.random.default_rng([seed, 1, market])
    hour = (np.arange(INTERVALS) * INTERVAL_SECONDS / 3600 + SOLAR_HOUR_SHIFT[iso]) % 24
    base = {"CAISO": 36.0, "MISO": 31.0, "SPP": 26.0}[iso]
    evening = 14 * np.exp(-(((hour - 19) / 2.2) ** 2)) + 7 * np.exp(-(((hour - 8) / 1.8) ** 2))
    glut = (44 if iso == "CAISO" else 14) * np.exp(-(((hour - 12.5) / 2.5) ** 2))
    night_wind = (20 if iso == "SPP" else 4) * np.exp(-(((hour - 3) / 2.0) ** 2))
    walk = np.cumsum(random.normal(0, 0.35, INTERVALS))
    walk -= np.convolve(walk, np.ones(2016) / 2016, mode="same")
    spikes = np.where(random.random(INTERVALS) < 0.0015, random.pareto(2.0, INTERVALS) * 120, 0)
    energy = base + evening - glut - night_wind + walk + spikes + random.normal(0, 1.2, INTERVALS)
    shared = np.round(np.clip(energy, -150, 1000) * 100).astype(np.int64)
    factors = random.uniform(-0.04, 0.06, (nodes, 1))
    return Prices(
        energy=np.broadcast_to(shared, (nodes, INTERVALS)),
        congestion=_congestion(random, nodes),
        loss=np.round(shared * factors).astype(np.int64),
    )


def _congestion(random: np.random.Generator, nodes: int) -> Cents:
    """Draw episodes of some hours each, positive or negative, zero in between, with noise inside."""
    hours = INTERVALS // 12
    active = random.random((nodes, hours // 4)) < 0.18
    level = np.where(active, random.normal(0, 16, active.shape), 0)
    spread = np.repeat(level, 48, axis=1)
    noise = random.normal(1, 0.12, spread.shape)
    return np.round(spread * noise * 100).astype(np.int64)


def preliminary(final: Prices, iso: str, seed: int) -> Prices:
    """Give the prices as first published: final ones but on the corrected days, where congestion was off."""
    random = np.random.default_rng([seed, 3, sorted(SOLAR_HOUR_SHIFT).index(iso)])
    window = corrected_window(iso)
    congestion = final.congestion.copy()
    part = congestion[:, window]
    congestion[:, window] = part + np.round(random.normal(0, 250, part.shape)).astype(np.int64)
    return Prices(final.energy, congestion, final.loss)


def corrected_window(iso: str) -> slice:
    """Return the intervals of a market that were corrected."""
    first, last = CORRECTED_DAYS[iso]
    day = SECONDS_A_DAY // INTERVAL_SECONDS
    return slice(first * day, last * day)


def price_table(iso: str, nodes: list[Node], prices: Prices, window: slice, schema: pa.Schema) -> pa.Table:
    """Lay out the prices of some intervals as rows of `lmp_prices`, ordered by node, then time."""
    stamps = EPOCH_START + np.arange(INTERVALS)[window] * INTERVAL_SECONDS
    names = pa.DictionaryArray.from_arrays(
        np.repeat(np.arange(len(nodes), dtype=np.int32), stamps.size), [node.node_id for node in nodes]
    ).cast(pa.string())
    energy, congestion, loss = (
        np.ascontiguousarray(part[:, window]).ravel() for part in (prices.energy, prices.congestion, prices.loss)
    )
    columns = {
        "iso": pa.repeat(pa.scalar(iso), len(names)),
        "node_id": names,
        "interval_start_time": pa.array(np.tile(stamps * 1_000_000, len(nodes))).cast(
            schema.field("interval_start_time").type
        ),
        "lmp_price": _dollars(energy + congestion + loss, schema.field("lmp_price").type),
        "energy": _dollars(energy, schema.field("energy").type),
        "congestion": _dollars(congestion, schema.field("congestion").type),
        "loss": _dollars(loss, schema.field("loss").type),
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _dollars(cents: Cents, type_: pa.DataType) -> pa.Array:
    """Turn whole cents into decimals of scale 2 without passing through floats.

    A decimal128 is two little-endian 64-bit words; the upper one is the sign.
    """
    words = np.empty((cents.size, 2), dtype=np.int64)
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    return pa.Array.from_buffers(type_, cents.size, [None, pa.py_buffer(words)])
