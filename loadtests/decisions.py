"""`make bench-decisions`: what a decision costs with few rules and with many, and how long a reload takes.

Policies are written as YAML and read as the gateway reads them. Of each five rules two are grants (one of them a
denial for a region), one is a row filter by the caller's desk, one a mask, and one a mask for a tag. A cold decision is
one about a table that was never asked for; a cached one is asked again. Times are those of the processor, so that
what else a shared machine does counts for less.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from catalog.objects import Column, Table, TableName
from catalog.types import BIGINT, VARCHAR
from gateway.collector import calm_collector
from gateway.policy_files import load_policy_files
from policies.decisions import Action, Subject
from policies.index import PolicySet

SIZES = (100, 10_000, 100_000)
ROLES, RULES_A_TABLE, ROUNDS = 200, 5, 7
COLUMNS = (*(Column(name, VARCHAR) for name in ("desk", "mail", "phone", "note")), Column("id", BIGINT))
WHO = Subject("ann", frozenset({"r0"}), (("desk", "CAISO"), ("region", "US")))


def policy(rules: int) -> str:
    """Write a policy of so many rules."""
    tables = rules // RULES_A_TABLE
    parts: dict[str, list[str]] = {"grants": [], "row_filters": [], "column_masks": [], "tags": []}
    for number in range(tables):
        role, table = f"r{number % ROLES}", name_of(number)
        parts["grants"] += [
            f"{{id: a{number}, roles: [{role}], assets: [{table}], allow: [read]}}",
            f"{{id: d{number}, roles: [{role}], assets: [{table}], deny: [select], when: {{region: [EU]}}}}",
        ]
        parts["row_filters"] += [f"{{id: f{number}, roles: [{role}], table: {table}, filter: desk = attr('desk')}}"]
        parts["column_masks"] += [
            f"{{id: m{number}, roles: [{role}], table: {table}, column: mail, mask: redact}}",
            f"{{id: t{number}, roles: [{role}], tag: pii.t{number}, mask: redact}}",
        ]
        parts["tags"] += [f"{{table: {table}, columns: {{phone: [pii.t{number}]}}}}"]
    roles = "roles: {" + ", ".join(f"r{number}: " for number in range(ROLES)) + "}\n"
    sections = (f"{name}:\n" + "".join(f"  - {entry}\n" for entry in entries) for name, entries in parts.items())
    return "version: 1\n" + roles + "".join(sections)


def name_of(number: int) -> TableName:
    """Name a table; every 200th is one that the caller may read."""
    return TableName("lake", f"s{number % 100}", f"t{number}")


def read(rules: int, folder: Path) -> tuple[PolicySet, float]:
    """Read a policy of so many rules; return it and the milliseconds that reading took, the best of three."""
    path = folder / f"{rules}.yaml"
    path.write_text(policy(rules), "utf-8")
    times, policies = [], None
    for _ in range(3 if rules <= 10_000 else 1):
        start = time.process_time()
        policies = load_policy_files([path])
        times.append((time.process_time() - start) * 1000)
    if policies is None:
        raise SystemExit("nothing was read")
    return policies, min(times)


def microseconds(work: Callable[[], object], calls: int, before: Callable[[], None]) -> float:
    """Return the microseconds of one call, the middle of several rounds."""
    times = []
    for _ in range(ROUNDS):
        before()
        start = time.process_time()
        work()
        times.append((time.process_time() - start) * 1_000_000 / calls)
    return statistics.median(times)


def measure(policies: PolicySet, rules: int) -> tuple[float, float]:
    """Return what a cold and a cached decision cost."""
    readable = [Table(name_of(n), COLUMNS, "lake") for n in range(0, rules // RULES_A_TABLE, ROLES)]
    tables = [Table(table.name, COLUMNS, "lake") for table in (readable * 200)[:200]]

    def decide() -> None:
        for table in tables:
            decision = policies.decide(WHO, Action.SELECT, table)
            if not decision.allowed or decision.row_filter is None or len(decision.masks) != 2:
                raise SystemExit(f"not decided as it should be: {decision}")

    cold = microseconds(decide, len(tables), policies.forget)
    return cold, microseconds(decide, len(tables), lambda: None)


def main() -> None:
    """Measure and print; the last line is for machines."""
    found: dict[int, tuple[float, float, float]] = {}
    calm_collector()  # as the gateway does before it is ready
    with tempfile.TemporaryDirectory() as folder:
        for rules in SIZES:
            policies, reload_ms = read(rules, Path(folder))
            found[rules] = (*measure(policies, rules), reload_ms)
            cold, cached, _ = found[rules]
            print(f"{rules:>7} rules: cold {cold:.1f} us, cached {cached:.2f} us, read in {reload_ms:.0f} ms")
    few, some, many = (found[size] for size in SIZES)
    print(f"cached_us={many[1]:.2f} cold_us_100={few[0]:.1f} cold_us_100k={many[0]:.1f} reload_10k_ms={some[2]:.0f}")


if __name__ == "__main__":
    main()
