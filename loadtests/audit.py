"""How long the walk over a million links takes, and what an append costs a batch: `make bench-audit`.

The store is SQLite in a folder of its own; with `--store` another, empty one.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from gateway.audit.chain import Chain
from gateway.audit.entries import Entry, entry
from gateway.audit.links import ChainKeys
from gateway.audit.reading import pages, reading
from gateway.audit.verify import verify
from gateway.recording.database import connect_engine
from gateway.recording.schema import migrate

_KEYS = ChainKeys.of([("bench", "a secret of more than thirty-two characters")])
_BATCH = 5_000
_RECORDERS_BATCH = 50


def _entries() -> Iterator[Entry]:
    """Yield entries as reads of two protected columns make them."""
    number = 0
    while True:
        detail = {
            "address": "10.0.0.7",
            "bytes": 123_456 + number,
            "clear": {"iceberg.trading.traders.email": ["pii.email"]},
            "denied": {},
            "ended": "FINISHED",
            "engine": "trino",
            "masked": {"iceberg.trading.traders.ssn": ["pii", "sensitive"]},
            "policy_version": "3f9c2f0e5a1b7d88",
            "rows": number,
            "sql_sha256": f"{number:064x}",
            "tables": ["iceberg.trading.traders"],
        }
        query = f"20260101_000000_{number:08d}_abcde"
        yield entry("read", actor=f"user{number % 97}", subject=query, detail=detail, entry_id=f"read:{query}")
        number += 1


async def _fill(url: str, links: int, made: Iterator[Entry]) -> None:
    engine, chain = connect_engine(url), Chain(_KEYS)
    for start in range(0, links, _BATCH):
        async with engine.begin() as connection:
            appended = await chain.append(connection, list(islice(made, min(_BATCH, links - start))))
        chain.committed(appended)
    await engine.dispose()


async def _append_ms(url: str, made: Iterator[Entry], rounds: int = 50) -> float:
    """Return the middle time of appending a recorder's batch to the full chain, its transaction included."""
    engine, chain, spent = connect_engine(url), Chain(_KEYS), []
    for _ in range(rounds):
        batch = list(islice(made, _RECORDERS_BATCH))
        began = time.perf_counter()
        async with engine.begin() as connection:
            appended = await chain.append(connection, batch)
        chain.committed(appended)
        spent.append((time.perf_counter() - began) * 1000)
    await engine.dispose()
    return statistics.median(spent)


async def _measure(url: str, links: int) -> int:
    await migrate(url)
    made = _entries()
    began = time.perf_counter()
    await _fill(url, links, made)
    print(f"filled with {links:,} links in {time.perf_counter() - began:.1f} s", flush=True)
    append_ms = await _append_ms(url, made)
    began, worked = time.perf_counter(), time.process_time()
    async with reading(url) as connection:
        report = await verify(pages(connection), _KEYS)
    seconds, worked = time.perf_counter() - began, time.process_time() - worked
    if not report.intact:
        print(f"the chain is not intact: {report.faults[0].text}")
        return 1
    print(f"links={report.links} verify_s={seconds:.1f} verify_cpu_s={worked:.1f} append_50_ms={append_ms:.2f}")
    return 0


def main() -> int:
    """Run the benchmark; its last line has the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=1_000_000)
    parser.add_argument("--store", help="the address of an empty store")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(options.store or f"sqlite:///{Path(folder) / 'audit.db'}", options.links))


if __name__ == "__main__":
    sys.exit(main())
