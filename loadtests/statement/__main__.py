"""`make bench-statement`: direct, through a plain relay and through the gateway, in turns, over keep-alive sockets.

The gateway runs as it would in production: a bearer token to verify, a plan from the cache, a row filter and a mask in
it, every statement recorded. Noise cancels out because each round asks every side once; the plain relay says how fast
the machine is at the time, as milliseconds alone do not.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from loadtests.statement.client import Client
from loadtests.statement.processes import gateway, plain_relay, stub_coordinator, token

SQL = b"SELECT trade_id, desk, trader_id, price FROM lake.trading.trades WHERE price > 10 ORDER BY trade_id LIMIT 100"
USER = ("X-Trino-User", "trader1")


class Taken(NamedTuple):
    """Milliseconds of each statement, by the three ways."""

    direct: list[float]
    relayed: list[float]
    governed: list[float]


def measure(rounds: int, warm_up: int, profile: Path | None) -> Taken:
    """Ask by the three ways in turns, over one connection each."""
    taken = Taken([], [], [])
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        engine_port = stack.enter_context(stub_coordinator())
        relay_port = stack.enter_context(plain_relay(engine_port))
        measured = stack.enter_context(gateway(Path(folder), engine_port, profile=profile))
        bearer = (USER, ("X-Trino-Source", "bench"), ("Authorization", f"Bearer {token()}"))
        ways = ((engine_port, (USER,)), (relay_port, (USER,)), (measured.port, bearer))
        clients = [stack.enter_context(closing(Client(port, headers))) for port, headers in ways]
        for number in range(warm_up + rounds):
            answers = [client.statement(SQL) for client in clients]
            if len({asked for _, asked, _ in answers}) > 1 or any(b"CAISO" not in page for _, _, page in answers):
                raise SystemExit(f"the ways answer differently: {[page[:400] for _, _, page in answers]!r}")
            if number >= warm_up:
                for times, (took, _, _) in zip(taken, answers, strict=True):
                    times.append(took)
        print(f"{rounds} statements of {answers[0].requests} requests, a page of {len(answers[0].page)} bytes")
    return taken


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
    direct, relayed, governed = (
        quantiles(times) for times in measure(options.rounds, options.warm_up, options.profile)
    )
    for name, a, b, c in zip(("p50", "p95", "p99"), direct, relayed, governed, strict=True):
        print(f"{name}: direct {a:.3f} ms, through a plain relay of aiohttp {b:.3f} ms, through the gateway {c:.3f} ms")
    added = [c - a for a, c in zip(direct, governed, strict=True)]
    plain = relayed[0] - direct[0]
    print(f"a plain relay adds {plain:.2f} ms at p50; the gateway {added[0] / plain:.2f} times that")
    print(f"added_p50_ms={added[0]:.2f} added_p95_ms={added[1]:.2f} added_p99_ms={added[2]:.2f}")


if __name__ == "__main__":
    main()
