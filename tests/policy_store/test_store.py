"""The store of policy documents: versions in a chain, one of them live, written whole or not at all."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.policy_store.kept import KeptCopy
from gateway.policy_store.store import (
    ChangeUnknown,
    PolicyStore,
    PolicyStoreError,
    StaleVersion,
    Version,
    read_only,
)

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).parents[2]


@pytest_asyncio.fixture
async def store(store_url: str) -> AsyncIterator[PolicyStore]:
    found = PolicyStore(store_url)
    yield found
    await found.close()


async def put(store: PolicyStore, parent: int, text: str = "{}", name: str = "statements") -> Version:
    return await store.replace(name, parent, text, author="ana", note="a change")


async def test_each_version_takes_the_place_of_the_one_it_was_made_of(store: PolicyStore) -> None:
    assert await store.live() == ()
    texts = ['{"a": "\\u0000 é"}', "{}", '{"b":  1}']
    for parent, text in enumerate(texts):
        made = await put(store, parent, text)
        assert (made.version, made.parent, made.state) == (parent + 1, parent, "live")
    (live,) = await store.live()
    assert (live.version, live.document, live.author, live.note) == (3, texts[-1], "ana", "a change")
    history = await store.history("statements")
    assert [(each.version, each.state) for each in history] == [(1, "replaced"), (2, "replaced"), (3, "live")]
    assert [each.document for each in history] == texts


@pytest.mark.parametrize("parent", [0, 1, 3])
async def test_a_stale_version_is_refused_and_changes_nothing(store: PolicyStore, parent: int) -> None:
    await put(store, 0)
    await put(store, 1)
    before = await store.history("statements")
    with pytest.raises(StaleVersion):
        await put(store, parent)
    assert await store.history("statements") == before


async def test_documents_have_chains_of_their_own(store: PolicyStore) -> None:
    await put(store, 0, "1", "lineage")
    await put(store, 0, "2")
    await put(store, 1, "3")
    assert [(each.name, each.version, each.document) for each in await store.live()] == [
        ("lineage", 1, "1"),
        ("statements", 2, "3"),
    ]


async def test_of_many_writers_at_once_one_wins_each_version(store: PolicyStore, store_url: str) -> None:
    others = [PolicyStore(store_url) for _ in range(4)]
    for parent in range(3):
        ends = await asyncio.gather(*(put(each, parent) for each in others), return_exceptions=True)
        assert sorted(type(end).__name__ for end in ends) == ["StaleVersion"] * 3 + ["Version"]
    assert [each.version for each in await store.live()] == [3]
    for each in others:
        await each.close()


_WRITER = """
    import asyncio, os, signal, sys
    from sqlalchemy import event
    from gateway.policy_store.store import PolicyStore

    async def main():
        store = PolicyStore(sys.argv[1])
        await store.live()
        def die(connection, cursor, statement, *_):
            if statement.startswith(sys.argv[2]) and "penstock_policies" in statement:
                os.kill(os.getpid(), signal.SIGKILL)
        event.listen(store._engine.sync_engine, "after_cursor_execute", die)
        await store.replace("statements", 1, "{}", author="bo", note="")

    asyncio.run(main())
"""


def _plain(script: str) -> str:
    return "\n".join(line[4:] for line in script.splitlines())


@pytest.mark.long
@pytest.mark.parametrize("word", ["INSERT", "UPDATE"])
async def test_a_writer_killed_in_the_midst_leaves_the_version_before(
    store: PolicyStore, store_url: str, word: str
) -> None:
    first = await put(store, 0, "1")
    command = [sys.executable, "-c", _plain(_WRITER), store_url, word]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [each.id for each in await store.live()] == [first.id]
    assert len(await store.history("statements")) == 1
    assert (await put(store, 1, "2")).version == 2


_ENDLESS_WRITER = """
    import asyncio, sys
    from gateway.policy_store.store import PolicyStore, StaleVersion

    async def main():
        store = PolicyStore(sys.argv[1])
        print("on", flush=True)
        while True:
            live = await store.live()
            try:
                await store.replace("statements", live[0].version if live else 0, "{}", author="a", note="")
            except StaleVersion:
                pass

    asyncio.run(main())
"""


def _kill_writers(store_url: str, seconds: float) -> None:
    """Let two writers write, each as fast as it can, and kill them."""
    command = [sys.executable, "-c", _plain(_ENDLESS_WRITER), store_url]
    writers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for each in writers:
        assert each.stdout is not None
        assert each.stdout.readline() == "on\n"
    time.sleep(seconds)
    for each in writers:
        each.kill()
        each.communicate()


@pytest.mark.long
async def test_writers_killed_at_any_moment_leave_a_whole_chain(store: PolicyStore, store_url: str) -> None:
    for number in range(12):
        await asyncio.to_thread(_kill_writers, store_url, 0.2 + number / 37)
        history = await store.history("statements")
        assert [each.version for each in history] == list(range(1, len(history) + 1))
        assert all(after.parent == before.version for before, after in pairwise(history))
        assert [each.state for each in history[:-1]] == ["replaced"] * len(history[:-1])
        assert [each.state for each in history[-1:]] == ["live"] * len(history[-1:])
    assert len(history) > 12


async def test_a_store_that_is_away_reads_and_writes_nothing_and_tells_no_address(tmp_path: Path) -> None:
    away = PolicyStore("postgresql://somebody:secret@127.0.0.1:9/none", timeout=3)
    for work in (away.live, away.heads):
        with pytest.raises(PolicyStoreError) as refused:
            await work()
        assert "secret" not in str(refused.value)
    with pytest.raises(ChangeUnknown):
        await put(away, 0)
    await away.close()


async def test_reading_alone_makes_neither_a_store_nor_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "usage.db"
    assert await read_only(f"sqlite:///{path}") == ()
    assert not path.exists()
    store = PolicyStore(f"sqlite:///{path}")
    made = await put(store, 0)
    await store.close()
    assert [each.id for each in await read_only(f"sqlite:///{path}")] == [made.id]


async def test_the_copy_on_this_host_is_of_one_store_and_of_its_owner_only(store: PolicyStore, tmp_path: Path) -> None:
    await put(store, 0)
    live = await store.live()
    copy = KeptCopy(tmp_path / "data", "one")
    assert copy.read() is None
    copy.write(live)
    assert copy.read() == live
    assert KeptCopy(tmp_path / "data", "another").read() is None
    (path,) = (tmp_path / "data").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(path.read_bytes()[:-5])
    assert copy.read() is None
