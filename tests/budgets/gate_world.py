"""A gate over a real ledger in SQLite, policies written in a test, and statements with any estimate."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from catalog.statistics import Interval
from gateway.audit.entries import Entry
from gateway.billing.price_book import Rate, rate_of
from gateway.budgets.gate import Gate, GatePorts
from gateway.budgets.ledger import Ledger
from gateway.budgets.overrides import Override
from gateway.budgets.store import LedgerStore
from gateway.events import Event
from gateway.models import Plan, Planned
from gateway.protocols.trino.ports import Ended
from gateway.received import Principal, Received, Session
from gateway.recording.schema import migrate
from gateway.usage_record import Charge
from policies.cost.estimate import Estimate, Widest
from policies.index import PolicySet
from tests.policies.asking import load

MB = 10**6
FIVE_DOLLARS: Rate = rate_of("default", Decimal("5.00"))


def estimate(
    size: tuple[float, float, float],
    rows: tuple[float, float, float] = (0, 0, 0),
    *,
    fix: str = "",
    seconds: float = 1.0,
) -> Estimate:
    """Return an estimate of so many bytes and rows, at five dollars a terabyte."""
    nano = Interval(*(each * 5e9 / 1e12 for each in size))
    widest = Widest(Interval(*rows), "the join of orders and lineitem" if fix else "", fix)
    span = Interval(seconds, seconds, seconds)
    return Estimate("upper bound", Interval(*size), widest, span, nano, (), "lake", "default", "manifest, snapshot 1")


@dataclass(slots=True)
class GateWorld:
    """What a test asks the gate, and what the gate told."""

    gate: Gate
    ledger: Ledger
    policies: Callable[[PolicySet], None]
    noted: list[Entry] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    _number: int = 0

    async def ask(
        self,
        found: Estimate | None,
        user: str = "ann",
        *,
        fingerprint: str = "f1",
        plan: Plan | None = None,
        **who: str,
    ) -> tuple[str, Planned]:
        """Admit a statement; return its id and its plan with warnings. Raises Refusal."""
        self._number += 1
        query_id = f"q{self._number}"
        attributes = tuple((name, value) for name, value in who.items() if name in ("desk",))
        principal = Principal(user, who.get("authenticated", user), frozenset({"reader"}), attributes)
        received = Received(query_id, "SELECT 1", principal, Session(source=who.get("source")), time.time())
        made = plan or Plan(kind="SELECT", route="engine", engine="lake", sql="SELECT 1", fingerprint=fingerprint)
        return query_id, await self.gate.admit(Planned(made, estimate=found), received)

    def end(self, query_id: str, size: int) -> Sequence[Charge]:
        """End a statement that read so many bytes."""
        principal = Principal("ann", "ann")
        received = Received(query_id, "SELECT 1", principal, Session(), time.time())
        ended = Ended(received, None, "FINISHED", True, 0, 0, size, 1.0, None, "lake")
        charges = self.ledger.settle(query_id, size * 5 // 1000, size)
        self.gate.noted(ended, None)
        return charges


_EMPTY: list[bytes] = []


async def _empty_store(folder: Path) -> bytes:
    """Return a database with the store's tables: made once, for that takes longer than a test."""
    if not _EMPTY:
        await migrate(f"sqlite:///{folder / 'empty.db'}")
        with closing(sqlite3.connect(folder / "empty.db")) as made:
            _EMPTY.append(made.serialize())
    return _EMPTY[0]


@asynccontextmanager
async def gate_world(
    folder: Path,
    text: str,
    overrides: Sequence[Override] = (),
    overrun: float = 0.0,
    *,
    store_url: str = "",
    **ports: object,
) -> AsyncIterator[GateWorld]:
    """Open a gate under policies."""
    current = [load(text)]
    (folder / "ledger.db").write_bytes(await _empty_store(folder))
    store = LedgerStore(store_url or f"sqlite:///{folder / 'ledger.db'}")
    ledger = Ledger(store, "worker")
    noted: list[Entry] = []
    told: list[Event] = []

    def put(policies: PolicySet) -> None:
        current[0] = policies

    made = GatePorts(
        policies=lambda: current[0],
        ledger=ledger,
        rate_of=lambda _, __: FIVE_DOLLARS,
        overrides=lambda: tuple(overrides),
        note=noted.append,
        publish=told.append,
        **ports,  # type: ignore[arg-type]  # the words of a test
    )
    try:
        yield GateWorld(Gate(made, overrun), ledger, put, noted, told)
    finally:
        await store.close()
