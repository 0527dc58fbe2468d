"""A statement on the lake takes no longer than its session says."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from catalog.errors import ErrorCode, Refusal
from tests.engines.lake.asking import Lake

LONG = (
    "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
    "CROSS JOIN UNNEST(sequence(1, 10000)) c(z) WHERE sqrt(x * y + z) < 0"
)
"""Runs for hours unless it is ended."""


@pytest.mark.parametrize("name", ["query_max_run_time", "query_max_execution_time"])
@pytest.mark.asyncio
async def test_a_statement_over_its_sessions_time_limit_is_ended(lake: Lake, name: str) -> None:
    limited = replace(await lake.prepare(LONG), session_properties={name: "300ms"})
    with pytest.raises(Refusal, match=r"limit of 300\.00ms") as caught:
        await lake.run(limited)
    assert caught.value.code is ErrorCode.EXCEEDED_TIME_LIMIT
