"""Whether budgets hold: `make budget-storm`.

Waves of 200 statements at once, each against a budget that suffices for 50, on three gateways over one Postgres and on
one gateway of two workers over SQLite. In the midst of waves a gateway, or a worker, is killed and started again. At
the end what was spent of each account is compared with its limit and with the rows of its statements.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from gateway.demo.postgres import start_postgres
from loadtests.budget_storm.arena import Scale, contend, make_lake, price_of_one
from loadtests.budget_storm.servers import Server


def main() -> None:
    """Run both storms and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--statements", type=int, default=200, help="sent at once in each wave")
    parser.add_argument("--affordable", type=int, default=50, help="for how many of them the budget suffices")
    options = parser.parse_args()
    begun = time.monotonic()
    scale = Scale(options.statements, options.affordable)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as somebody else
        lake = make_lake(folder / "lake")
        price = price_of_one(folder, lake)
        postgres = stack.enter_context(start_postgres(folder / "postgres", lambda _: None))
        postgres.create_database("storm")
        print("three gateways over one Postgres:", flush=True)
        books, sent = contend(folder / "three", lake, postgres.url("storm"), price, scale, _kill_one, 3, 1)
        print("one gateway of two workers over SQLite:", flush=True)
        store = f"sqlite:///{folder / 'usage.db'}"
        more, others = contend(
            folder / "two", lake, store, price, Scale(scale.statements, scale.affordable, 2), _kill_worker, 1, 2
        )
    books += more
    print(f"{time.monotonic() - begun:.0f} s")
    figures = f"overspend_cents={books.overspend_cents} settled_twice={books.settled_twice} lost={books.lost}"
    print(f"{figures} n={sent + others}")


def _kill_one(servers: Sequence[Server], number: int) -> Server:
    dead = servers[number % len(servers)]
    dead.kill()
    return dead


def _kill_worker(servers: Sequence[Server], _: int) -> None:
    servers[0].kill_worker()


if __name__ == "__main__":
    main()
