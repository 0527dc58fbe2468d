"""`make bench-api`: how long reads of the admin API take with 10,000 policies and 1,000 partners.

For each store, SQLite and Postgres, one gateway stands over a small lake. Three readers, each with a connection of his
own, ask every list and single thing in turn, at pages all over the lists, while somebody runs statements at the
protocol's port. The first line of a store shows the slowest kinds of reads; the second is for machines.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from catalog.objects import TableName
from gateway.demo.postgres import start_postgres
from gateway.partners.changes import grant, register
from gateway.partners.model import EntitlementRecord, PartnerRecord
from gateway.partners.store import PartnerStore
from gateway.recording.schema import migrate
from loadtests.replicas import POLICIES, TABLE, Admin, one_gateway, small_lake

READERS, ROLES = 3, 200
Times = Mapping[str, Sequence[float]]


def main() -> None:
    """Measure and print; the last line of each store is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=10_000)
    parser.add_argument("--partners", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=60, help="of every kind of read, by each reader")
    parser.add_argument("--store", choices=("sqlite", "postgresql", "both"), default="both")
    options = parser.parse_args()
    for store in ("sqlite", "postgresql") if options.store == "both" else (options.store,):
        with _gateway(store, written(options.policies), options.partners) as (door, admin):
            times = _measure(door, admin, options)
        _print(store, times, options)


def written(count: int) -> str:
    """Write a policy file of so many rules: half grants, a quarter filters, a quarter masks."""
    roles = "".join(f", r{n}: " for n in range(ROLES))
    parts: dict[str, list[str]] = {"grants": [], "row_filters": [], "column_masks": []}
    for n in range(count // 4):
        table, role = f"lake.s{n % 100}.t{n}", f"r{n % ROLES}"
        parts["grants"] += [
            f"{{id: a{n}, roles: [{role}], assets: {table}, allow: [read]}}",
            f"{{id: d{n}, roles: [{role}], assets: {table}, deny: [select], when: {{region: [EU]}}}}",
        ]
        parts["row_filters"] += [f"{{id: f{n}, roles: [{role}], table: {table}, filter: desk = attr('desk')}}"]
        parts["column_masks"] += [f"{{id: m{n}, roles: [{role}], table: {table}, column: mail, mask: redact}}"]
    text = POLICIES.replace("partner: }", f"partner: {roles}}}")
    head = '{id: all, roles: [admin], assets: "*", allow: [all]}'
    text = text.replace(f"grants: [{head}]\n", "")
    parts["grants"].insert(0, head)
    return text + "".join(f"{name}:\n" + "".join(f"  - {each}\n" for each in its) for name, its in parts.items())


@contextmanager
def _gateway(store: str, policies: str, partners: int) -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # Postgres runs as somebody else
        url = f"sqlite:///{folder / 'store.db'}"
        if store == "postgresql":
            postgres = stack.enter_context(start_postgres(folder / "postgres", lambda text: None))
            postgres.create_database("bench")
            url = postgres.url("bench")
        asyncio.run(share(url, partners))
        yield stack.enter_context(one_gateway(folder / "gateway", url, small_lake(folder / "lake"), policies))


async def share(url: str, count: int) -> None:
    """Register partners in a store of no gateway's yet, each with an entitlement; whole changes, entries and all."""
    await migrate(url)
    registry, now = PartnerStore(url), time.time()
    try:
        for number in range(count):
            name = f"partner-{number:05}"
            who = PartnerRecord(name, f"Company {number}", None, None, "active", now, "bench", now, 1)
            await registry.change(register(who))
            terms = (None, None, (), None, now, now + 1e8, "open", now, "bench", now, "bench", 1)
            granted = EntitlementRecord(str(uuid4()), name, TableName(*TABLE.split(".")), "read_only", *terms)
            await registry.change(grant(granted))
    finally:
        await registry.close()


def _measure(door: int, admin: int, options: argparse.Namespace) -> Times:
    """Return the milliseconds of each kind of read."""
    over = threading.Event()
    beside = threading.Thread(target=_statements, args=(door, over))
    beside.start()
    try:
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda seed: _read(admin, options, seed), range(READERS)))
    finally:
        over.set()
        beside.join()
    return {name: [ms for each in found for ms in each[name]] for name in found[0]}


def _read(admin: int, options: argparse.Namespace, seed: int) -> Times:
    reader, chance = Admin(admin), random.Random(seed)
    times: defaultdict[str, list[float]] = defaultdict(list)
    cursors: defaultdict[str, list[str]] = defaultdict(list)
    for name, path in itertools.chain.from_iterable(_reads(chance, options) for _ in range(options.rounds)):
        known = cursors[name]
        at = f"&after={chance.choice(known)}" if known and chance.random() < 0.8 else ""
        begun = time.perf_counter()
        answer = reader.call("GET", path + at)
        times[name].append((time.perf_counter() - begun) * 1000)
        if answer.get("next"):
            known.append(answer["next"])
    return times


def _reads(chance: random.Random, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield one read of every kind."""
    rule, partner = chance.randrange(options.policies // 4), f"partner-{chance.randrange(options.partners):05}"
    yield from (
        ("me", "/api/v1/me"),
        ("policies", "/api/v1/policies?limit=100"),
        ("policies of a kind", "/api/v1/policies/row_filters?limit=100"),
        ("policies of a principal", f"/api/v1/policies?limit=100&principal=role:r{rule % ROLES}"),
        ("policies of a table", f"/api/v1/policies?limit=100&table=lake.s{rule % 100}.t{rule}"),
        ("a policy", f"/api/v1/policies/grants/a{rule}"),
        ("documents", "/api/v1/documents?limit=100"),
        ("changesets", "/api/v1/changesets?limit=100"),
        ("partners", "/partners/?limit=100"),
        ("a partner", f"/partners/{partner}"),
        ("entitlements", "/entitlements/?limit=100"),
        ("a partner's entitlements", f"/entitlements/?limit=100&partner_id={partner}"),
        ("tokens", "/tokens/?limit=100"),
        ("usage", f"/usage?partner_id={partner}"),
        ("audit", "/api/v1/audit?limit=100"),
        ("audit of a kind", "/api/v1/audit?limit=100&kind=partner.change"),
    )


def _statements(door: int, over: threading.Event) -> None:
    """Run statements, one after the other, until it is over."""
    connection = http.client.HTTPConnection("127.0.0.1", door, timeout=30)
    headers = {"X-Trino-User": "root"}
    number = 0
    while not over.is_set():
        number += 1
        page = _asked(connection, "POST", "/v1/statement", headers, f"SELECT price + {number} FROM {TABLE}")
        while "nextUri" in page:
            page = _asked(connection, "GET", page["nextUri"].partition(f":{door}")[2], headers)
        if "error" in page:
            raise SystemExit(page["error"])


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: str | None = None
) -> dict[str, Any]:
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    return dict(json.loads(answer.read()))


def _print(store: str, times: Times, options: argparse.Namespace) -> None:
    def p95(values: Sequence[float]) -> float:
        return statistics.quantiles(values, n=20, method="inclusive")[18]

    every = [ms for values in times.values() for ms in values]
    slowest = sorted(((p95(values), name) for name, values in times.items()), reverse=True)
    told = [f"{name} {ms:.1f}" for ms, name in slowest]
    print(f"{store}: p95 in ms: {', '.join(told)}", flush=True)
    figures = f"read_p50_ms={statistics.median(every):.1f} read_p95_ms={p95(every):.1f}"
    print(f"{figures} policies={options.policies} partners={options.partners} n={len(every)} store={store}", flush=True)


if __name__ == "__main__":
    main()
