"""The registry in the store: changes are whole, audited and counted, whoever else changes and whatever dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.objects import TableName
from gateway.audit.chain import Appended, Chain
from gateway.audit.entries import Entry
from gateway.config.partners import Partners
from gateway.demo.postgres import PostgresServer
from gateway.partners import changes
from gateway.partners.database import (
    Beyond,
    ChangeUnknown,
    Done,
    Missing,
    RegistryError,
    Stale,
    Taken,
)
from gateway.partners.model import EntitlementRecord, PartnerRecord
from gateway.partners.rows import row_of
from gateway.partners.store import PartnerStore
from gateway.partners.tokens import Asked, issue
from gateway.recording.database import connect_engine
from gateway.recording.partner_tables import partner_revision, partners
from policies.clock import PROCESS_CLOCK
from tests.audit.chains import KEYS, read, walk
from tests.faults.test_store_away import gate_to

pytestmark = pytest.mark.asyncio
PRICES = TableName("lake", "curated", "lmp_prices")
SETTINGS = Partners.model_validate({"keys": [{"id": "p1", "secret": "a secret that signs the tokens of tests"}]})
NOW = float(int(time.time()))
WHEN: dict[str, Any] = {"created_at": NOW, "created_by": "stella", "changed_at": NOW, "version": 1}


def partner(name: str = "acme-corp") -> PartnerRecord:
    return PartnerRecord(name, "ACME Trading", None, None, "active", **WHEN)


def entitlement(name: str = "acme-corp", **more: Any) -> EntitlementRecord:
    return EntitlementRecord(
        **{
            "id": f"e-{time.monotonic_ns()}",
            "partner_id": name,
            "table": PRICES,
            "scope": "read_only",
            "row_filter": "iso = 'CAISO'",
            "allowed_columns": None,
            "denied_columns": ("loss",),
            "rate": None,
            "starts_at": NOW - 10,
            "expires_at": NOW + 3600,
            "state": "open",
            "changed_by": "stella",
            **WHEN,
            **more,
        }
    )


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[PartnerStore]:
    found = PartnerStore(store_url, chain=Chain(KEYS))
    yield found
    await found.close()


async def test_what_is_registered_and_granted_is_what_decisions_take(store: PartnerStore) -> None:
    await store.change(changes.register(partner()))
    await store.change(changes.register(partner("other")))
    made = await store.change(changes.grant(entitlement()))
    token = await store.change(issue(Asked("acme-corp", (("lmp_prices",),), 1.0), "stella", SETTINGS))
    await store.change(changes.revoke_token(token.record.id, "stella"))
    await store.change(changes.amend_partner("other", {"state": "suspended"}, "stella"))
    access = await store.access()
    assert access.revision == await store.revision() == 5
    (found,) = access.live("acme-corp", PRICES, PROCESS_CLOCK.moment())
    assert found == made.granted
    assert (found.row_filter, found.denied_columns) == ("iso = 'CAISO'", frozenset({"loss"}))
    assert {name: each.suspended for name, each in access.partners.items()} == {"acme-corp": False, "other": True}
    assert access.revoked_tokens == {token.record.id}


async def test_each_change_is_one_entry_of_the_chain_and_a_step_of_the_revision_where_it_acts(
    store: PartnerStore, store_url: str
) -> None:
    await store.change(changes.register(partner()))
    made = await store.change(changes.grant(entitlement()))
    amended = await store.change(changes.amend(made.id, {"rate": 5.0}, "stella", 1))
    token = await store.change(issue(Asked("acme-corp", (("curated", "lmp_prices"),), 1.0), "stella", SETTINGS))
    for _ in range(2):  # what is revoked already stays so, and nothing is told twice
        await store.change(changes.revoke_token(token.record.id, "root"))
        await store.change(changes.revoke(made.id, "root"))
    links = await read(store_url)
    assert [(link.kind, link.subject, link.actor) for link in links] == [
        ("partner.change", "acme-corp", "stella"),
        ("entitlement.change", made.id, "stella"),
        ("entitlement.change", made.id, "stella"),
        ("token.issue", token.record.id, "stella"),
        ("token.revoke", token.record.id, "root"),
        ("entitlement.change", made.id, "root"),
    ]
    assert token.token not in str(links)
    assert (amended.version, amended.rate) == (2, 5.0)
    assert (await walk(store_url)).intact
    assert await store.revision() == len(links) - 1, "all but the token's making"


async def test_of_stewards_who_do_the_same_at_once_one_does_it(store: PartnerStore, store_url: str) -> None:
    other = PartnerStore(store_url, chain=Chain(KEYS))
    names = ["acme-corp", "ACME-corp", "acme-CORP"]
    ends = await asyncio.gather(
        *(each.change(changes.register(partner(name))) for name in names for each in (store, other)),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["PartnerRecord"] + ["Taken"] * 5
    name = (await store.partners())[0].partner_id
    ends = await asyncio.gather(
        *(each.change(changes.grant(entitlement(name))) for _ in range(3) for each in (store, other)),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["EntitlementRecord"] + ["Taken"] * 5
    (granted,) = await store.entitlements()
    ends = await asyncio.gather(
        *(
            each.change(changes.amend(granted.id, {"rate": float(n)}, "s", 1))
            for n, each in enumerate((store, other), 1)
        ),
        return_exceptions=True,
    )
    assert sorted(type(end).__name__ for end in ends) == ["EntitlementRecord", "Stale"]
    await other.close()
    assert len(await read(store_url)) == 3


async def test_what_a_change_begins_from_must_be_there(store: PartnerStore) -> None:
    with pytest.raises(Missing):
        await store.change(changes.grant(entitlement()))
    with pytest.raises(Missing):
        await store.change(changes.revoke("e0", "stella"))
    await store.change(changes.register(partner()))
    with pytest.raises(Stale):
        await store.change(changes.amend_partner("acme-corp", {"rate": 1.0}, "stella", 2))
    await store.change(changes.amend_partner("acme-corp", {"state": "suspended"}, "stella", 1))
    with pytest.raises(Taken, match="suspended"):
        await store.change(changes.grant(entitlement()))
    assert await store.revision() == 2


async def test_an_entitlement_that_has_ended_makes_room_and_cannot_be_changed(store: PartnerStore) -> None:
    await store.change(changes.register(partner()))
    ended = await store.change(changes.grant(entitlement(expires_at=NOW - 1)))
    with pytest.raises(Taken, match="has ended"):
        await store.change(changes.amend(ended.id, {"expires_at": NOW + 99}, "stella"))
    made = await store.change(changes.grant(entitlement()))
    with pytest.raises(Taken, match=made.id):
        await store.change(changes.grant(entitlement()))
    assert [each.id for each in await store.entitlements(only_open=True)] == [made.id]


@pytest.mark.parametrize(
    ("more", "ends", "by"),
    [
        ({}, 7200, "duration"),
        ({"expires_at": NOW + 600}, 600, "entitlement"),
        ({"expires_at": NOW + 9e6}, 7200, "duration"),
    ],
)
async def test_a_token_ends_with_the_first_of_what_ends_it(
    store: PartnerStore, more: dict[str, Any], ends: float, by: str
) -> None:
    await store.change(changes.register(partner()))
    await store.change(changes.grant(entitlement(**{"expires_at": NOW + 9e6, **more})))
    made = await store.change(issue(Asked("acme-corp", (("lmp_prices",),), 2.0), "stella", SETTINGS))
    assert made.limited_by == by
    assert NOW + ends - 2 <= made.record.expires_at <= time.time() + ends
    long = await store.change(issue(Asked("acme-corp", (("lmp_prices",),), 8784.0), "stella", SETTINGS))
    assert long.limited_by == ("maximum" if by == "duration" else "entitlement")
    assert long.record.expires_at - long.record.issued_at <= SETTINGS.max_token_hours * 3600


async def test_a_token_carries_live_entitlements_only(store: PartnerStore) -> None:
    await store.change(changes.register(partner()))
    elsewhere = TableName("lake", "other", "lmp_prices")
    await store.change(changes.grant(entitlement(table=elsewhere, starts_at=NOW + 1000)))
    for datasets in ((("lmp_prices",),), (("lake", "other", "lmp_prices"),), (("unheard_of",),)):
        with pytest.raises(Beyond, match="no live entitlement"):
            await store.change(issue(Asked("acme-corp", datasets, 1.0), "stella", SETTINGS))
    await store.change(changes.grant(entitlement()))
    await store.change(changes.grant(entitlement(table=TableName("lake", "third", "lmp_prices"))))
    with pytest.raises(Beyond, match="may be any of"):
        await store.change(issue(Asked("acme-corp", (("lmp_prices",),), 1.0), "stella", SETTINGS))
    made = await store.change(issue(Asked("acme-corp", (("curated", "lmp_prices"),), 1.0), "stella", SETTINGS))
    assert [each["schema"] for each in made.record.scope] == ["curated"]


async def test_pages_follow_one_another_without_gap_or_double(store: PartnerStore) -> None:
    for number in range(7):
        await store.change(changes.register(partner(f"p{number}")))
    seen: list[str] = []
    while page := await store.partners(after=seen[-1] if seen else "", limit=3):
        seen += [each.partner_id for each in page]
    assert seen == [f"p{number}" for number in range(7)]


async def test_a_change_that_fails_in_its_midst_leaves_nothing(store: PartnerStore, store_url: str) -> None:
    async def half(connection: AsyncConnection) -> Done[None]:
        await connection.execute(insert(partners).values(row_of(partner())))
        raise OSError("the wire is cut")

    with pytest.raises(RegistryError):
        await store.change(half)
    assert await store.partners() == []
    assert (await store.revision(), await read(store_url)) == (0, [])


async def test_a_change_whose_answer_was_lost_is_known_to_be_made(store_url: str) -> None:
    def lost(_: object) -> None:
        raise OSError("the answer to the commit did not come")

    store = PartnerStore(store_url, chain=Chain(KEYS), appended=lost)
    assert (await store.change(changes.register(partner()))).partner_id == "acme-corp"
    assert len(await store.partners()) == len(await read(store_url)) == 1
    await store.close()


async def test_a_change_that_may_still_be_under_way_is_not_called_undone(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.create_database("registry_lingers")
    url = postgres_server.url("registry_lingers")
    store = PartnerStore(url, chain=Chain(KEYS), timeout=1)
    await store.revision()
    engine = connect_engine(url)

    class Lingering(Chain):
        """Loses the answer, while the transaction goes on elsewhere as a server's does that has the COMMIT already."""

        async def append(self, connection: AsyncConnection, entries: Iterable[Entry]) -> Appended:
            await connection.rollback()
            await holder.execute(update(partner_revision).values(revision=partner_revision.c.revision + 1))
            await super().append(holder, entries)
            raise OSError("the answer to the commit did not come")

    async with engine.connect() as holder:
        lingering = PartnerStore(url, chain=Lingering(KEYS), timeout=1)
        with pytest.raises(ChangeUnknown):
            await lingering.change(changes.register(partner()))
        await holder.commit()
    assert len(await read(url)) == 1
    await asyncio.gather(store.close(), lingering.close(), engine.dispose())


async def test_a_store_that_falls_silent_makes_the_outcome_unknown_and_never_half(
    store: PartnerStore, store_url: str
) -> None:
    await store.revision()
    hasty = PartnerStore(store_url, chain=Chain(KEYS), timeout=0.3)
    await hasty.revision()
    engine = connect_engine(store_url)
    async with engine.connect() as holder:
        locking = "BEGIN IMMEDIATE" if engine.dialect.name == "sqlite" else "LOCK TABLE penstock_partner_revision"
        await holder.execute(text(locking))
        with pytest.raises(ChangeUnknown):
            await hasty.change(changes.register(partner()))
        await holder.rollback()
    await engine.dispose()
    for _ in range(200):  # the writer goes on once the lock is gone
        if await store.revision():
            break
        await asyncio.sleep(0.05)
    assert (len(await store.partners()), len(await read(store_url)), await store.revision()) == (1, 1, 1)
    await hasty.close()


async def test_a_store_that_dies_in_the_midst_leaves_the_change_whole_or_not_at_all(
    postgres_server: PostgresServer,
) -> None:
    postgres_server.create_database("registry_dies")
    with gate_to(postgres_server) as gate:
        gate.open()
        user, password = postgres_server.user, postgres_server.password
        store = PartnerStore(
            f"postgresql://{user}:{password}@127.0.0.1:{gate.port}/registry_dies", chain=Chain(KEYS), timeout=3
        )
        await store.change(changes.register(partner()))

        async def dying(connection: AsyncConnection) -> Done[PartnerRecord]:
            changed = replace(partner(), state="suspended", version=2)
            await connection.execute(update(partners).values(row_of(changed)))
            await asyncio.to_thread(gate.shut)
            await connection.execute(text("SELECT 1"))
            raise AssertionError("the gate is shut")

        with pytest.raises(RegistryError) as refused:
            await store.change(dying)
        assert not isinstance(refused.value, ChangeUnknown)
        with pytest.raises(RegistryError):
            await store.revision()
        gate.open()
        (found,) = await store.partners()
        assert (found.state, await store.revision()) == ("active", 1)
        await store.close()
