"""Time travel for a session: every table at one instant or branch, behind the same policies, or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import make_pipeline, plan

from gateway.models import NotPlanned, Plan

TEN = "FOR TIMESTAMP AS OF CAST('2026-11-25 10:00:00.000 UTC' AS TIMESTAMP(3) WITH TIME ZONE)"


async def travelled(sql: str, **properties: str) -> Plan:
    found = await plan(sql, "tess", properties=properties)
    assert isinstance(found, Plan), found
    return found


async def refusal(sql: str, **properties: str) -> tuple[str, str]:
    found = await plan(sql, "tess", properties=properties)
    assert isinstance(found, NotPlanned), found
    return found.refusal.code.name, found.refusal.message


@pytest.mark.asyncio
async def test_every_table_is_read_at_one_instant() -> None:
    sql = "WITH t AS (SELECT x FROM lake.sandbox.t) SELECT 1 FROM t JOIN lake.sandbox.t AS b ON t.x = b.x"
    assert ((await travelled(sql, as_of="2026-11-25 10:00 UTC")).sql or "").count(TEN) == 2


@pytest.mark.parametrize(
    "written",
    ["2026-11-25 10:00:00 UTC", "2026-11-25T10:00:00Z", "2026-11-25 11:00 Europe/Berlin", "2026-11-25 05:00-05:00"],
)
@pytest.mark.asyncio
async def test_an_instant_is_written_as_people_do(written: str) -> None:
    assert TEN in ((await travelled("SELECT x FROM lake.sandbox.t", as_of=written)).sql or "")


@pytest.mark.asyncio
async def test_an_instant_without_a_zone_is_the_sessions() -> None:
    found = await plan(
        "SELECT x FROM lake.sandbox.t",
        "tess",
        properties={"as_of": "2026-11-25 11:00"},
        time_zone="Europe/Berlin",
    )
    assert isinstance(found, Plan)
    assert TEN in (found.sql or "")


@pytest.mark.asyncio
async def test_a_branch_is_named_as_text_whatever_it_is_called() -> None:
    name = "dev'; DROP TABLE t --"
    assert "FOR VERSION AS OF 'dev''; DROP TABLE t --'" in (
        (await travelled("SELECT x FROM lake.sandbox.t", branch=name)).sql or ""
    )


@pytest.mark.asyncio
async def test_one_query_travels_by_properties_of_its_own() -> None:
    found = await travelled("WITH SESSION branch = 'dev' SELECT x FROM lake.sandbox.t")
    assert found.sql == (await travelled("SELECT x FROM lake.sandbox.t", branch="dev")).sql
    assert "WITH SESSION" not in (found.sql or "")
    code, _ = await refusal("WITH SESSION branch = 'dev' SELECT x FROM lake.sandbox.t", as_of="2026-11-25")
    assert code == "INVALID_SESSION_PROPERTY"
    assert (await refusal("WITH SESSION integrity = 'loose' SELECT x FROM lake.sandbox.t"))[
        0
    ] == "INVALID_SESSION_PROPERTY"


@pytest.mark.asyncio
async def test_tables_under_a_view_travel_too() -> None:
    assert TEN in ((await travelled("SELECT x FROM lake.sandbox.v", as_of="2026-11-25 10:00 UTC")).sql or "")


@pytest.mark.asyncio
async def test_row_filters_and_masks_hold_in_the_past() -> None:
    pipeline, _ = await make_pipeline()
    now = await plan("SELECT * FROM orders", "tess", pipeline)
    then = await plan("SELECT * FROM orders", "tess", pipeline, properties={"branch": "dev"})
    assert isinstance(now, Plan)
    assert isinstance(then, Plan)
    assert "\"region\" = 'EU'" in (now.sql or "")
    assert (then.sql or "").replace(" FOR VERSION AS OF 'dev'", "") == now.sql


@pytest.mark.asyncio
async def test_who_may_not_set_it_travels_by_no_header() -> None:
    found = await plan("SELECT * FROM orders", "ana", properties={"branch": "dev"})
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "PERMISSION_DENIED"


@pytest.mark.asyncio
async def test_what_the_gateway_itself_answers_is_as_it_is_now() -> None:
    sql = "SELECT count(*) FROM lake.information_schema.tables"
    assert (await travelled(sql, as_of="2026-11-25 10:00 UTC")).engine == "system"


@pytest.mark.parametrize(
    ("sql", "properties", "code", "said"),
    [
        ("SELECT 1", {"as_of": "yesterday"}, "INVALID_SESSION_PROPERTY", "not a date or timestamp: yesterday"),
        ("SELECT 1", {"as_of": "2026-02-30"}, "INVALID_SESSION_PROPERTY", "not a date or timestamp"),
        ("SELECT 1", {"as_of": "2026-11-25 10:00 Nowhere/City"}, "INVALID_SESSION_PROPERTY", "not a date"),
        (
            "SELECT x FROM lake.sandbox.t",
            {"as_of": "2026-11-25", "branch": "dev"},
            "INVALID_SESSION_PROPERTY",
            "cannot be set together",
        ),
        ("INSERT INTO lake.sandbox.t VALUES (1, 'a')", {"branch": "dev"}, "NOT_SUPPORTED", "it reads only"),
        ("DELETE FROM lake.sandbox.t", {"as_of": "2026-11-25"}, "NOT_SUPPORTED", "it reads only"),
        ("EXPLAIN DELETE FROM lake.sandbox.t", {"as_of": "2026-11-25"}, "NOT_SUPPORTED", "it reads only"),
        ("CREATE TABLE lake.sandbox.n AS SELECT 1 AS x", {"as_of": "2026-11-25"}, "NOT_SUPPORTED", "it reads only"),
        (
            "SELECT x FROM lake.sandbox.t FOR VERSION AS OF 12345678901",
            {"as_of": "2026-11-25"},
            "NOT_SUPPORTED",
            "a version of its own",
        ),
        ("SELECT price FROM marts.hourly.prices", {"branch": "dev"}, "NOT_SUPPORTED", "has no history"),
        ("SELECT x FROM lake.sandbox.stored", {"branch": "dev"}, "NOT_SUPPORTED", "has no history"),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_travel_is_refused(sql: str, properties: dict[str, str], code: str, said: str) -> None:
    assert (await refusal(sql, **properties))[0] == code
    assert said in (await refusal(sql, **properties))[1]
