"""What a budget costs a warm statement: `make bench-reserve`.

A worker holds leases of three accounts (of a user, a desk and a source) in SQLite. Timed is what each statement does on
its way: reserve of all three at once, and settle at its end. Neither asks the store.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from gateway.budgets.ledger import Ledger
from gateway.budgets.model import Want
from gateway.budgets.store import LedgerStore
from policies.budgets.model import Account, Budget, Whose, account_id

_DOLLAR = 10**9


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = asyncio.run(_measured(f"sqlite:///{Path(folder) / 'usage.db'}", options.rounds))
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    print(f"reserve_settle_p50_us={cuts[49]:.1f} reserve_settle_p99_us={cuts[98]:.1f} n={len(times)}")


async def _measured(url: str, rounds: int) -> list[float]:
    store = LedgerStore(url)
    ledger = Ledger(store, "bench")
    wants = [Want(_account(name), 1_000, 2_000, 3_000) for name in ("user", "desk", "source")]
    await ledger.reserve_slowly("first", [want._replace(high=_DOLLAR) for want in wants])
    ledger.release("first")
    times = []
    for number in range(rounds):
        query_id = f"q{number}"
        begun = time.perf_counter()
        reserved = ledger.reserve(query_id, wants)
        ledger.settle(query_id, 1_500, 0)
        times.append((time.perf_counter() - begun) * 1e6)
        if reserved is None:
            raise SystemExit("the leases did not suffice")
    await store.close()
    return times


def _account(name: str) -> Account:
    budget = Budget(name, Whose(), "all", "usd", "day", "UTC", 1_000_000 * _DOLLAR)
    now = time.time()
    return Account(account_id(budget, "all", "bench"), budget, "all", now - 60, now + 86_400, budget.hard)


if __name__ == "__main__":
    main()
