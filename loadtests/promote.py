"""How soon a changeset acts on every replica: `make bench-promote`.

Three gateways stand over one Postgres and one small lake. Changesets that show a reader one row or the other are
promoted one after the other; each replica is asked again and again from the moment of the answer on, until it shows the
new row. `promote_...` is the time of the last of the three, the asking included, and `answer_...` is how long the
promote itself took. `unannounced_...` is the same where nobody tells the replicas, and they find it in the store.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.policy_store.store import PolicyStore
from loadtests.replicas import POLICIES, TABLE, Admin, said, three_replicas

_READER, _LATEST_SECONDS = "reader", 60.0
_ROWS = ("CAISO", "MISO")
_CHANGESETS = "/api/v1/changesets"


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="promotions that are announced")
    parser.add_argument("--unannounced", type=int, default=30, help="changes that nobody tells the replicas of")
    parser.add_argument("--policies", type=int, default=0, help="so many further grants in the policy file")
    options = parser.parse_args()
    with three_replicas(_policies(options.policies)) as replicas:
        steward = Admin(replicas.admins[0])
        doors = [_Door(door) for door in replicas.doors]
        print(f"promoting {options.rounds} changesets, seen from 3 replicas ...", flush=True)
        answers: list[float] = []
        told = [_round(doors, n, lambda n: _promote(steward, n, answers)) for n in range(options.rounds)]
        quiet = [
            _round(doors, n, lambda n: asyncio.run(_unannounced(replicas.store, n)))
            for n in range(options.rounds, options.rounds + options.unannounced)
        ]
    answer = f"answer_p50_ms={statistics.median(answers):.0f}"
    unannounced = f" {said('unannounced', quiet)}" if quiet else ""
    print(f"{said('promote', told)} {answer}{unannounced} n={len(told)}")


def _policies(further: int) -> str:
    grants = "".join(f"  - {{id: g{n}, roles: [reader], assets: a.b.c{n}, allow: [read]}}\n" for n in range(further))
    text = POLICIES.replace("{admin: ,", "{admin: , reader: ,").replace(
        "users: {", "users: {reader: {roles: [reader]}, "
    )
    read = '{id: read, roles: [reader], assets: "lake.*", allow: [read]}'
    return text.replace("grants: [", f"grants:\n  - {read}\n{grants}  - ").replace(
        "}]\nadministration", "}\nadministration"
    )


def _entry(number: int) -> dict[str, Any]:
    condition = f"iso = '{_ROWS[number % 2]}'"
    return {"id": "shown", "table": TABLE, "roles": ["reader"], "filter": condition}


def _promote(steward: Admin, number: int, answers: list[float]) -> None:
    edit = {"op": "put", "section": "row_filters", "entry": _entry(number)}
    made = steward.call("POST", _CHANGESETS, {"title": f"round {number}", "edits": [edit]})
    begun = time.perf_counter()
    steward.call("POST", f"{_CHANGESETS}/{made['id']}/promote", etag='"1"')
    answers.append((time.perf_counter() - begun) * 1000)


async def _unannounced(store: str, number: int) -> None:
    found = PolicyStore(store)
    try:
        (before,) = [each for each in await found.live() if each.name == "governed"]
        text = json.dumps({"version": 1, "row_filters": [_entry(number)]})
        await found.replace("governed", before.version, text, author="bench", note="unannounced")
    finally:
        await found.close()


def _round(doors: Sequence[_Door], number: int, change: Callable[[int], None]) -> float:
    """Return after how many milliseconds the last replica showed what a change lets the reader see."""
    change(number)
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(doors)) as pool:
        ends = list(pool.map(lambda door: door.until(_ROWS[number % 2]), doors))
    return (max(ends) - begun) * 1000


class _Door:
    """One replica's Trino endpoint, asked as the reader."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def until(self, shown: str) -> float:
        """Ask until the one row is shown; return when that was."""
        deadline = time.perf_counter() + _LATEST_SECONDS
        while self._rows() != [[shown]]:
            if time.perf_counter() > deadline:
                raise SystemExit("a replica did not follow")
            time.sleep(0.002)
        return time.perf_counter()

    def _rows(self) -> list[list[object]]:
        rows: list[list[object]] = []
        answer = self._ask("POST", "/v1/statement", f"SELECT iso FROM {TABLE}")
        while "error" not in answer:
            rows += answer.get("data", [])
            if "nextUri" not in answer:
                break
            answer = self._ask("GET", answer["nextUri"].split("/", 3)[3].join(("/", "")))
        return rows

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        self._connection.request(method, path, body, {"X-Trino-User": _READER})
        return dict(json.loads(self._connection.getresponse().read()))


if __name__ == "__main__":
    main()
