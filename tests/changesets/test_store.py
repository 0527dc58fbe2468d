"""Changesets in the store, SQLite and Postgres: a promotion that is killed anywhere leaves all of it or nothing."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.changesets.model import EDITS, Changeset
from gateway.changesets.proposing import Write
from gateway.changesets.store import ChangesetStore, StaleRevision
from gateway.policy_store.store import PolicyStore, StaleVersion

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).parents[2]
WRITES = (Write("governed", None, '{"version":1,"roles":{"a":null}}'), Write("people", None, '{"version":1}'))


def changeset(name: str = "first") -> Changeset:
    edits = EDITS.validate_python([{"op": "put", "section": "roles", "key": "a", "entry": None}])
    return Changeset(f"id of {name}", 0, 1, "draft", name, "", "stella", "stella", 1.0, 1.0, edits=edits)


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[ChangesetStore]:
    found = ChangesetStore(PolicyStore(store_url))
    yield found
    await found.policies.close()


async def test_a_changeset_comes_back_as_it_was_kept(store: ChangesetStore) -> None:
    one, two = [await store.begin(changeset(name)) for name in ("one", "tw\ud83do".encode("utf-8", "replace").decode())]
    assert (one.number, two.number) == (1, 2)
    assert await store.get(one.id) == one
    changed = await store.change(one, replace(one, state="shadow", note="é\n"), "submit", "stella")
    assert (await store.get(one.id)).note == "é\n"
    with pytest.raises(StaleRevision):
        await store.change(one, replace(one, state="discarded"), "discard", "root")
    assert [each.id for each in await store.page(None, None, None, 10)] == [two.id, one.id]
    assert [each.id for each in await store.page("shadow", "stella", 2, 10)] == [changed.id]


async def test_of_promotions_at_once_one_is_written_whole(store: ChangesetStore) -> None:
    made = [await store.begin(changeset(str(number))) for number in range(4)]
    steps = [store.apply(each, replace(each, state="live"), "promote", "root", WRITES, {}) for each in made]
    ends = await asyncio.gather(*steps, return_exceptions=True)
    assert sum(isinstance(end, StaleVersion) for end in ends) == 3
    assert [each.name for each in await store.policies.live()] == ["governed", "people"]
    states = sorted([(await store.get(each.id)).state for each in made])
    assert states == ["draft", "draft", "draft", "live"]
    (change,) = await store.history("roles", "a", None, 10)
    assert (change.op, change.author, change.document) == ("put", "root", "governed")


_PROMOTER = """
    import asyncio, os, signal, sys
    from dataclasses import replace
    from sqlalchemy import event
    from gateway.audit.chain import Chain
    from gateway.changesets.proposing import Write
    from gateway.changesets.store import ChangesetStore
    from gateway.policy_store.store import PolicyStore

    async def main():
        store = ChangesetStore(PolicyStore(sys.argv[1], chain=Chain()))
        seen = await store.get("id of first")
        def die(connection, cursor, statement, *_):
            if " ".join(statement.split()).startswith(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)
        event.listen(store.policies._engine.sync_engine, "after_cursor_execute", die)
        writes = (Write("governed", None, '{"version":1,"roles":{"a":null}}'), Write("people", None, '{"version":1}'))
        await store.apply(seen, replace(seen, state="live"), "promote", "root", writes, {})

    asyncio.run(main())
"""
MOMENTS = [
    "INSERT INTO penstock_policies",
    "UPDATE penstock_changesets",
    "INSERT INTO penstock_policy_changes",
    "INSERT INTO penstock_audit",
]


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_promotion_killed_in_the_midst_leaves_nothing(
    store: ChangesetStore, store_url: str, moment: str
) -> None:
    made = await store.begin(changeset())
    command = [sys.executable, "-c", textwrap.dedent(_PROMOTER), store_url, moment]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert await store.policies.live() == ()
    assert await store.get(made.id) == made
    assert await store.history("roles", "a", None, 10) == ()
    done_now = await store.apply(made, replace(made, state="live"), "promote", "root", WRITES, {})
    assert [each.name for each in done_now.made] == ["governed", "people"]
