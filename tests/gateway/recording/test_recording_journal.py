"""The journal: nothing is forgotten before it is shipped, everything soon after, and it never grows for ever."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from gateway.recording.entries import opened
from gateway.recording.journal import Journal
from gateway.recording.segments import claim_dead, force_to_disk, segment_paths, segments_size
from tests.gateway.recording.usage_records import finished, received

SMALL = 4096


@pytest.fixture
def journal(tmp_path: Path):
    journal = Journal(tmp_path / "journal", SMALL)
    yield journal
    journal.close()


def start(journal: Journal, query_id: str) -> None:
    journal.open(opened(received(query_id), 1000))


def ship_all(journal: Journal, limit: int = 7) -> list[str]:
    shipped: list[str] = []
    while True:
        batch = journal.read(limit)
        journal.advance(batch)
        if not batch.records:
            return shipped
        shipped += [record.query_id for record in batch.records]


def test_finished_rows_are_read_once_in_order(journal: Journal) -> None:
    for number in range(50):
        start(journal, f"q{number}")
        journal.finish(finished(f"q{number}"))
    assert journal.waiting == 50
    assert ship_all(journal) == [f"q{number}" for number in range(50)]
    assert (journal.waiting, journal.unfinished) == (0, 0)
    assert ship_all(journal) == []


def test_reading_does_not_move_on_until_told(journal: Journal) -> None:
    for number in range(3):
        journal.finish(finished(f"q{number}"))
    assert journal.read(2).records == journal.read(2).records
    assert journal.waiting == 3


def test_shipped_segments_are_deleted(journal: Journal) -> None:
    for number in range(200):
        start(journal, f"q{number}")
        journal.finish(finished(f"q{number}"))
    assert len(segment_paths(journal.folder)) > 10
    ship_all(journal)
    assert len(segment_paths(journal.folder)) == 1
    assert journal.size == segments_size(journal.folder) <= SMALL + 2000


def test_a_long_statement_does_not_keep_the_segments_written_since(journal: Journal) -> None:
    start(journal, "long")
    for number in range(200):
        start(journal, f"q{number}")
        journal.finish(finished(f"q{number}"))
        ship_all(journal)
    assert len(segment_paths(journal.folder)) <= 2
    assert any(b'"long"' in path.read_bytes() for path in segment_paths(journal.folder))
    journal.finish(finished("long"))
    assert ship_all(journal) == ["long"]


def test_many_statements_under_way_are_not_written_again_for_each_that_ends(journal: Journal) -> None:
    for number in range(200):
        start(journal, f"open{number}")
    held = journal.size
    written = 0
    for number in range(300):
        start(journal, f"q{number}")
        journal.finish(finished(f"q{number}"))
        before = journal.size
        journal.advance(journal.read(7))
        written += max(0, journal.size - before)
        assert journal.size <= 2 * held + 4 * SMALL
    assert written < 4 * held
    assert journal.unfinished == 200


def test_what_is_under_way_is_found_after_its_segment_went(journal: Journal) -> None:
    start(journal, "open")
    for number in range(100):
        start(journal, f"q{number}")
        journal.finish(finished(f"q{number}"))
    ship_all(journal)
    lines = b"".join(path.read_bytes() for path in segment_paths(journal.folder))
    assert b'"open"' in lines
    assert journal.size < 3 * SMALL


def test_dropping_the_oldest_says_how_many_rows_are_lost_and_keeps_open_statements(journal: Journal) -> None:
    start(journal, "long")
    number = 0
    while len(segment_paths(journal.folder)) < 4:
        journal.finish(finished(f"q{number}"))
        number += 1
    lost = journal.drop_oldest()
    assert lost
    assert any(b'"long"' in path.read_bytes() for path in segment_paths(journal.folder))
    assert ship_all(journal) == [f"q{each}" for each in range(lost, number)]


def test_the_segment_in_use_is_never_dropped(journal: Journal) -> None:
    journal.finish(finished("q1"))
    assert journal.drop_oldest() is None
    assert ship_all(journal) == ["q1"]


def test_rows_dropped_while_a_batch_is_under_way_do_not_upset_the_count(journal: Journal) -> None:
    number = 0
    while len(segment_paths(journal.folder)) < 4:
        journal.finish(finished(f"q{number}"))
        number += 1
    batch = journal.read(2)
    lost = journal.drop_oldest()
    journal.advance(batch)
    assert lost is not None
    assert journal.waiting == number - lost
    assert ship_all(journal) == [f"q{each}" for each in range(lost, number)]


def test_a_disk_that_takes_nothing_raises_and_leaves_the_journal_whole(journal: Journal) -> None:
    journal.finish(finished("q1"))
    whole, journal._descriptor = journal._descriptor, os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        journal.finish(finished("q2"))
    os.close(journal._descriptor)
    journal._descriptor = whole
    journal.finish(finished("q3"))
    assert ship_all(journal) == ["q1", "q3"]


def test_half_a_line_on_a_full_disk_is_taken_back(tmp_path: Path) -> None:
    script = f"""
        import resource, sys
        sys.path.insert(0, {str(Path(__file__).parents[3])!r})
        from pathlib import Path
        from tests.gateway.recording.usage_records import finished
        from gateway.recording.journal import Journal
        journal = Journal(Path({str(tmp_path)!r}), 1 << 20)
        journal.finish(finished("q1"))
        resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size + 100, resource.RLIM_INFINITY))
        try:
            journal.finish(finished("q2"))
        except OSError as error:
            print("refused")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.finish(finished("q3"))
        print([record.query_id for record in journal.read(9).records])
        print(journal.size == sum(path.stat().st_size for path in journal.folder.glob("*.jsonl")))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split("\n")[:3] == ["refused", "['q1', 'q3']", "True"]


def test_closing_an_empty_journal_leaves_nothing(journal: Journal) -> None:
    start(journal, "q1")
    journal.finish(finished("q1"))
    ship_all(journal)
    journal.close()
    assert not journal.folder.exists()


@pytest.mark.parametrize("leave", ["a finished row", "an open statement"])
def test_closing_a_journal_with_something_in_it_leaves_it_to_be_claimed(journal: Journal, leave: str) -> None:
    if leave == "a finished row":
        journal.finish(finished("q1"))
    else:
        start(journal, "q1")
    journal.close()
    claimed = list(claim_dead(journal.root))
    assert [home.folder for home in claimed] == [journal.folder]
    for home in claimed:
        home.lock.release()


def test_a_live_journal_is_claimed_by_nobody(journal: Journal) -> None:
    assert list(claim_dead(journal.root)) == []


def test_a_claimed_journal_is_not_claimed_again(journal: Journal) -> None:
    start(journal, "q1")
    journal.close()
    (first,) = claim_dead(journal.root)
    assert list(claim_dead(journal.root)) == []
    first.remove()
    assert list(claim_dead(journal.root)) == []


def test_a_forked_child_does_not_keep_a_dead_workers_lock(tmp_path: Path) -> None:
    script = f"""
        import os, time
        from pathlib import Path
        from gateway.recording.journal import Journal
        journal = Journal(Path({str(tmp_path)!r}), 4096)
        child = os.fork()
        if child == 0:
            os.close(1)
            os.close(2)
            time.sleep(30)
            os._exit(0)
        print(child, flush=True)
        os.kill(os.getpid(), 9)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False, timeout=60
    )
    child = int(run.stdout)
    try:
        os.kill(child, 0)
        claimed = list(claim_dead(tmp_path))
        assert len(claimed) == 1
        claimed[0].remove()
    finally:
        os.kill(child, 9)


def test_others_may_not_read_the_journal(journal: Journal) -> None:
    start(journal, "q1")
    assert journal.folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in segment_paths(journal.folder))


def test_only_segments_written_since_are_forced_to_the_disk(journal: Journal) -> None:
    journal.finish(finished("q1"))
    assert journal.unsynced() == segment_paths(journal.folder)
    assert journal.unsynced() == []
    journal.finish(finished("q2"))
    paths = journal.unsynced()
    force_to_disk([*paths, journal.folder / "00000099.jsonl"])
    assert paths == segment_paths(journal.folder)


def test_a_line_costs_some_microseconds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 1 << 20)
    record = finished("q1")
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(500):
            journal.finish(record)
        best = min(best, (time.perf_counter() - began) / 500)
    journal.close()
    assert best < 50e-6
