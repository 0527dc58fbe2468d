"""The chain: any change of it is found and located, and entries get into it once, whoever else appends."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.audit.chain import Chain
from gateway.audit.links import ChainKeys, Head, Link, canonical
from gateway.audit.verify import Report, verify
from gateway.recording.database import connect_engine
from tests.audit.chains import KEYS, append, bend, chained, one_page, read, some_entry, walk

ROOT = Path(__file__).parents[2]
TEXTS = [name for name in Link.__struct_fields__ if name not in ("seq", "at")]


def check(links: list[Link], keys: ChainKeys = KEYS, **options: Any) -> Report:
    return asyncio.run(verify(one_page(links), keys, **options))


def located(report: Report) -> int:
    return min(fault.seq for fault in report.faults)


@given(st.data())
@settings(max_examples=200)
def test_a_byte_changed_in_any_field_of_any_entry_is_found_and_located(data: st.DataObject) -> None:
    links = chained(some_entry(number) for number in range(6))
    place = data.draw(st.integers(0, 5))
    name = data.draw(st.sampled_from(TEXTS))
    encoded = bytearray(getattr(links[place], name).encode())
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    links[place] = replace(links[place], **{name: encoded.decode("utf-8", "surrogateescape")})
    report = check(links)
    assert not report.intact
    assert located(report) == place + 1
    assert {fault.seq for fault in report.faults} <= {place + 1, place + 2}


@given(st.integers(0, 5), st.sampled_from(["seq", "at"]), st.integers(-(2**62), 2**62))
def test_a_number_changed_in_any_entry_is_found(place: int, name: str, value: int) -> None:
    links = chained(some_entry(number) for number in range(6))
    if value == getattr(links[place], name):
        return
    links[place] = replace(links[place], **{name: value})
    assert not check(sorted(links, key=lambda link: link.seq)).intact


@given(st.data())
def test_bytes_moved_from_one_field_to_its_neighbour_are_found(data: st.DataObject) -> None:
    """Fields are hashed behind their lengths: `ab` + `c` is not `a` + `bc`."""
    links = chained(some_entry(number) for number in range(2))
    one, other = data.draw(st.sampled_from([("actor", "user_name"), ("subject", "outcome"), ("outcome", "detail")]))
    whole = asdict(links[0])
    count = data.draw(st.integers(1, len(whole[one])))
    moved = {one: whole[one][:-count], other: whole[one][-count:] + whole[other]}
    bent = replace(links[0], **moved)
    assert canonical(bent) != canonical(links[0])
    assert located(check([bent, links[1]])) == 1


@given(st.integers(0, 6), st.integers(1, 3))
def test_entries_removed_from_the_middle_are_found_and_named(start: int, count: int) -> None:
    links = chained(some_entry(number) for number in range(10))
    del links[start : start + count]
    (fault,) = check(links).faults
    assert (fault.seq, fault.kind) == (start + 1, "missing")
    assert str(start + count) in fault.text


@given(st.integers(0, 9), st.integers(1, 9))
def test_entries_cut_from_the_end_are_found_by_an_anchor(place: int, count: int) -> None:
    links = chained(some_entry(number) for number in range(10))
    anchor = Head(links[place].seq, links[place].hash)
    left = links[: len(links) - count]
    report = check(left, anchors=[anchor])
    assert report.intact == (place < len(left))
    if not report.intact:
        (fault,) = report.faults
        assert (fault.seq, fault.kind) == (len(left) + 1, "cut")


@given(st.permutations(range(6)))
def test_entries_in_another_order_are_found_where_it_begins(order: list[int]) -> None:
    links = chained(some_entry(number) for number in range(6))
    moved = [replace(links[source], seq=number) for number, source in enumerate(order, start=1)]
    report = check(moved)
    wrong = [number for number, source in enumerate(order) if source != number]
    assert report.intact == (not wrong)
    if wrong:
        assert located(report) == wrong[0] + 1


@given(st.integers(0, 6), st.booleans())
def test_an_entry_inserted_by_somebody_without_the_key_is_found(place: int, links_well: bool) -> None:
    """He may renumber what follows, and link his own with the hashes he sees, or with a key of his own."""
    links = chained(some_entry(number) for number in range(6))
    before = Head(place, links[place - 1].hash if place else "0" * 64)
    own = ChainKeys.of([("k1", "a key of somebody else's, who guesses")]) if links_well else ChainKeys()
    forged = own.link(some_entry(99), before)
    after = [replace(link, seq=link.seq + 1) for link in links[place:]]
    assert located(check([*links[:place], forged, *after])) == place + 1


@pytest.mark.parametrize("anchored", [True, False])
def test_a_chain_made_anew_without_a_key_is_found_where_there_is_a_key_or_an_anchor(anchored: bool) -> None:
    entries = [some_entry(number) for number in range(6)]
    real, forged = chained(entries), chained(entries[:3] + entries[4:], ChainKeys())
    assert {fault.kind for fault in check(forged).faults} == {"unkeyed"}
    unkeyed = chained(entries, ChainKeys())
    report = check(forged, ChainKeys(), anchors=[Head(5, unkeyed[4].hash)] if anchored else [])
    assert report.intact != anchored
    assert report.unkeyed == 5
    assert check(real).unkeyed == 0


def test_a_key_may_come_later_and_be_changed_while_old_hashes_still_hold() -> None:
    first = chained([some_entry(0), some_entry(1)], ChainKeys())
    second = chained([some_entry(2)], KEYS, Head(2, first[-1].hash))
    both = ChainKeys.of(
        [("k2", "the key that came after the first of them"), ("k1", "a secret of more than thirty-two characters")]
    )
    third = chained([some_entry(3)], both, Head(3, second[-1].hash))
    links = [*first, *second, *third]
    assert check(links, both, unkeyed_until=2).intact
    assert {fault.kind for fault in check(links, both).faults} == {"unkeyed"}
    assert [fault.kind for fault in check(links, KEYS, unkeyed_until=2).faults] == ["unknown key"]


def test_a_walk_may_begin_behind_what_was_archived() -> None:
    links = chained(some_entry(number) for number in range(6))
    assert check(links[3:], after=Head(3, links[2].hash)).intact
    assert located(check(links[3:], after=Head(3, links[1].hash))) == 4


@pytest.mark.asyncio
async def test_what_was_appended_is_read_back_and_holds(store_url: str) -> None:
    odd = [some_entry(2, subject="\x00 \udcff 'ü' \u2028", detail={"text": "\x00\udcff\U0001f600", "deep": [1, None]})]
    await append(store_url, [some_entry(1), *odd])
    await append(store_url, [some_entry(number) for number in range(3, 9)])
    links = await read(store_url)
    assert [link.seq for link in links] == list(range(1, 9))
    report = await walk(store_url)
    assert report.intact, report.faults
    assert (report.links, report.head) == (8, Head(8, links[-1].hash))


@pytest.mark.asyncio
async def test_an_entry_sent_again_is_in_the_chain_once_and_is_told_again(store_url: str) -> None:
    await append(store_url, [some_entry(1), some_entry(2)])
    again = await append(store_url, [some_entry(2), some_entry(3), some_entry(3)])
    assert [link.id for link in again.new] == ["e3"]
    assert [link.id for link in again.known] == ["e2"]
    assert [link.id for link in await read(store_url)] == ["e1", "e2", "e3"]


@pytest.mark.asyncio
async def test_a_transaction_rolled_back_leaves_no_entry_and_no_gap(store_url: str) -> None:
    await append(store_url, [some_entry(1)])
    engine = connect_engine(store_url)
    with pytest.raises(ZeroDivisionError):
        async with engine.begin() as connection:
            await Chain(KEYS).append(connection, [some_entry(2)])
            raise ZeroDivisionError
    await engine.dispose()
    await append(store_url, [some_entry(3)])
    assert [(link.seq, link.id) for link in await read(store_url)] == [(1, "e1"), (2, "e3")]
    assert (await walk(store_url)).intact


@pytest.mark.asyncio
@pytest.mark.parametrize("change", ["UPDATE penstock_audit SET actor = 'me'", "DELETE FROM penstock_audit"])
async def test_the_table_takes_no_changes_from_who_does_not_own_it(store_url: str, change: str) -> None:
    await append(store_url, [some_entry(1)])
    engine = connect_engine(store_url)
    with pytest.raises(DBAPIError, match="append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change))
    await engine.dispose()


@pytest.mark.asyncio
async def test_what_is_bent_in_the_store_is_found_there(store_url: str) -> None:
    await append(store_url, [some_entry(number) for number in range(1, 11)])
    await bend(store_url, "UPDATE penstock_audit SET detail = '{}' WHERE seq = 4")
    await bend(store_url, "DELETE FROM penstock_audit WHERE seq = 7")
    report = await walk(store_url)
    assert [(fault.seq, fault.kind) for fault in report.faults] == [
        (4, "altered"),
        (7, "missing"),
    ]


@pytest.mark.asyncio
async def test_values_of_other_types_and_texts_that_are_none_are_found_in_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'usage.db'}"
    await append(url, [some_entry(number) for number in range(1, 6)])
    await bend(url, "UPDATE penstock_audit SET kind = CAST(kind AS BLOB) WHERE seq = 2")
    await bend(url, "UPDATE penstock_audit SET actor = CAST(X'ff41' AS TEXT) WHERE seq = 3")
    await bend(url, "UPDATE penstock_audit SET at = 'soon' WHERE seq = 4")
    assert [(fault.seq, fault.kind) for fault in (await walk(url)).faults] == [(n, "altered") for n in (2, 3, 4)]


@pytest.mark.asyncio
async def test_a_chain_that_was_cut_while_a_gateway_runs_says_so_itself(store_url: str) -> None:
    chain = Chain(KEYS)
    await append(store_url, [some_entry(number) for number in range(1, 6)], chain)
    await bend(store_url, "DELETE FROM penstock_audit WHERE seq > 3")
    appended = await append(store_url, [some_entry(6)], chain)
    assert appended.broken is not None
    assert (appended.broken[0].seq, appended.broken[1].seq) == (5, 3)
    assert [link.kind for link in appended.new] == ["audit.broken", "read"]
    assert (await append(store_url, [some_entry(7)], chain)).broken is None
    assert (await walk(store_url)).intact, "what is left is whole: the entry and the anchors tell of the cut"


@pytest.mark.asyncio
async def test_a_head_known_from_before_a_restart_finds_a_chain_that_was_bent_meanwhile(store_url: str) -> None:
    head = (await append(store_url, [some_entry(1), some_entry(2)])).head
    assert (await append(store_url, [some_entry(3)], Chain(KEYS, head))).broken is None
    await bend(store_url, "UPDATE penstock_audit SET hash = prev WHERE seq = 2")
    assert (await append(store_url, [some_entry(4)], Chain(KEYS, head))).broken is not None


@pytest.mark.asyncio
async def test_an_entry_whose_id_somebody_took_beforehand_is_kept_all_the_same(store_url: str) -> None:
    await append(store_url, [some_entry(1)])
    await append(store_url, [some_entry(2, outcome="forged")], Chain(ChainKeys()))
    for _ in range(2):
        await append(store_url, [some_entry(2), some_entry(3)])
    links = await read(store_url)
    assert [link.id for link in links] == ["e1", "e2", "e3", "audit.broken:e2"]
    kept = json.loads(links[-1].detail)["entry"]
    assert (kept["id"], kept["outcome"], kept["actor"]) == ("e2", "done", "user2")
    assert [(fault.seq, fault.kind) for fault in (await walk(store_url)).faults] == [(2, "unkeyed")]


WRITER = """
    import asyncio, sys
    from tests.audit.chains import append, some_entry

    async def main():
        for number in range(20):
            await append(sys.argv[1], [some_entry(int(sys.argv[2]) + number), some_entry(9_000 + number)])

    asyncio.run(main())
"""


@pytest.mark.long
def test_processes_that_append_at_once_make_one_chain_with_each_entry_once(store_url: str) -> None:
    """Each sends entries of its own and some that both send."""
    asyncio.run(append(store_url, []))
    command = [sys.executable, "-c", textwrap.dedent(WRITER), store_url]
    writers = [subprocess.Popen([*command, str(first)], cwd=ROOT) for first in (1_000, 2_000)]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    links = asyncio.run(read(store_url))
    assert sorted(link.id for link in links) == sorted(
        f"e{first + number}" for first in (1_000, 2_000, 9_000) for number in range(20)
    )
    report = asyncio.run(walk(store_url))
    assert report.intact, report.faults
    assert report.links == 60
