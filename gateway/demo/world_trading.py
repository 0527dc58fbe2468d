"""The demo's trading book: traders with their (invented) personal data, trades and positions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa

from gateway.demo.world_places import DAYS, EPOCH_START, FIRST_DAY, SECONDS_A_DAY, Node

DESKS = ("CAISO", "MISO", "SPP")
TRADERS_A_DESK = 8
TRADES = 24_000
_FIRST = (
    "Ada",
    "Ben",
    "Carla",
    "Dev",
    "Elena",
    "Femi",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Keiko",
    "Liam",
    "Maya",
    "Nils",
    "Olga",
    "Pavel",
    "Quinn",
    "Rosa",
    "Sami",
    "Tara",
    "Umar",
    "Vera",
    "Wen",
    "Yara",
)
_LAST = (
    "Abbott",
    "Baker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Foster",
    "Garcia",
    "Haddad",
    "Ito",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Petrov",
    "Quist",
    "Rossi",
    "Silva",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Young",
)


@dataclass(frozen=True, slots=True)
class Trader:
    """Name a trader and the desk; trades refer to `trader_id`."""

    trader_id: str
    desk: str


def make_traders(seed: int, schema: pa.Schema) -> tuple[tuple[Trader, ...], pa.Table]:
    """Give the traders, and `traders` with personal data that can belong to nobody.

    Social security numbers begin with 9 (never issued), telephone numbers lie in the 555-01xx range kept for
    fiction, card numbers are of a test range with a right check digit, mail goes to example.com.
    """
    random = np.random.default_rng([seed, 4])
    traders, rows = [], []
    for number in range(len(DESKS) * TRADERS_A_DESK):
        trader = Trader(f"T{number + 1:03d}", DESKS[number % len(DESKS)])
        first, last = _FIRST[number], _LAST[(number * 5) % len(_LAST)]
        traders.append(trader)
        rows.append(
            {
                "trader_id": trader.trader_id,
                "name": f"{first} {last}",
                "email": f"{first}.{last}@example.com".lower(),
                "phone": f"+1-{random.integers(200, 990)}-555-01{number:02d}",
                "ssn": f"9{random.integers(0, 100):02d}-{random.integers(10, 50)}-{random.integers(1000, 9999)}",
                "card_number": _card_number(random),
                "desk": trader.desk,
            }
        )
    return tuple(traders), pa.Table.from_pylist(rows, schema=schema)


def _card_number(random: np.random.Generator) -> str:
    digits = [4, 0, 0, 0, 0, 0, *(int(digit) for digit in random.integers(0, 10, 9))]
    doubled = [digit if place % 2 else digit * 2 for place, digit in enumerate(digits)]
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return "".join(map(str, [*digits, -total % 10]))


def make_trades(traders: tuple[Trader, ...], nodes: tuple[Node, ...], seed: int, schema: pa.Schema) -> pa.Table:
    """Give `trades`: every desk trades at the nodes of its own market, in time order."""
    random = np.random.default_rng([seed, 5])
    seconds = np.sort(random.integers(0, DAYS * SECONDS_A_DAY, TRADES))
    who = random.integers(0, len(traders), TRADES)
    where = random.integers(0, len(nodes), TRADES)
    sides = random.choice(["BUY", "SELL"], TRADES)
    states = random.choice(["FILLED", "FILLED", "FILLED", "CONFIRMED", "CANCELLED"], TRADES)
    quantities = random.integers(1, 201, TRADES)
    cents = np.round(random.normal(32, 14, TRADES) * 100).astype(np.int64)
    at_desk = {desk: [node for node in nodes if node.iso == desk] for desk in DESKS}
    chosen = [traders[index] for index in who]
    columns: dict[str, list[object]] = {
        "trade_id": list(range(1, TRADES + 1)),
        "desk": [trader.desk for trader in chosen],
        "trader_id": [trader.trader_id for trader in chosen],
        "node_id": [
            at_desk[trader.desk][place % len(at_desk[trader.desk])].node_id
            for trader, place in zip(chosen, where.tolist(), strict=True)
        ],
        "side": sides.tolist(),
        "qty_mwh": [Decimal(quantity * 5).scaleb(-1) for quantity in quantities.tolist()],
        "price": [Decimal(price).scaleb(-2) for price in cents.tolist()],
        "trade_ts": ((EPOCH_START + seconds) * 1_000_000).tolist(),
        "status": states.tolist(),
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in schema}, schema=schema)


def make_positions(trades: pa.Table, schema: pa.Schema) -> pa.Table:
    """Give `positions`: what each desk holds at each node at the end of each week, from its filled trades."""
    held: dict[tuple[str, str], Decimal] = {}
    rows: list[dict[str, object]] = []
    remaining = iter(trades.to_pylist())
    trade = next(remaining, None)
    for week in range(7, DAYS + 1, 7):
        as_of = FIRST_DAY + timedelta(days=week)
        while trade is not None and trade["trade_ts"].date() < as_of:
            if trade["status"] != "CANCELLED":
                key = (trade["desk"], trade["node_id"])
                signed = trade["qty_mwh"] if trade["side"] == "BUY" else -trade["qty_mwh"]
                held[key] = held.get(key, Decimal(0)) + signed
            trade = next(remaining, None)
        rows += [
            {"desk": desk, "node_id": node, "qty_mwh": quantity, "as_of": as_of}
            for (desk, node), quantity in sorted(held.items())
        ]
    return pa.Table.from_pylist(
        [{"position_id": number, **row} for number, row in enumerate(rows, start=1)], schema=schema
    )
