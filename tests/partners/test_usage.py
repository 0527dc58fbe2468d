"""What a partner used: the report, the usage rows and the audit's chain tell of the same statements, rows and bytes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.audit.chain import Chain
from gateway.audit.links import ChainKeys
from gateway.partners import changes
from gateway.partners.model import PartnerRecord
from gateway.partners.store import PartnerStore
from gateway.partners.usage import Sum, used
from gateway.recording.store import UsageStore
from gateway.usage_record import Bill, UsageRecord
from policies.cost.money import split
from tests.admin.api_client import TABLE, Api, governed_gateway
from tests.audit.chains import read
from tests.gateway.recording.usage_records import finished
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually, running
from tests.partners.conftest import KEYS
from tests.partners.registered import client_of, entitle, issue, register

DAY = 86_400.0
BIG = f"SELECT a.id FROM {', '.join(f'{TABLE} {alias}' for alias in 'abcdefghij')}"
"""Some ten million rows: never read to the end."""


@dataclass
class Audited:
    """What the chain says of a partner's statements."""

    statements: int
    rows: int
    bytes: int
    scanned_bytes: int


def audited(details: list[tuple[str, dict[str, Any]]]) -> Audited:
    return Audited(
        len({subject for subject, _ in details}),
        *(sum(detail.get(name) or 0 for _, detail in details) for name in ("rows", "bytes", "scanned_bytes")),
    )


def chain_of(gateway: Gateway, partner: str) -> list[tuple[str, dict[str, Any]]]:
    with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as store:
        query = "SELECT subject, detail FROM penstock_audit WHERE kind = 'sharing.access' AND user_name = ?"
        return [(subject, json.loads(detail)) for subject, detail in store.execute(query, [partner])]


def amounts(total: dict[str, Any]) -> Audited:
    return Audited(*(total[name] for name in ("statements", "rows", "bytes", "scanned_bytes")))


def ask_all_kinds(client: Client) -> None:
    """Ask what ends well, is refused, fails, and is canceled in its midst."""
    for _ in range(3):
        assert len(client.rows(f"SELECT id, desk FROM {TABLE}")) == 4
    assert client.rows(f"SELECT count(*) FROM {TABLE} a, {TABLE} b") == [[16]]
    client.error("SELECT * FROM lake.trading.nothing")
    client.error(f"DELETE FROM {TABLE}")
    client.error(f"SELECT 1 / (id - id) FROM {TABLE}")
    client.rows("SHOW CATALOGS")
    page = client.next(client.begin(BIG))
    while not page.get("data"):
        page = client.next(page)
    assert client.delete(page["nextUri"]).status_code == 204


ALL_KINDS = {"canceled": 1, "failed": 1, "finished": 5, "refused": 2}


def shared(api: Api, gateway: Gateway) -> tuple[str, Client]:
    """Return a partner who sees four of the five rows, and his client."""
    name = register(api)
    entitle(api, name, row_filter="desk <> 'MISO'")
    return name, client_of(gateway, issue(api, name))


def report_with(api: Api, name: str, *outcomes: str) -> dict[str, Any]:
    """Return a partner's usage once it has statements of these outcomes."""

    def complete() -> dict[str, Any] | None:
        found = usage_of(api, name)
        return found if set(outcomes) <= set(found["by_outcome"]) else None

    found = eventually(complete, seconds=60)
    assert found is not None
    return found


def test_usage_equals_the_audit_to_the_byte_whatever_became_of_the_statements(sharing: Gateway, steward: Api) -> None:
    name, client = shared(steward, sharing)
    other, others = shared(steward, sharing)
    others.rows(f"SELECT * FROM {TABLE}")
    ask_all_kinds(client)
    report = report_with(steward, name, *ALL_KINDS)
    assert amounts(report) == audited(chain_of(sharing, name)) == kept_of(sharing, name)
    assert report["by_outcome"] == ALL_KINDS
    assert report["bytes"] > 1000
    parts_add_up(report)
    assert usage_of(steward, other)["by_outcome"] == {"finished": 1}


@pytest.mark.long
def test_usage_equals_the_audit_when_statements_are_abandoned_or_cut_off_by_kill(tmp_path: Path) -> None:
    gateway = governed_gateway(tmp_path, {"partners": {"keys": KEYS}, "limits": {"abandon_seconds": 5}})
    with running(gateway), Api(gateway) as api:
        name, client = shared(api, gateway)
        abandoned = client.next(client.begin(BIG))
        ask_all_kinds(client)
        report = report_with(api, name, "abandoned", *ALL_KINDS)
        assert amounts(report) == audited(chain_of(gateway, name)) == kept_of(gateway, name)
        assert abandoned["id"] in {subject for subject, _ in chain_of(gateway, name)}

        cut = client.next(client.begin(BIG))
        gateway.kill()
        gateway.start()
        report = report_with(api, name, "cut_off")
        assert amounts(report) == audited(chain_of(gateway, name)) == kept_of(gateway, name)
        assert report["by_outcome"] == {**ALL_KINDS, "abandoned": 1, "cut_off": 1}
        assert cut["id"] in {subject for subject, _ in chain_of(gateway, name)}
        parts_add_up(report)


def kept_of(gateway: Gateway, name: str) -> Audited:
    """Return what all usage rows of a user come to."""
    rows = [row for row in gateway.usage() if row["user_name"] == name]
    sums = (sum(row[column] or 0 for row in rows) for column in ("row_count", "byte_count", "scanned_bytes"))
    return Audited(len(rows), *sums)


def usage_of(api: Api, name: str, **period: str) -> dict[str, Any]:
    found: dict[str, Any] = api.answer("GET", "/usage", params={"partner_id": name, **period})
    return found


def parts_add_up(report: dict[str, Any]) -> None:
    for parts in (report["by_day"], report["by_dataset"]):
        for amount in ("rows", "bytes", "scanned_bytes", "billed_bytes"):
            assert sum(part[amount] for part in parts) == report[amount]
        assert sum(Decimal(part["cost_usd"]) for part in parts) == Decimal(report["cost_usd"])
    assert sum(report["by_outcome"].values()) == report["statements"]


def test_the_answer_says_of_when_and_how_complete_it_is(steward: Api) -> None:
    name = register(steward)
    report = usage_of(steward, name, **{"from": "2026-02-01", "to": "2026-02-28T12:00:00+02:00"})
    assert (report["from"], report["to"]) == ("2026-02-01T00:00:00Z", "2026-02-28T10:00:00Z")
    month = usage_of(steward, name)
    assert month["from"] < month["completeness"]["complete_until"] < month["to"]
    assert month["price"]["usd_per_tb"] == "5.00"
    for bad in ({"from": "2026-02-02", "to": "2026-02-01"}, {"from": "soon"}, {"to": "1"}):
        steward.answer("GET", "/usage", 422, params={"partner_id": name, **bad})
    steward.answer("GET", "/usage", 422)


def test_a_partners_statements_before_it_was_one_are_not_its_usage(sharing: Gateway, steward: Api) -> None:
    assert Client(sharing.url, "later-a-partner").rows("SELECT 1") == [[1]]
    eventually(lambda: any(row["user_name"] == "later-a-partner" for row in sharing.usage()))
    steward.answer("POST", "/partners/", 201, json={"partner_id": "later-a-partner", "organization": "ACME Trading"})
    entitle(steward, "later-a-partner")
    assert usage_of(steward, "later-a-partner")["statements"] == 0
    client_of(sharing, issue(steward, "later-a-partner")).rows(f"SELECT id FROM {TABLE}")
    report = usage_of(steward, "later-a-partner")
    assert amounts(report) == audited(chain_of(sharing, "later-a-partner"))
    assert report["rows"] == 5


@pytest.mark.asyncio
async def test_any_rows_add_up_to_what_the_chain_says_on_either_store(store_url: str) -> None:
    chain = Chain(ChainKeys())
    registry, rows = PartnerStore(store_url, chain=chain), UsageStore(store_url, chain=chain)
    try:
        await _compare(registry, rows, store_url)
    finally:
        await asyncio.gather(registry.close(), rows.close())


async def _compare(registry: PartnerStore, rows: UsageStore, store_url: str) -> None:
    made = PartnerRecord("acme-corp", "ACME Trading", None, None, "active", 0.0, "s", 0.0, 1)
    await registry.change(changes.register(made))
    records = [_record(number) for number in range(200)]
    for start in range(0, 200, 50):
        await rows.insert(records[start : start + 50])
    await rows.insert(records[:60])  # sent again after a crash
    cut = _record(201, outcome="CUT_OFF", rows=0, bytes=0, scanned_bytes=None)
    await rows.insert([cut])
    await rows.insert([replace(cut, outcome="FINISHED", rows=5, bytes=50)])
    for begin, end in ((0.0, 9e9), (0.0, DAY), (DAY, 2 * DAY), (1.5 * DAY, 1.5 * DAY + 0.001), (9e9, 9.1e9)):
        found = (await used(registry, "acme-corp", begin, end)).total
        links = [link for link in await read(store_url) if link.kind == "sharing.access" and _within(link, begin, end)]
        told = audited([(link.subject, json.loads(link.detail)) for link in links])
        assert Audited(found.statements, found.rows, found.bytes, found.scanned_bytes) == told
    assert found == Sum()
    whole = await used(registry, "acme-corp", 0.0, 9e9)
    for parts in (whole.by_day, whole.by_dataset):
        assert sum(part.billed_bytes for part in parts.values()) == whole.total.billed_bytes > 0
        assert sum(part.nano for part in parts.values()) == whole.total.nano > 0
    assert set(whole.by_day) == {"1970-01-01", "1970-01-02", "1970-01-03"}
    assert set(whole.by_dataset) == {"", "a.b.c", "a.b.d"}


def _record(number: int, **more: Any) -> UsageRecord:
    """Return a row of a partner's or, now and then, of somebody else; some at the very edge of a day."""
    at = 1.5 * DAY if number % 7 == 0 else (2 * DAY - 0.0004 if number % 5 == 0 else 0.4 * DAY + number * 700.1234)
    tables: tuple[Any, ...] = (("a.b.c", "select", ("x",)), ("a.b.d", "select", ("y",)))[: number % 3]
    names = [name for name, _, _ in tables] or [""]
    bearing = tuple(zip(names, split(number * 7, [1.0 + index for index in range(len(names))]), strict=True))
    values: dict[str, Any] = {
        "user": "somebody" if number % 11 == 0 else "acme-corp",
        "finished_at": at,
        "rows": number * 3,
        "bytes": number * 1001,
        "scanned_bytes": None if number % 2 else number * 99_999,
        "tables": tables,
        "bill": Bill(number * 7, number * 70, "measured", shares=bearing),
        **more,
    }
    return finished(f"q{number}", **values)


def _within(link: Any, begin: float, end: float) -> bool:
    return bool(begin * 1_000_000 <= link.at < end * 1_000_000)


def test_a_split_adds_up_to_its_whole() -> None:
    whole = Sum(1, 10, 11, 2, 7)
    parts = whole.shares(3)
    assert [part.rows for part in parts] == [4, 3, 3]
    assert [sum(getattr(part, name) for part in parts) for name in ("rows", "bytes", "scanned_bytes")] == [10, 11, 2]
