"""Addresses of spooled segments: how long they open, apart from how long pages do."""

from __future__ import annotations

import orjson
import pytest

from engines.base import ResultPage
from engines.spooled import read_spooled
from tests.gateway.protocols.trino.harness import page, site

SEGMENT = {
    "type": "spooled",
    "uri": "/v1/spooled/download/x",
    "ackUri": "/v1/spooled/ack/x",
    "metadata": {"rowsCount": 1, "segmentSize": 9},
}


@pytest.mark.asyncio
async def test_a_segment_opens_for_its_own_time_and_not_for_that_of_pages() -> None:
    raw = orjson.dumps({"encoding": "json", "segments": [SEGMENT]})
    spooled = ResultPage(page().members, "next", spooled=read_spooled(raw, str))
    async with site(segment_token_seconds=60, page_token_seconds=1_000, abandon_seconds=2_000) as at:
        at.engine.scripts["select"] = [spooled, page(state="FINISHED")]
        first = (await at.get((await at.post()).json["nextUri"])).json
        (segment,) = first["data"]["segments"]
        at.clock.now += 59
        assert [(await at.get(segment[name])).status for name in ("uri", "ackUri")] == [404, 404], "they open"
        at.clock.now += 2
        assert [(await at.get(segment[name])).status for name in ("uri", "ackUri")] == [410, 410]
        assert (await at.get(first["nextUri"])).status == 200
