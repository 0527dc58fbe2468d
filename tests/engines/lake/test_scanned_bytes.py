"""What a statement on the lake is said to have read from storage is what it did read, whatever became of it."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import pytest_asyncio
from msgspec.structs import replace
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import StringType

from catalog.errors import ErrorCode, Refusal
from catalog.objects import TableName
from catalog.statistics import Comparison, Scan
from engines.base import EngineStatement, Write
from engines.estimates import AccountingEngine, Actuals, EstimatingEngine
from engines.lake import metering
from engines.lake.database import Limits, open_cursor, open_database
from tests.engines.lake.asking import Lake

ROWS = 60_000
NARROW = "SELECT sum(k) FROM wide"
EVERYTHING = "SELECT * FROM wide"
SLOWLY = "SELECT count(*) FROM wide a CROSS JOIN wide b WHERE a.noise || b.noise = 'x'"
"""Reads two columns and then compares for hours."""


def _rows() -> pa.Table:
    chosen = random.Random(7)
    noise = [chosen.randbytes(12).hex() for _ in range(ROWS)]
    return pa.table({"id": range(ROWS), "k": [chosen.randrange(1000) for _ in range(ROWS)], "noise": noise})


@pytest_asyncio.fixture
async def wide(lake: Lake, catalog: SqlCatalog) -> Lake:
    """The lake with a table of one file in four row groups."""
    rows = _rows()
    catalog.create_table("s.wide", rows.schema, properties={"write.parquet.row-group-limit": "15000"}).append(rows)
    return lake


async def scanned(lake: Lake, statement: EngineStatement, name: str) -> int | None:
    """Run a statement to its end and return what its last page says."""
    cursor: str | None = (await lake.engine.submit(statement, name)).cursor
    said = None
    while cursor is not None:
        page = await lake.engine.page(cursor)
        said, cursor = page.scanned_bytes, page.next
    return said


async def actuals(lake: Lake, name: str) -> Actuals:
    assert isinstance(lake.engine, AccountingEngine)
    found = await lake.engine.actuals(name, None)
    assert found is not None
    return found


def read_by_this_process() -> int:
    """Return the bytes that the kernel has counted in read calls so far."""
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts reads of a process")
@pytest.mark.parametrize("sql", [NARROW, EVERYTHING, "SELECT max(noise) FROM wide WHERE id >= 45000"])
@pytest.mark.asyncio
async def test_what_is_said_to_be_read_is_what_the_kernel_has_seen(wide: Lake, sql: str) -> None:
    statement = await wide.prepare(sql)
    await wide.run(statement)
    before = read_by_this_process()
    said = await scanned(wide, statement, "once")
    seen = read_by_this_process() - before
    assert said is not None
    assert said <= seen <= said + 200_000  # what the catalog in SQLite reads, and the event loop


@pytest.mark.asyncio
async def test_fewer_columns_and_fewer_row_groups_read_less(wide: Lake) -> None:
    everything = await scanned(wide, await wide.prepare(EVERYTHING), "all")
    narrow = await scanned(wide, await wide.prepare(NARROW), "narrow")
    some = await scanned(wide, await wide.prepare(f"{EVERYTHING} WHERE id < 15000"), "some")
    assert everything is not None
    assert narrow is not None
    assert some is not None
    assert narrow < everything / 5
    assert everything / 5 < some < everything / 3


@pytest.mark.asyncio
async def test_the_same_question_counts_the_same_though_others_run_beside_it(wide: Lake) -> None:
    narrow, everything = await wide.prepare(NARROW), await wide.prepare(EVERYTHING)
    alone = await scanned(wide, narrow, "alone"), await scanned(wide, everything, "alone too")
    beside = await asyncio.gather(
        *(
            scanned(wide, statement, f"{kind}{n}")
            for n in range(3)
            for kind, statement in zip("ne", (narrow, everything), strict=True)
        )
    )
    assert set(zip(beside[::2], beside[1::2], strict=True)) == {alone}


@pytest.mark.asyncio
async def test_a_count_of_rows_reads_the_ends_of_files_only(wide: Lake) -> None:
    assert await scanned(wide, await wide.prepare("SELECT count(*) FROM wide"), "count") == 16_384


@pytest.mark.asyncio
async def test_a_statement_that_reads_no_table_reads_nothing(wide: Lake) -> None:
    assert await scanned(wide, await wide.prepare("SELECT 1"), "none") == 0


@pytest.mark.asyncio
async def test_a_cancelled_statement_is_charged_what_it_has_read(wide: Lake) -> None:
    cursor = (await wide.engine.submit(await wide.prepare(SLOWLY), "slow")).cursor
    while not wide.engine._runner._meter._logged():  # type: ignore[attr-defined]  # the test looks inside
        cursor = (await wide.engine.page(cursor)).next or cursor
    await wide.engine.cancel(cursor)
    found = await actuals(wide, "slow")
    assert found.final
    assert found.scanned_bytes is not None
    assert found.scanned_bytes > 0


@pytest.mark.asyncio
async def test_a_failed_statement_is_charged_what_it_has_read(wide: Lake) -> None:
    with pytest.raises(Refusal):
        await scanned(wide, await wide.prepare("SELECT 1 / (max(k) - 999) FROM wide"), "failed")
    whole = await scanned(wide, await wide.prepare("SELECT max(k) FROM wide"), "whole")
    assert (await actuals(wide, "failed")).scanned_bytes == whole


@pytest.mark.asyncio
async def test_a_statement_that_never_began_has_read_nothing(wide: Lake) -> None:
    cursor = (await wide.engine.submit(await wide.prepare(NARROW), "waiting")).cursor
    assert not (await actuals(wide, "waiting")).final
    await wide.engine.cancel(cursor)
    assert await actuals(wide, "waiting") == Actuals(0, None, 0.0)


@pytest.mark.asyncio
async def test_nothing_is_said_of_a_statement_that_nobody_remembers(wide: Lake) -> None:
    assert isinstance(wide.engine, AccountingEngine)
    assert await wide.engine.actuals("of another process", None) is None


@pytest.mark.parametrize("kind", ["insert", "create table as", "delete", "update"])
@pytest.mark.asyncio
async def test_writing_counts_what_it_reads(wide: Lake, kind: str) -> None:
    source = (await wide.prepare("SELECT id, k, noise FROM wide WHERE id < 15000")).sql
    target = TableName("lake", "s", "copy" if kind == "create table as" else "wide")
    columns = next(table for table in await wide.engine.tables("lake") if table.name.table == "wide").columns
    written = Write(kind, target, columns=columns, query=source)  # type: ignore[arg-type]  # the words of a test
    if kind in ("delete", "update"):
        assigned = (("k", "k + 1"),) if kind == "update" else ()
        written = Write(kind, target, predicate="id < 15000", assignments=assigned)  # type: ignore[arg-type]  # the words of a test
    await wide.write(written)
    found = (await actuals(wide, f"q{wide.asked}")).scanned_bytes
    assert found is not None
    assert found > 150_000


@pytest.mark.asyncio
async def test_tables_that_pyiceberg_reads_count_as_their_whole_files(lake: Lake, catalog: SqlCatalog) -> None:
    table = catalog.load_table("s.every")
    with table.update_schema() as update:
        update.add_column(("row", "c"), StringType())
    size = sum(task.file.file_size_in_bytes for task in catalog.load_table("s.every").scan().plan_files())
    assert await scanned(lake, await lake.prepare("SELECT sum(id) FROM every"), "nested") == size
    assert isinstance(lake.engine, EstimatingEngine)
    statement = await lake.prepare("SELECT sum(id) FROM every WHERE id > 100")
    scan = Scan(TableName("lake", "s", "every"), ("id",), Comparison("id", ">", (100,)))
    (estimate,) = await lake.engine.estimate([scan], {}, statement)
    assert await scanned(lake, statement, "filtered") == estimate.bytes.likely == size


@pytest.mark.parametrize("sql", [NARROW, EVERYTHING, SLOWLY])
@pytest.mark.asyncio
async def test_a_statement_is_ended_beyond_what_it_may_read(wide: Lake, sql: str) -> None:
    limited = replace(await wide.prepare(sql), max_scan_bytes=50_000)
    with pytest.raises(Refusal, match="exceeded the scan limit of 50000 bytes") as caught:
        await scanned(wide, limited, "limited")
    assert caught.value.code is ErrorCode.EXCEEDED_SCAN_LIMIT
    found = await actuals(wide, "limited")
    assert found.scanned_bytes is not None
    assert found.scanned_bytes > 50_000


@pytest.mark.asyncio
async def test_a_statement_within_its_limit_is_answered(wide: Lake) -> None:
    whole = await scanned(wide, await wide.prepare(EVERYTHING), "free")
    assert await scanned(wide, replace(await wide.prepare(EVERYTHING), max_scan_bytes=whole), "exactly") == whole


@pytest.mark.parametrize("busy", [True, False], ids=["while one runs", "while none runs"])
@pytest.mark.asyncio
async def test_the_log_of_reads_does_not_grow_with_the_statements(
    wide: Lake, busy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metering, "_EACH", 3)
    monkeypatch.setattr(metering, "_LONG", 5)
    statement = await wide.prepare(NARROW)
    expected = await scanned(wide, statement, "first")
    waiting = (await wide.engine.submit(await wide.prepare(SLOWLY if busy else EVERYTHING), "other")).cursor
    if busy:
        await wide.engine.page(waiting)
    for n in range(6):
        assert await scanned(wide, statement, f"s{n}") == expected
    await wide.engine.cancel(waiting)
    kept = await wide.engine._runner.look(  # type: ignore[attr-defined]  # the test looks inside
        lambda cursor: cursor.execute("SELECT count(*) FROM duckdb_logs").fetchall()
    )
    assert kept[0][0] < 80


@pytest.mark.asyncio
async def test_what_was_taken_out_of_the_log_still_counts(wide: Lake) -> None:
    meter = wide.engine._runner._meter  # type: ignore[attr-defined]  # the test looks inside
    waiting = (await wide.engine.submit(await wide.prepare(SLOWLY), "slow")).cursor
    while not max(meter._logged().values(), default=0):
        waiting = (await wide.engine.page(waiting)).next or waiting
    before = meter._logged()
    with meter._lock:
        meter._empty()
    assert all(meter._logged()[connection] >= size for connection, size in before.items())
    await wide.engine.cancel(waiting)
    assert ((await actuals(wide, "slow")).scanned_bytes or 0) >= max(before.values())


@pytest.mark.long
def test_what_a_statement_puts_aside_on_disk_is_not_storage_that_it_reads(tmp_path: Path) -> None:
    file, aside = tmp_path / "lake" / "rows.parquet", tmp_path / "aside"
    file.parent.mkdir()
    with duckdb.connect() as making:
        making.execute(f"COPY (SELECT 'text' || hash(i) AS s, i FROM range(3000000) r(i)) TO '{file}'")
    limits = Limits(memory="150MB", temp_directory=str(aside))
    database = open_database(limits, [f"{file.parent}/"])
    meter, cursor = metering.Meter(database), open_cursor(database, "UTC")
    reading = meter.begin(cursor, None, lambda: None)
    for _ in cursor.sql(f"SELECT * FROM '{file}' ORDER BY s").to_arrow_reader(8192):
        pass
    assert 'total_bytes_written": 0' not in cursor.get_profiling_information()
    meter.ended(cursor, reading, profiled=True)
    size = file.stat().st_size
    assert reading.bytes is not None
    assert size * 0.9 < reading.bytes < size * 1.1
    meter.forget(reading)
    meter.close()
    database.close()
