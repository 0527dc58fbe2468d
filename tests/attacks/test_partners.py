"""The attacks by a partner: what an entitlement hides is as well hidden as what a policy hides, and nothing is written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.objects import TableName
from gateway.partners.changes import grant, register
from gateway.partners.model import EntitlementRecord, PartnerRecord
from gateway.partners.store import PartnerStore
from tests.attacks import sandbox
from tests.attacks.arena import Arena
from tests.attacks.cases import Case, statements
from tests.attacks.judge import assert_no_canary, judge
from tests.attacks.process import run_gateway
from tests.attacks.stages import fill_in_process
from tests.real.fixtures import SECONDS

pytestmark = pytest.mark.long
OWN_FILTER = "{{id: eu-only, table: {lake}.sales.orders, roles: [analyst], filter: region = 'EU'}}"
OWN_DENIAL = "{id: no-cards, roles: [analyst, american, partner]"
READ_ONLY = "may read only"
CASES = [case for case in statements(None) if case.user == "ana" and "fault" not in case.session]
ENGINES = [
    "lake",
    "clickhouse",
    pytest.param("trino", marks=[pytest.mark.trino, pytest.mark.postgres, pytest.mark.timeout(SECONDS)]),
]


def _entitlement(lake: str, table: str, row_filter: str | None = None, *denied: str) -> EntitlementRecord:
    name, now = TableName(lake, *table.split(".")), time.time()
    return EntitlementRecord(
        f"ana-{table}", "ana", name, "read_only", row_filter, None, denied, None, now - 1, now + 86_400,
        "open", now, "eva", now, "eva", 1,
    )  # fmt: skip


async def _entitle(store: str, lake: str) -> None:
    registry, now = PartnerStore(store), time.time()
    await registry.change(register(PartnerRecord("ana", "Ana Ltd", None, 1_000_000, "active", now, "eva", now, 1)))
    whole = ("sales.customers", "sales.v_orders", "sandbox.t", "sandbox.guess")
    await registry.change(grant(_entitlement(lake, "sales.orders", "region = 'EU'", "card_number")))
    for table in whole:
        await registry.change(grant(_entitlement(lake, table)))
    await registry.close()


def _policies(policies: str, lake: str) -> str:
    """Take out of the policies what the entitlement says instead."""
    own = OWN_FILTER.format(lake=lake)
    assert policies.count(own) == policies.count(OWN_DENIAL) == 1
    text = policies.replace(own, own.replace("analyst", "nobodys"))
    text = text.replace(OWN_DENIAL, OWN_DENIAL.replace("analyst, ", ""))
    return text.replace("roles:\n", "roles:\n  nobodys: {}\n", 1)


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """Run a gateway over the world, with `ana` as a partner: entitlements take the place of two policies."""
    folder: Path = tmp_path_factory.mktemp("attacked-by-partners")
    arena: Arena = request.getfixturevalue(request.param)
    engines = arena.engines
    if arena.engine == "clickhouse":  # in process: its folder is the other gateway's alone
        fill_in_process(folder / "data")
        engines = [{**engine, "path": str(folder / "data")} for engine in engines]
    asyncio.run(_entitle(f"sqlite:///{folder / 'usage.db'}", arena.catalog))
    policies = _policies(arena.policies, arena.catalog)
    with run_gateway(folder, engines, policies, partners={"role": "contractor"}) as gateway:
        yield arena.behind(gateway)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_no_attack_shows_a_partner_more_than_he_was_granted(shared: Arena, case: Case) -> None:
    verdict = judge(shared, case)
    if verdict.result == "failed" and READ_ONLY in verdict.reason:
        return  # the analyst of the file may write to a sandbox
    assert verdict.result in ("passed", "skipped"), verdict.reason


def test_the_partner_was_answered_what_he_may_see(shared: Arena) -> None:
    seen = shared.caller("ana").ask("SELECT region, count(*), count(DISTINCT customer_email) FROM orders GROUP BY 1")
    assert [row[0] for row in seen.rows] == ["EU"]
    assert sum(shared.answered.values()) > 50


def test_the_partner_changed_nothing(shared: Arena) -> None:
    assert sandbox.untouched(shared) == []


def test_no_canary_of_the_partners_reached_the_log_or_the_metrics(shared: Arena) -> None:
    assert_no_canary("the log", shared.gateway.log())
    assert_no_canary("the metrics", shared.gateway.metrics())
