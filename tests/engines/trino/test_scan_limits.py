"""How much a statement may read is the least of what its session says and what the gateway lets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ErrorCode, Refusal
from engines.base import EngineStatement
from engines.limits import SCAN_PROPERTY, scan_limit
from engines.trino.headers import request_headers


@pytest.mark.parametrize(
    ("own", "most", "limit"),
    [
        (None, None, None),
        (None, 5, 5),
        ("10B", None, 10),
        ("10B", 5, 5),
        ("1kB", 5000, 1024),
        (" 1.5 MB ", None, 1_572_864),
        ("1GB", 2**30 - 1, 2**30 - 1),
        ("0B", 7, 0),
        ("9EB", 7, 7),
        ("", 7, 7),
    ],
)
def test_the_lowest_limit_wins(own: str | None, most: int | None, limit: int | None) -> None:
    assert scan_limit({} if own is None else {SCAN_PROPERTY: own}, most) == limit


@pytest.mark.parametrize("own", ["5", "B", "-1B", "5b", "5KB", "1e3B", "NaNB", "5B B", "٣ B x"])
def test_a_limit_that_is_no_size_is_refused(own: str) -> None:
    with pytest.raises(Refusal) as caught:
        scan_limit({SCAN_PROPERTY: own}, 7)
    assert caught.value.code is ErrorCode.INVALID_SESSION_PROPERTY


@given(st.integers(0, 10**16), st.none() | st.integers(0, 10**16), st.sampled_from(["B", "kB", "MB", "GB"]))
def test_nothing_raises_the_gateways_limit(number: int, most: int | None, unit: str) -> None:
    limit = scan_limit({SCAN_PROPERTY: f"{number}{unit}"}, most)
    assert limit is not None
    assert limit <= number * 1024**3
    assert most is None or limit <= most


def _sent(**members: object) -> str | None:
    statement = EngineStatement(
        sql="SELECT 1",
        user="ann",
        catalog=None,
        schema=None,
        time_zone="UTC",
        **members,  # type: ignore[arg-type]  # the words of a test
    )
    return dict(request_headers(statement)).get("X-Trino-Session")


def test_trino_is_told_how_much_a_statement_may_read() -> None:
    assert _sent(max_scan_bytes=1000) == "query_max_scan_physical_bytes=1000B"
    assert _sent() is None


def test_a_sessions_own_lower_limit_stays_and_a_higher_one_does_not() -> None:
    assert _sent(max_scan_bytes=1000, session_properties={SCAN_PROPERTY: "10B"}) == f"{SCAN_PROPERTY}=10B"
    assert _sent(max_scan_bytes=1000, session_properties={SCAN_PROPERTY: "10GB"}) == f"{SCAN_PROPERTY}=1000B"


def test_who_has_nothing_left_may_read_nothing() -> None:
    assert _sent(max_scan_bytes=-5) == f"{SCAN_PROPERTY}=0B"
