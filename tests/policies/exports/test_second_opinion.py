"""The second opinion: a real Trino that keeps to the exported rules, and the gateway before one without any, agree."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from gateway.compare.arena import Arena, start_gateway
from gateway.compare.client import Side
from gateway.compare.corpus import Statement, read_file
from gateway.compare.run import Session, compare
from gateway.config import load_config
from gateway.demo.downloads import DemoError
from gateway.demo.trino_server import TrinoServer, start_trino
from gateway.policy_export import trino_extent
from policies.exports.trino_rules import trino_rules
from tests.compare.test_statements import FILES, STATEFUL
from tests.fuzz.choices import Choices
from tests.fuzz.policies import USER, draw_policy
from tests.fuzz.world import Relation
from tests.real.fixtures import without

TABLES = ("nation", "region", "customer", "supplier", "part", "partsupp", "orders", "lineitem")
EVALUATOR = "penstock evaluates"
OPEN_RULES = {"impersonation": [{"original_user": ".*", "new_user": ".*"}], "tables": [{"privileges": ["SELECT"]}]}
ELSEWHERE = ("tpcds.*", "memory.*", "blackhole.*")
POLICIES, EVERY = 6, 6
"""How many policies are drawn, and of how many statements each is tried with one."""
_REFUSED = frozenset(
    {"PERMISSION_DENIED", "TABLE_NOT_FOUND", "COLUMN_NOT_FOUND", "SCHEMA_NOT_FOUND", "CATALOG_NOT_FOUND"}
)
"""How the gateway refuses what is withheld: it does not exist."""
_WHOLE_TABLE = re.compile(r"\bTABLE\s+\w", re.IGNORECASE)


def statements() -> list[Statement]:
    """Return the statements of the comparing corpus that read tables and change nothing."""
    named = re.compile(rf"\b({'|'.join(TABLES)})\b", re.IGNORECASE)
    found = [s for path in FILES if path.stem not in STATEFUL for s in read_file(path)]
    return [s for s in found if named.search(s.sql) and re.match(r"\s*(SELECT|WITH|TABLE|\()", s.sql, re.IGNORECASE)]


class Pair:
    """Two Trinos, one of them under rules, and a gateway before the other."""

    def __init__(self, trino: TrinoServer, ruled: TrinoServer, gateway: str, folder: Path, rules: Path) -> None:
        self.arena = Arena(ruled.url, gateway)
        self._trino, self._folder, self._rules = trino, folder, rules

    async def samples(self) -> dict[str, Relation]:
        """Return some rows of each table, for the values that policies name."""
        found = {}
        async with Side(self._trino.url, "root", "tpch", "tiny") as side:
            for name in TABLES:
                answer = await side.run(f"SELECT * FROM {name} ORDER BY 1 LIMIT 25")
                kinds = {c["name"]: c["type"] for c in answer.columns or ()}
                rows = [{n: _value(v, k) for (n, k), v in zip(kinds.items(), row, strict=True)} for row in answer.rows]
                found[name] = Relation(name, kinds, rows)
        return found

    async def put(self, document: dict[str, Any], number: int) -> None:
        """Put a policy in force on both sides, and wait until both have read it."""
        marker = f"somebody{number}"
        document["users"][marker] = {}
        document["grants"].append({"users": [marker], "assets": "tpch.sf1.nation", "allow": ["read"]})
        (self._folder / "policies.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
        extent = await trino_extent(load_config(self._folder / "penstock.yaml"), EVALUATOR)
        extent = replace(
            extent, tables=[t for t in extent.tables if str(t.name).startswith(("tpch.tiny", "tpch.sf1."))]
        )
        self._rules.write_text(json.dumps(trino_rules(extent).rules))
        for url in (self.arena.direct, self.arena.gateway):
            async with Side(url, marker, "tpch", "sf1") as side:
                async with asyncio.timeout(120):
                    while (await side.run("SELECT count(*) FROM nation")).error is not None:
                        await asyncio.sleep(0.2)


def _value(value: Any, kind: str) -> Any:
    import datetime as dt

    if kind == "date":
        return dt.date.fromisoformat(value)
    return float(value) if kind == "double" else value


@pytest.fixture(scope="module")
def pair(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("ruled")
    rules = folder / "rules.json"
    rules.write_text(json.dumps(OPEN_RULES))
    first = {"version": 1, "users": {USER: {}}, "grants": [{"users": [USER], "assets": "*", "allow": ["read"]}]}
    with ExitStack() as stack:
        try:
            ruled = stack.enter_context(
                start_trino(
                    folder / "trino",
                    print,
                    access_rules=rules,
                    settings={"hide-inaccessible-columns": "true"},
                    heap="1500M",
                )
            )
        except DemoError as error:
            without(f"a second Trino: {error}")
        catalogs = tuple(c for c in trino_server.catalogs if c != "iceberg")
        url = stack.enter_context(start_gateway(folder / "gateway", trino_server.url, catalogs, print, policies=first))
        yield Pair(trino_server, ruled, url, folder / "gateway", rules)


def document_of(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a drawn policy for the tables of TPC-H, with all else open."""
    document: dict[str, Any] = json.loads(json.dumps(policy).replace("lake.world.", "tpch.tiny."))
    document["keys"] = {}
    document["grants"] += [{"users": [USER], "assets": list(ELSEWHERE), "allow": ["all"]}]
    document["grants"] += [{"users": [USER], "assets": "tpch.sf1.*", "allow": ["read"]}]
    return document


def stands(found: dict[str, Any]) -> str:
    """Say how a difference is to be taken: both refuse, the gateway is stricter, or they differ.

    `TABLE t` shows what is granted, as `SELECT * FROM t` does; Trino hides withheld columns for the star only.
    """
    direct, gateway = found["direct"].get("errorName"), found["gateway"].get("errorName")
    if direct is not None and gateway in _REFUSED:
        return "equal"  # Trino may find another fault before it asks who may see what
    if direct == "PERMISSION_DENIED" and gateway is None and _WHOLE_TABLE.search(found["sql"]):
        return "narrowed"
    return "stricter" if direct is None and gateway is not None else "different"


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_trino_under_exported_rules_and_the_gateway_answer_alike(pair: Pair) -> None:
    corpus = statements()
    world = asyncio.run(pair.samples())
    counts: Counter[str] = Counter()
    different = []
    for number in range(POLICIES):
        policy = draw_policy(Choices(random=Random(f"opinion/{number}")), world)
        policy = replace(policy, chosen="ALL")  # who asks Trino itself has all his roles
        asyncio.run(pair.put(document_of(policy.document), number))
        chosen = corpus[number::EVERY]
        out = io.StringIO()
        asyncio.run(compare(chosen, pair.arena, Session(USER), out=out, report=print))
        found = [json.loads(line) for line in out.getvalue().splitlines()]
        kinds = Counter(stands(each) for each in found)
        counts += kinds + Counter(equal=len(chosen) - len(found))
        different += [{"policy": number, **each} for each in found if stands(each) == "different"]
    print(
        f"equal={counts['equal']} stricter={counts['stricter']} narrowed={counts['narrowed']} different={counts['different']}"
    )
    assert different == []
    assert counts["stricter"] < 0.05 * sum(counts.values())
