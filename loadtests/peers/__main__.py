"""`make bench-peers`: what nginx, trino-gateway 20 and Penstock each add, in one run against one stub coordinator.

Times: one client over a keep-alive connection asks every side in turns (POST and 2 GETs, a 1 kB page), and what is
added is a quantile of a side less the same quantile of direct. Rates: wrk with 32 connections, side by side one after
the other, polls of long statements and POSTs; the best of the rounds, since others use the machine as well.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.peers.nginx import Nginx, proxy, running
from loadtests.peers.rates import Headers, polls_per_second, posts_per_second
from loadtests.peers.stub import stub
from loadtests.peers.tools import Tool, program
from loadtests.peers.trino_gateway import trino_gateway
from loadtests.relay.gateway import Memory
from loadtests.statement.__main__ import SQL, quantiles
from loadtests.statement.client import Client
from loadtests.statement.processes import gateway, token

OPEN = Path(__file__).with_name("open.yaml")
USER: Headers = (("X-Trino-User", "trader1"),)


@dataclass(slots=True)
class Side:
    """One way to the stub, and what was measured of it."""

    name: str
    port: int
    headers: Headers = USER
    pid: int | None = None
    times: list[float] = field(default_factory=list)
    polls: float = 0.0
    posts: float = 0.0
    memory: float = 0.0


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, help="statements a side")
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement of a rate")
    parser.add_argument("--repeat", type=int, default=3, help="measurements of each rate")
    options = parser.parse_args()
    nginx, wrk = program("nginx"), program("wrk", "libluajit-5.1-2")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as somebody else
        sides = _sides(stack, folder, nginx)
        print(f"asking {options.rounds} statements of each of {len(sides)} sides ...", flush=True)
        _measure_times(sides, options.rounds)
        _measure_rates(sides, wrk, options.seconds, options.repeat)
        for side in sides:
            side.memory = Memory(side.pid).now() if side.pid is not None else 0.0
    _print(sides)


def _sides(stack: ExitStack, folder: Path, nginx: Nginx) -> list[Side]:
    """Start everything; the stub alone comes first."""
    backend = stack.enter_context(stub(nginx, folder / "stub"))
    bearer: Headers = (*USER, ("Authorization", f"Bearer {token()}"))
    passed = stack.enter_context(running(nginx, folder / "nginx", proxy(backend)))
    twice = stack.enter_context(running(nginx, folder / "nginx-2", proxy(backend), workers=2))
    theirs, their_pid = stack.enter_context(trino_gateway(folder / "trino-gateway", backend))
    sides = [Side("direct", backend), Side("nginx", passed), Side("nginx, 2 workers", twice)]
    sides.append(Side("trino-gateway", theirs, USER, their_pid))
    for name, policies, workers in (
        ("penstock", None, 1),
        ("penstock, no policies", OPEN, 1),
        ("penstock, 2 workers", None, 2),
    ):
        place = folder / f"penstock-{len(sides)}"
        chosen = {} if policies is None else {"policies": policies}
        ours = stack.enter_context(gateway(place, backend, workers=workers, **chosen))
        sides.append(Side(name, ours.port, bearer, ours.pid))
    return sides


def _measure_times(sides: list[Side], rounds: int) -> None:
    clients = [Client(side.port, side.headers) for side in sides]
    for number in range(rounds + rounds // 2):
        for side, client in zip(sides, clients, strict=True):
            took, asked, page = client.statement(SQL)
            if asked != 3 or b'"error"' in page or b"CAISO" not in page:
                raise SystemExit(f"{side.name} answers something else: {page[:1000]!r}")
            if number >= rounds // 2:
                side.times.append(took)
    for client in clients:
        client.close()


def _measure_rates(sides: list[Side], wrk: Tool, seconds: float, repeat: int) -> None:
    for _ in range(repeat):
        for side in sides:
            print(f"polls and POSTs of {side.name} ...", flush=True)
            side.polls = max(side.polls, polls_per_second(wrk, side.port, SQL, side.headers, seconds))
            side.posts = max(side.posts, posts_per_second(wrk, side.port, SQL, side.headers, seconds))


def _print(sides: list[Side]) -> None:
    base = quantiles(sides[0].times)
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{len(sides[0].times)} statements a side, {os.cpu_count()} cores, load {load}")
    print(f"{'added, ms':<24}{'p50':>8}{'p95':>8}{'p99':>8}{'polls/s':>10}{'POSTs/s':>10}{'MB':>8}")
    added = {}
    for side in sides:
        added[side.name] = [mine - its for mine, its in zip(quantiles(side.times), base, strict=True)]
        times = "".join(f"{value:>8.2f}" for value in added[side.name])
        memory = f"{side.memory:>8.0f}" if side.memory else f"{'':>8}"
        print(f"{side.name:<24}{times}{side.polls:>10,.0f}{side.posts:>10,.0f}{memory}")
    named = {side.name: side for side in sides}
    ours, theirs = named["penstock"], named["trino-gateway"]
    for side in (named["nginx"], named["nginx, 2 workers"], ours, named["penstock, 2 workers"]):
        polls, posts = side.polls / theirs.polls, side.posts / theirs.posts
        print(f"{side.name}: {polls:.1f} times trino-gateway's polls, {posts:.1f} times its POSTs")
    print(
        f"penstock_added_p50_ms={added['penstock'][0]:.2f} "
        f"trino_gateway_added_p50_ms={added['trino-gateway'][0]:.2f} penstock_polls_per_s={ours.polls:.0f} "
        f"nginx_polls_per_s={named['nginx'].polls:.0f} trino_gateway_polls_per_s={theirs.polls:.0f}"
    )


if __name__ == "__main__":
    main()
