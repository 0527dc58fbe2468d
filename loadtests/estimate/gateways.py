"""Run statements through a gateway as clients do, and read what its usage rows say of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trino.dbapi import connect
from trino.exceptions import Error

from loadtests.estimate.figures import Outcome, outcome_of
from loadtests.estimate.queries import Asked
from loadtests.replicas import one_gateway

_POLICIES = """\
version: 1
roles: {reader: }
users: {reader: {roles: [reader]}}
grants: [{id: all, roles: [reader], assets: "*", allow: [read]}]
"""
_PRICING = {"question_seconds": 30}
"""That a machine is busy with other things says nothing of estimates."""
_ROWS_SECONDS = _ANSWER_SECONDS = 600.0
_LEARN_SECONDS = 1.5
"""What was read counts for estimates a second later."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs, and its store."""

    port: int
    store: Path

    def run(self, number: int, asked: Iterable[Asked], catalog: str) -> int:
        """Run statements to their end, each once, under the number of a run; return how many."""
        count = 0
        for each in asked:
            count += 1
            with closing(connect(
                host="127.0.0.1", port=self.port, user="reader", source=f"{number}|{each.name}", catalog=catalog,
                schema=each.schema, request_timeout=_ANSWER_SECONDS,
            )) as connection, closing(connection.cursor()) as cursor:  # fmt: skip
                try:
                    cursor.execute(each.sql)
                    while cursor.fetchmany(1000):
                        pass
                except Error:
                    continue  # its row says why
        time.sleep(_LEARN_SECONDS)
        return count

    def outcomes(self, count: int) -> list[Outcome]:
        """Return what the rows of so many statements say, once they are in the store."""
        deadline = time.monotonic() + _ROWS_SECONDS
        query = "SELECT source, engine, outcome, error_code, priced, scanned_bytes FROM penstock_usage"
        while True:
            with closing(sqlite3.connect(self.store)) as store:
                rows = store.execute(f"{query} WHERE source LIKE '%|%'").fetchall()
            if len(rows) >= count:
                return [outcome_of(*row) for row in rows]
            if time.monotonic() > deadline:
                raise SystemExit(f"{len(rows)} of {count} statements are in the store")
            time.sleep(0.2)


@contextmanager
def gateway(folder: Path, engine: dict[str, Any], policies: str = _POLICIES, **sections: Any) -> Iterator[Gateway]:
    """Run a gateway over an engine, with a fresh store, so that nothing is known of estimates.

    `sections` are further ones of its configuration.
    """
    folder.mkdir()
    store = folder / "usage.db"
    with one_gateway(folder / "gateway", f"sqlite:///{store}", engine, policies, pricing=_PRICING, **sections) as (
        door,
        _,
    ):
        yield Gateway(door, store)
