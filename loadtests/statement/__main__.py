"""`make bench-statement`: direct against through the gateway, in turns, by one client over keep-alive sockets.

The gateway runs as it would in production: a bearer token to verify, a plan from the cache, a row filter and a mask in
it, every statement recorded. Two gateways' worth of noise cancels out because each round asks both sides once.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from loadtests.statement.client import Client
from loadtests.statement.processes import gateway, stub_coordinator, token

SQL = b"SELECT trade_id, desk, trader_id, price FROM lake.trading.trades WHERE price > 10 ORDER BY trade_id LIMIT 100"


def measure(rounds: int, warm_up: int, profile: Path | None) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each statement, direct and through the gateway."""
    with (
        tempfile.TemporaryDirectory() as folder,
        stub_coordinator() as engine_port,
        gateway(Path(folder), engine_port, profile=profile) as measured,
    ):
        near = Client(engine_port, (("X-Trino-User", "trader1"),))
        far = Client(
            measured.port,
            (("X-Trino-User", "trader1"), ("X-Trino-Source", "bench"), ("Authorization", f"Bearer {token()}")),
        )
        direct, through = [], []
        for number in range(warm_up + rounds):
            took_direct, asked_direct, page = near.statement(SQL)
            took_through, asked_through, governed = far.statement(SQL)
            if asked_direct != asked_through or b'"error"' in governed or b"CAISO" not in governed:
                raise SystemExit(f"the gateway answers something else: {governed[:1000]!r}")
            if number >= warm_up:
                direct.append(took_direct)
                through.append(took_through)
        print(f"{rounds} statements of {asked_through} requests, a page of {len(page)} bytes")
        near.close()
        far.close()
        return direct, through


def quantiles(times: list[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99."""
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[94], cuts[98]


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--warm-up", type=int, default=300)
    parser.add_argument("--profile", type=Path, help="write the gateway's cProfile figures here")
    options = parser.parse_args()
    direct, through = measure(options.rounds, options.warm_up, options.profile)
    near, far = quantiles(direct), quantiles(through)
    for name, a, b in zip(("p50", "p95", "p99"), near, far, strict=True):
        print(f"{name}: direct {a:.3f} ms, through the gateway {b:.3f} ms, ratio {b / a:.2f}")
    added = [b - a for a, b in zip(near, far, strict=True)]
    print(f"added_p50_ms={added[0]:.2f} added_p95_ms={added[1]:.2f} added_p99_ms={added[2]:.2f}")


if __name__ == "__main__":
    main()
