"""Quarantines are kept in the store until a person releases them, and the audit tells of both."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog.objects import TableName
from gateway.partners.database import Missing
from gateway.recording.tables import audit
from gateway.rewriting.shadow.quarantines import QuarantineStore, quarantine, release

VIEW = TableName("ch", "marts", "hub_hour")
OTHER = TableName("ch", "marts", "hub_day")


def test_a_view_is_in_quarantine_until_somebody_releases_it_with_a_reason(tmp_path: Path) -> None:
    asyncio.run(_held_and_released(tmp_path))


async def _held_and_released(tmp_path: Path) -> None:
    store = QuarantineStore(f"sqlite:///{tmp_path}/usage.db")
    try:
        first = await store.change(quarantine(VIEW, "3 rows differ", certificate="c1", reproduction={"a": 1}, now=10.0))
        await store.change(quarantine(VIEW, "5 rows differ", certificate="c2", reproduction={}, now=20.0))
        await store.change(quarantine(OTHER, "1 row differs", certificate="c3", reproduction={}, now=30.0))
        assert await store.in_force() == {VIEW: "3 rows differ", OTHER: "1 row differs"}
        found = await store.finding(first.id)
        assert found == first
        assert found.reproduction == {"a": 1}

        assert await store.change(release(str(VIEW), "rebuilt", by="sam", now=40.0)) == 2
        assert await store.in_force() == {OTHER: "1 row differs"}
        ended = await store.finding(first.id)
        assert ended is not None
        assert (ended.released_at, ended.released_by, ended.release_reason) == (40.0, "sam", "rebuilt")
        assert [each.view for each in await store.findings(holding=True)] == [str(OTHER)]
        with pytest.raises(Missing):
            await store.change(release(str(VIEW), "again", by="sam", now=50.0))
        kinds = [row["kind"] for row in (await store.rows(select(audit.c.kind).order_by(audit.c.seq)))[0]]
        assert kinds == ["view.quarantine"] * 3 + ["view.release"]
    finally:
        await store.close()
