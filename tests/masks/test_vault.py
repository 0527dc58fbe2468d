"""Reversible tokens: engines and the vault make the same ones, and a value comes back with a grant, a reason, a record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import update

from catalog.cache import CatalogCache
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.types import BIGINT, VARCHAR
from engines.lake.engine import LakeEngine
from gateway.audit.entries import Entry
from gateway.recording.tables import vault as vault_table
from gateway.vault.asked import Reveal
from gateway.vault.filling import Filled, Place, fill, places
from gateway.vault.revealing import reveal
from gateway.vault.store import Sealed, VaultError, VaultStore
from policies.decisions import Subject
from policies.faults import Unfit
from policies.index import PolicySet
from policies.mask_specs import TokenMask
from policies.masks import HashKey
from policies.reload import load_policies
from policies.vault import Tampered, vaulted
from tests.masks.engines import KEYS
from tests.masks.lake_text import Masking
from tests.masks.values import ODD_TEXTS, integers

T = TypeVar("T")
PEOPLE = TableName("lake", "s", "people")
CANARY = "canary-7f3a@corp.example"
NAMES = (CANARY, "Zoë Müller", "", "a\nb", "Zoë Müller", None)
POLICY = """
version: 1
roles: {analyst: {}, officer: {}, other: {}}
users:
  ana: {roles: [analyst]}
  oda: {roles: [officer], attributes: {org: acme}}
  odo: {roles: [officer], attributes: {org: zenith}}
  oto: {roles: [other]}
grants:
  - {id: read, roles: [analyst, officer], assets: lake.s.people, allow: [read]}
  - {id: reveal, roles: [officer, other], assets: lake.s.people, allow: [reveal]}
  - {id: all-but, users: [root], assets: "*", allow: [all]}
keys: {pii: {env: KEY, engines: [lake]%s}}
column_masks:
  - table: lake.s.people
    column: email
    roles: all
    mask: {kind: token, key: pii, prefix: t_, vault: true}
  - {table: lake.s.people, column: id, roles: all, mask: {kind: token, key: pii, domain: people, vault: true}}
  - {table: lake.s.people, column: city, roles: all, mask: {kind: token, key: pii}}
"""
REASON = "case 4711: customer asks for deletion"


def policies(folder: Path, *, tenants: bool = False) -> PolicySet:
    """Compile the policies of these tests."""
    file = folder / "policies.yaml"
    file.write_text(POLICY % (", tenant: org" if tenants else ""))
    return load_policies([file], secrets={"KEY": "k" * 40}.get)


@dataclass
class World:
    """A lake with people in it, a vault, and an audit that remembers."""

    known: PolicySet
    engine: LakeEngine
    catalog: CatalogCache
    store: VaultStore
    audit: list[Entry] = field(default_factory=list)

    async def fill(self, column: str, tenant: str | None = None) -> Filled:
        return await fill(Place(PEOPLE, column, tenant), self.known, self.catalog, {"lake": self.engine}, self.store)

    async def reveal(self, column: str, token: str, user: str = "oda", reason: str = REASON) -> str:
        async def record(entry: Entry) -> None:
            self.audit.append(entry)

        subject = Subject(user, self.known.roles_of(user), self.known.attributes_of(user))
        asked = Reveal(PEOPLE, fold_trino(column), token, reason)
        return await reveal(asked, subject, await self.catalog.fetch(PEOPLE), self.known, self.store, record)


@asynccontextmanager
async def world(folder: Path, url: str, *, tenants: bool = False) -> AsyncIterator[World]:
    settings = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": (folder / "warehouse").as_uri()}
    lake = SqlCatalog("lake", **settings)
    lake.create_namespace("s")
    rows = pa.table({"id": pa.array([1, 2, 3, 4, 5, 2**62]), "email": pa.array(NAMES), "city": pa.array(NAMES)})
    lake.create_table("s.people", rows.schema).append(rows)
    lake.close()
    engine, store = LakeEngine("lake", {"lake": settings}), VaultStore(url)
    await engine.start()
    catalog = CatalogCache([engine])
    try:
        yield World(policies(folder, tenants=tenants), engine, catalog, store)
    finally:
        await catalog.close()
        await engine.close()
        await store.close()


def within(folder: Path, url: str, work: Callable[[World], Awaitable[T]], *, tenants: bool = False) -> T:
    async def run() -> T:
        async with world(folder, url, tenants=tenants) as there:
            return await work(there)

    return asyncio.run(run())


def token_of(there: World, column: str, value: str, tenant: str | None = None) -> str:
    """Return a value's token as the policies make it."""
    spec = next(rule.spec for rule in there.known.mask_rules(PEOPLE, column) if isinstance(rule.spec, TokenMask))
    return vaulted(spec, BIGINT if column == "id" else VARCHAR, there.known.keys, tenant).token(value)


def test_the_vault_makes_the_tokens_that_engines_show() -> None:
    texts = [*ODD_TEXTS, CANARY]
    numbers = [number for number in integers(20, 1, 64) if number is not None]
    with duckdb.connect() as connection:
        masking = Masking(connection)
        for of, values, spec in (
            (VARCHAR, texts, {"kind": "token", "key": "pii", "prefix": "t_", "length": 20, "domain": "people"}),
            (BIGINT, numbers, {"kind": "token", "key": "pii"}),
        ):
            space = vaulted(TokenMask.model_validate(spec), of, KEYS, None)
            shown = masking.all(of, spec, list(values))
            assert [str(token) for token in shown] == [space.token(str(value)) for value in values]
            for value in map(str, values):
                assert space.digest(value).startswith(space.beginning(space.token(value)) or "nothing")


def test_a_sealed_value_opens_in_its_own_place_only() -> None:
    spec = TokenMask(kind="token", key="pii")
    space = vaulted(spec, VARCHAR, KEYS, None)
    sealed = space.seal(CANARY)
    assert CANARY.encode() not in sealed
    assert space.open(space.digest(CANARY), sealed) == CANARY
    others = {"pii": HashKey(b"o" * 32, frozenset({"lake"}))}
    for place, digest in (
        (space, space.digest("another")),
        (vaulted(TokenMask(kind="token", key="pii", domain="d"), VARCHAR, KEYS, None), space.digest(CANARY)),
        (vaulted(spec, VARCHAR, others, None), space.digest(CANARY)),
    ):
        with pytest.raises(Tampered):
            place.open(digest, sealed)


@pytest.mark.parametrize(
    "token", ["", "t_", "x" * 34, "t_" + "0" * 31, "t_" + "A" * 32, "t_" + "0" * 33, "١" * 5, "-5"]
)
def test_what_is_no_token_finds_nothing(token: str) -> None:
    space = vaulted(TokenMask(kind="token", key="pii", prefix="t_"), VARCHAR, KEYS, None)
    numbers = vaulted(TokenMask(kind="token", key="pii"), BIGINT, KEYS, None)
    assert space.beginning(token) is None
    assert numbers.beginning(token) is None


def test_a_filled_vault_turns_tokens_back_and_keeps_no_value_in_the_clear(tmp_path: Path, store_url: str) -> None:
    async def work(there: World) -> None:
        first, again = [await there.fill("email") for _ in range(2)]
        assert (first.values, first.added, again.values, again.added) == (4, 4, 4, 0)
        assert (await there.fill("id")).added == 6
        for value in filter(None, NAMES):
            assert await there.reveal("email", token_of(there, "email", value)) == value
        assert await there.reveal("email", token_of(there, "email", "")) == ""
        assert await there.reveal("id", token_of(there, "id", str(2**62))) == str(2**62)
        assert [entry.outcome for entry in there.audit] == ["done"] * 6
        assert {(entry.kind, entry.user, entry.subject) for entry in there.audit} == {
            ("detokenise", "oda", "lake.s.people")
        }
        assert all(REASON in entry.detail and CANARY not in entry.detail for entry in there.audit)

    within(tmp_path, store_url, work)
    if store_url.startswith("sqlite"):
        kept = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
        assert CANARY.encode() not in kept


REFUSED = [
    ("ana", "email", REASON, ErrorCode.PERMISSION_DENIED),
    ("oto", "email", REASON, ErrorCode.PERMISSION_DENIED),
    ("root", "email", REASON, ErrorCode.PERMISSION_DENIED),
    ("oda", "nothing", REASON, ErrorCode.PERMISSION_DENIED),
    ("oda", "city", REASON, ErrorCode.NOT_SUPPORTED),
    ("oda", "email", "", ErrorCode.INVALID_PROCEDURE_ARGUMENT),
    ("oda", "email", "  x         ", ErrorCode.INVALID_PROCEDURE_ARGUMENT),
    ("oda", "email", "x" * 501, ErrorCode.INVALID_PROCEDURE_ARGUMENT),
]


def test_nothing_is_revealed_without_grant_and_reason_and_each_try_is_noted(tmp_path: Path) -> None:
    async def work(there: World) -> None:
        await there.fill("email")
        for user, column, reason, code in REFUSED:
            with pytest.raises(Refusal) as refused:
                await there.reveal(column, token_of(there, "email", CANARY), user, reason)
            assert refused.value.code is code, (user, column, reason)
            assert CANARY not in refused.value.text
            entry = there.audit[-1]
            assert (entry.kind, entry.user, entry.outcome) == ("detokenise", user, "refused")
        assert len(there.audit) == len(REFUSED)

    within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work)


def test_a_token_that_the_vault_does_not_keep_is_not_found(tmp_path: Path) -> None:
    async def work(there: World) -> None:
        for token in (token_of(there, "email", CANARY), "t_" + "0" * 32, "%", "' OR 1=1 --"):
            with pytest.raises(Refusal) as refused:
                await there.reveal("email", token)
            assert refused.value.code is ErrorCode.NOT_FOUND

    within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work)


def test_nothing_is_revealed_when_the_audit_cannot_be_written(tmp_path: Path) -> None:
    async def full(_: Entry) -> None:
        raise OSError("no space left")

    async def work(there: World) -> None:
        await there.fill("email")
        asked = Reveal(PEOPLE, "email", token_of(there, "email", CANARY), REASON)
        subject = Subject("oda", frozenset({"officer"}))
        with pytest.raises(Refusal) as refused:
            await reveal(asked, subject, await there.catalog.fetch(PEOPLE), there.known, there.store, full)
        assert refused.value.code is ErrorCode.GENERIC_EXTERNAL

    within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work)


def test_a_value_put_in_another_ones_place_is_not_shown(tmp_path: Path) -> None:
    async def work(there: World) -> None:
        await there.fill("email")
        async with there.store._engine.begin() as connection:
            rows = (await connection.execute(vault_table.select())).all()
            stolen = rows[0].sealed
            await connection.execute(update(vault_table).values(sealed=stolen))
        for value in filter(None, NAMES):
            token = token_of(there, "email", value)
            if rows[0].digest.startswith(token.removeprefix("t_")):
                continue
            with pytest.raises(Refusal) as refused:
                await there.reveal("email", token)
            assert refused.value.code is ErrorCode.GENERIC_EXTERNAL

    within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work)


def test_a_token_of_two_values_is_good_for_neither(tmp_path: Path, store_url: str) -> None:
    async def work(there: World) -> None:
        token = token_of(there, "email", CANARY)
        digits = token.removeprefix("t_")
        space = '["pii", "pii", null]'
        await there.store.add([Sealed(space, digits + end * 32, b"x") for end in "0f"])
        with pytest.raises(Refusal) as refused:
            await there.reveal("email", token)
        assert refused.value.code is ErrorCode.NOT_SUPPORTED

    within(tmp_path, store_url, work)


def test_each_tenant_reveals_the_tokens_of_its_own_values_only(tmp_path: Path) -> None:
    async def work(there: World) -> None:
        assert set(places(there.known)) == {
            Place(PEOPLE, column, tenant) for column in ("email", "id") for tenant in ("acme", "zenith")
        }
        await there.fill("email", "acme")
        with pytest.raises(Unfit, match="tenant"):
            await there.fill("email")
        token = token_of(there, "email", CANARY, "acme")
        assert await there.reveal("email", token, "oda") == CANARY
        with pytest.raises(Refusal) as refused:
            await there.reveal("email", token, "odo")
        assert refused.value.code is ErrorCode.NOT_FOUND

    within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work, tenants=True)


def test_columns_without_reversible_tokens_are_not_filled(tmp_path: Path) -> None:
    async def work(there: World) -> Sequence[str]:
        found = []
        for column in ("city", "nothing"):
            with pytest.raises(Unfit) as unfit:
                await there.fill(column)
            found.append(str(unfit.value))
        return found

    city, nothing = within(tmp_path, f"sqlite:///{tmp_path}/vault.db", work)
    assert "vault: true" in city
    assert "no column" in nothing


def test_a_vault_that_does_not_answer_says_so(tmp_path: Path) -> None:
    async def work() -> None:
        store = VaultStore("postgresql://nobody@127.0.0.1:1/none", timeout=2.0)
        try:
            with pytest.raises(VaultError):
                await store.find("space", "00")
        finally:
            await store.close()

    asyncio.run(work())
