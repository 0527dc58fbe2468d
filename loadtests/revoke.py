"""How soon a revocation acts on every replica: `make bench-revoke`.

Three gateways stand over one Postgres and one small lake. Of each entitlement that is revoked, each replica is asked
again and again from the moment of DELETE's answer on, until it refuses. `revoke_...` is the time of the last of the
three. `unannounced_...` is the same where nobody tells the replicas, and they find it in the store by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.partners.changes import revoke
from gateway.partners.store import PartnerStore
from loadtests.replicas import TABLE, Admin, said, three_replicas

_PARTNER = "acme-corp"
_LATEST_SECONDS = 60.0


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="revocations that are announced")
    parser.add_argument("--unannounced", type=int, default=30, help="revocations that nobody tells the replicas of")
    options = parser.parse_args()
    with three_replicas() as replicas:
        steward = Admin(replicas.admins[0])
        steward.call("POST", "/partners/", {"partner_id": _PARTNER, "organization": "ACME Trading", "rate": 1_000_000})
        doors = [_Door(door) for door in replicas.doors]
        print(f"revoking {options.rounds} times, seen from 3 replicas ...", flush=True)
        told = [
            _round(steward, doors, lambda key: steward.call("DELETE", f"/entitlements/{key}"))
            for _ in range(options.rounds)
        ]
        quiet = [
            _round(steward, doors, lambda key: _unannounced(replicas.store, key)) for _ in range(options.unannounced)
        ]
    print(f"{said('revoke', told)} {said('unannounced', quiet)} n={len(told)}")


def _round(steward: Admin, doors: Sequence[_Door], take_back: Callable[[str], object]) -> float:
    """Return after how many milliseconds the last replica refused what one entitlement gave."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    body = {"partner_id": _PARTNER, "dataset_name": "prices", "scope": "read_only", "expires_at": end}
    entitlement = steward.call("POST", "/entitlements/", body)["id"]
    with ThreadPoolExecutor(len(doors)) as pool:
        list(pool.map(lambda door: door.until(True), doors))
        take_back(entitlement)
        begun = time.perf_counter()
        ends: list[float] = list(pool.map(lambda door: door.until(False), doors))
    return (max(ends) - begun) * 1000


def _unannounced(store: str, entitlement: str) -> None:
    async def take_back() -> None:
        registry = PartnerStore(store)
        await registry.change(revoke(entitlement, "root"))
        await registry.close()

    asyncio.run(take_back())


class _Door:
    """One replica's Trino endpoint, asked as the partner."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def until(self, served: bool) -> float:
        """Ask until the partner is served, or is not; return when that was."""
        deadline = time.perf_counter() + _LATEST_SECONDS
        while self._served() is not served:
            if time.perf_counter() > deadline:
                raise SystemExit("a replica did not follow")
            time.sleep(0.002)
        return time.perf_counter()

    def _served(self) -> bool:
        answer = self._ask("POST", "/v1/statement", f"SELECT * FROM {TABLE}")
        while "nextUri" in answer and "error" not in answer:
            answer = self._ask("GET", answer["nextUri"].split("/", 3)[3].join(("/", "")))
        return "error" not in answer

    def _ask(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        self._connection.request(method, path, body, {"X-Trino-User": _PARTNER})
        return dict(json.loads(self._connection.getresponse().read()))


if __name__ == "__main__":
    main()
