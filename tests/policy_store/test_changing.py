"""Changing policies beside files: whole or not at all, one writer after the other, and never less than was in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from catalog.errors import ErrorCode, Location, Refusal
from catalog.objects import Column, Table, TableName
from catalog.types import parse_type
from gateway.events import PolicyReloaded
from gateway.policy_files import PolicyFiles
from gateway.policy_store.changing import change_policies
from gateway.policy_store.edits import DropRule, Places, PutRule
from gateway.policy_store.inheriting import Inherit
from gateway.policy_store.kept import KeptCopy
from gateway.policy_store.store import PolicyStore, PolicyStoreError
from policies.decisions import Action, Subject
from policies.document import RowFilter
from policies.faults import PolicyError
from policies.index import PolicySet
from policies.inheritance import Inheritance
from policies.mask_specs import RedactMask
from policies.overlay import rule_id

pytestmark = pytest.mark.asyncio
NAME = TableName("lake", "trading", "trades")
TABLE = Table(NAME, (Column("id", parse_type("bigint")), Column("desk", parse_type("varchar"))), "lake")
ANA = Subject("ana", frozenset({"analyst"}))
FILE = """\
version: 1
roles: {analyst: , trader: }
grants:
  - {id: read, roles: [analyst], assets: "lake.trading.*", allow: [read]}
row_filters:
  - {id: by_desk, table: lake.trading.trades, roles: [analyst], filter: "desk = 'FILE'"}
  - {id: other, table: lake.trading.trades, roles: [analyst, trader], filter: "id > 0"}
"""
HERE = Location(1, 1)


def put(name: str, condition: str, *, role: str = "analyst", replaces: bool = False, tolerate: bool = False) -> PutRule:
    rule = RowFilter(id=rule_id("row", name, str(NAME)), table=str(NAME), filter=condition, roles=(role,))
    return PutRule("row", name, rule, TABLE, replaces, tolerate, Places(HERE, HERE, Location(7, 7), {role: HERE}))


def drop(name: str) -> DropRule:
    return DropRule("row", name, rule_id("row", name, str(NAME)), NAME, False, HERE)


def shown(policies: PolicySet) -> str:
    """Return the condition that the analyst's rows must meet."""
    condition = policies.decide(ANA, Action.SELECT, TABLE).row_filter
    return condition.sql("trino") if condition is not None else ""


async def change(files: PolicyFiles, edit: PutRule | DropRule | Inherit, allowed: bool = True) -> None:
    async def alone(_: TableName) -> bool:
        return True

    await change_policies(files, edit, "root", lambda _, table: allowed and table == NAME, alone)


class Host:
    """What gateways on one host share: files, a store, and the copy of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "policies.yaml"
        self.file.write_text(FILE)
        self.url = f"sqlite:///{folder / 'usage.db'}"
        self.copy = KeptCopy(folder / "data", self.url)
        self.events: list[PolicyReloaded] = []

    def files(self, url: str | None = None) -> PolicyFiles:
        return PolicyFiles([self.file], self.events.append, PolicyStore(url or self.url, timeout=3), self.copy)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest_asyncio.fixture
async def pair(host: Host) -> AsyncIterator[tuple[PolicyFiles, PolicyFiles]]:
    both = host.files(), host.files()
    for each in both:
        await each.refresh()
    yield both
    for each in both:
        await each.close()


Pair = tuple[PolicyFiles, PolicyFiles]


async def test_a_change_is_in_force_for_its_writer_at_once_and_for_others_once_they_look(pair: Pair) -> None:
    one, other = pair
    await change(one, put("mine", "desk = currentUser()"))
    assert "\"desk\" = 'ana'" in shown(one.current())
    assert "'ana'" not in shown(other.current())
    await other.refresh()
    assert shown(other.current()) == shown(one.current())
    assert one.current().version == other.current().version
    await change(other, drop("mine"))
    await one.refresh()
    assert "'ana'" not in shown(one.current())


async def test_a_statement_stands_in_the_place_of_the_files_rule_of_its_name_until_it_is_dropped(pair: Pair) -> None:
    one, _ = pair
    assert "'FILE'" in shown(one.current())
    await change(one, put("by_desk", "desk = 'STATEMENT'"))
    assert "'FILE'" not in shown(one.current())
    assert "'STATEMENT'" in shown(one.current())
    assert '"id" > 0' in shown(one.current())
    await change(one, drop("by_desk"))
    assert "'FILE'" in shown(one.current())
    assert "'STATEMENT'" not in shown(one.current())


async def test_writers_at_once_come_one_after_the_other_and_lose_nothing(pair: Pair) -> None:
    names = [f"p{number}" for number in range(6)]
    await asyncio.gather(*(change(pair[n % 2], put(name, f"id <> {n}")) for n, name in enumerate(names)))
    for each in pair:
        await each.refresh()
        assert all(f'"id" <> {n}' in shown(each.current()) for n in range(6))


async def test_of_writers_of_one_name_at_once_one_succeeds(pair: Pair) -> None:
    ends = await asyncio.gather(*(change(each, put("p", "id = 1")) for each in (*pair, *pair)), return_exceptions=True)
    refused = [end for end in ends if end is not None]
    assert len(refused) == 3
    assert all(isinstance(end, Refusal) and end.code is ErrorCode.ALREADY_EXISTS for end in refused)


async def test_replacing_and_tolerating(pair: Pair) -> None:
    one, _ = pair
    await change(one, put("p", "id = 1"))
    await change(one, put("p", "id = 2", tolerate=True))
    assert '"id" = 1' in shown(one.current())
    await change(one, put("p", "id = 3", replaces=True))
    assert '"id" = 3' in shown(one.current())
    assert '"id" = 1' not in shown(one.current())
    with pytest.raises(Refusal) as refused:
        await change(one, drop("q"))
    assert refused.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    ("edit", "code", "place"),
    [
        (put("p", "no_such = 1"), ErrorCode.INVALID_ARGUMENTS, Location(7, 7)),
        (put("p", "id"), ErrorCode.INVALID_ARGUMENTS, Location(7, 7)),
        (put("p", "count(*) > 1"), ErrorCode.INVALID_ARGUMENTS, Location(7, 7)),
        (put("p", "id = "), ErrorCode.INVALID_ARGUMENTS, Location(7, 7)),
        (put("p", "id = 1", role="nobody"), ErrorCode.ROLE_NOT_FOUND, HERE),
    ],
    ids=["unknown column", "no condition", "an aggregate", "half an expression", "unknown role"],
)
async def test_what_does_not_compile_is_refused_whole_and_the_live_policy_stays(
    pair: Pair, edit: PutRule, code: ErrorCode, place: Location
) -> None:
    one, other = pair
    await change(one, put("good", "id < 100"))
    before, stored = one.current(), await one.store.live()  # type: ignore[union-attr]  # these have a store
    with pytest.raises(Refusal) as refused:
        await change(one, edit)
    assert (refused.value.code, refused.value.location) == (code, place)
    assert one.current() is before
    await other.refresh()
    assert await other.store.live() == stored  # type: ignore[union-attr]  # these have a store


async def test_who_lost_the_right_since_the_statement_was_planned_changes_nothing(pair: Pair) -> None:
    with pytest.raises(Refusal) as refused:
        await change(pair[0], put("p", "id = 1"), allowed=False)
    assert refused.value.code is ErrorCode.PERMISSION_DENIED
    assert await pair[0].store.live() == ()  # type: ignore[union-attr]  # these have a store


async def test_tags_add_up_and_the_same_tags_again_make_no_version(pair: Pair) -> None:
    one, _ = pair
    for tags in ({"desk": frozenset({"pii.a"})}, {"desk": frozenset({"pii.b"})}, {"desk": frozenset({"pii.a"})}):
        await change(one, Inherit(NAME, Inheritance(columns=tags)))
    assert one.current().tags_of(NAME).columns == {"desk": {"pii.a", "pii.b"}}
    assert [each.version for each in await one.store.live()] == [2]  # type: ignore[union-attr]  # these have a store


async def test_a_store_that_dies_keeps_the_last_good_policies_and_takes_no_change(pair: Pair, host: Host) -> None:
    one, _ = pair
    await change(one, put("p", "desk = 'KEPT'"))
    await one.store.close()  # type: ignore[union-attr]  # these have a store
    one.store = PolicyStore("postgresql://nobody@127.0.0.1:9/none", timeout=3)
    before = one.current()
    with pytest.raises(PolicyStoreError):
        await one.refresh()
    with pytest.raises(Refusal) as refused:
        await change(one, put("q", "id = 1"))
    assert refused.value.code is ErrorCode.GENERIC_EXTERNAL
    assert "nothing was changed" in refused.value.text
    assert one.governing() is before
    restarted = host.files()  # from this host's copy, before it asked the store
    assert "'KEPT'" in shown(restarted.governing())
    await restarted.close()


async def test_a_gateway_that_never_knew_the_stored_policies_plans_nothing(host: Host) -> None:
    files = host.files("postgresql://nobody@127.0.0.1:9/none")
    await files.start()
    assert not files.known
    with pytest.raises(Refusal) as refused:
        files.governing()
    assert refused.value.code is ErrorCode.SERVER_STARTING_UP
    assert files.current().roles_of("ana") == frozenset()
    await files.close()


async def test_stored_policies_that_do_not_go_with_the_files_leave_the_last_good_ones_and_are_told_once(
    pair: Pair, host: Host
) -> None:
    await change(pair[0], put("p", "desk = 'T'", role="trader"))
    host.file.write_text(FILE.replace("trader: ", "clerk: ").replace("[analyst, trader]", "[analyst]"))
    lost = PolicyFiles([host.file], host.events.append, PolicyStore(host.url))
    for _ in range(3):
        await lost.refresh()
    assert not lost.known
    told = [each for each in host.events if not each.ok]
    assert len(told) == 1
    assert "policy store (statements)" in told[0].error
    await lost.close()


async def test_a_file_that_takes_the_role_of_a_stored_policy_away_changes_nothing(pair: Pair, host: Host) -> None:
    one, _ = pair
    await change(one, put("p", "desk = 'T'", role="trader"))
    before = one.current()
    host.file.write_text(FILE.replace("trader: ", "clerk: ").replace("[analyst, trader]", "[analyst]"))
    assert not await one.reload()
    assert one.current() is before
    with pytest.raises(PolicyError):
        host.files()


async def test_a_role_that_copies_inherited_masks_for_may_go_and_its_columns_stay_hidden(
    pair: Pair, host: Host
) -> None:
    one, _ = pair
    redact = RedactMask(kind="redact")
    given = Inheritance(masks={"desk": {"role:trader": redact}, "id": {"role:trader": None, "role:analyst": None}})
    await change(one, Inherit(NAME, given))
    host.file.write_text(FILE.replace("trader: ", "clerk: ").replace("[analyst, trader]", "[analyst]"))
    assert await one.reload()
    decision = one.current().decide(ANA, Action.SELECT, TABLE)
    assert decision.columns == ("id", "desk")
    assert {name: mask.sql("trino") for name, mask in decision.masks.items()} == {"desk": "CAST(NULL AS VARCHAR)"}
