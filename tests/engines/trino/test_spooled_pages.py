"""Pages whose rows lie in segments: addresses are checked and replaced, data and metadata pass byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines.spooled import read_spooled, write_spooled
from engines.trino.pages import NotAPageError, read_page
from engines.trino.segments import segment_path
from tests.engines.trino.upstream import page

HOST = "http://trino.internal:8080"
FACTS = {"rowOffset": 0, "rowsCount": 3, "segmentSize": 70, "uncompressedSize": 90, "expiresAt": "2026-01-01T00:00:00"}
INLINE = {"type": "inline", "data": "W1sxXV0=", "metadata": {"rowsCount": 1, "segmentSize": 5, "rowOffset": 0}}


def spooled(**more: Any) -> dict[str, Any]:
    addresses = {"uri": f"{HOST}/v1/spooled/download/a_-B=", "ackUri": f"{HOST}/v1/spooled/ack/a_-B="}
    return {"type": "spooled", **addresses, "metadata": FACTS, **more}


def data(*segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"encoding": "json+zstd", **more, "segments": list(segments)}


def test_rows_and_bytes_are_those_of_the_segments_and_no_address_is_among_the_members() -> None:
    body = page(3, data=data(INLINE, spooled(), spooled(headers={"x-key": ["k"]})))
    read = read_page(body, spooling=True)
    assert (read.rows, read.spooled is not None and read.spooled.size) == (7, 145)
    assert "data" not in read.members
    assert HOST.encode() not in b"".join(read.members.values())


def test_everything_but_the_addresses_is_written_as_it_came() -> None:
    sent = data(INLINE, spooled(headers={"x-key": ["k", "l"]}), metadata={"a": 1.50})
    found = read_spooled(json.dumps(sent).encode(), lambda address: segment_path(address, ""))
    asked: list[tuple[str, tuple[str, ...]]] = []

    def ours(path: str, names: Any) -> str:
        asked.append((path, tuple(names)))
        return f"here{path}"

    written = json.loads(write_spooled(found, ours))
    expected = data(
        INLINE,
        spooled(
            headers={"x-key": ["k", "l"]}, uri="here/v1/spooled/download/a_-B=", ackUri="here/v1/spooled/ack/a_-B="
        ),
        metadata={"a": 1.50},
    )
    assert written == expected
    assert asked == [("/v1/spooled/download/a_-B=", ("x-key",)), ("/v1/spooled/ack/a_-B=", ("x-key",))]


def test_an_engine_that_was_not_asked_for_segments_gives_nonsense_with_them() -> None:
    with pytest.raises(NotAPageError):
        read_page(page(3, data=data(spooled())))


@pytest.mark.parametrize(
    "uri",
    [
        "https://bucket.s3.amazonaws.com/segment?X-Amz-Signature=1",
        f"{HOST}/v1/query/20260101_000000_00001_aaaaa",
        f"{HOST}/v1/spooled/download/a?b",
        f"{HOST}/v1/spooled/download/../../query",
        f"{HOST}/v1/spooled/download/",
        "/v1/spooled/download/a",
        "s3://bucket/a",
    ],
)
@pytest.mark.parametrize("member", ["uri", "ackUri"])
def test_an_address_that_is_not_the_coordinators_is_refused(uri: str, member: str) -> None:
    """A storage's own address would outlive every rule of ours; a redirecting mode names it, too."""
    with pytest.raises(NotAPageError, match="COORDINATOR_PROXY"):
        read_page(page(3, data=data(spooled(**{member: uri}))), spooling=True)


@pytest.mark.parametrize(
    "broken",
    [
        {"segments": []},
        data({"type": "spooled", "metadata": FACTS}),
        data({**INLINE, "uri": f"{HOST}/v1/spooled/download/a", "ackUri": f"{HOST}/v1/spooled/ack/a"}),
        data({"type": "spooled", "uri": f"{HOST}/v1/spooled/download/a", "metadata": FACTS}),
        data({"type": "inline", "data": "eA=="}),
        {"encoding": 7, "segments": []},
    ],
)
def test_broken_segments_are_no_page(broken: dict[str, Any]) -> None:
    with pytest.raises(NotAPageError):
        read_page(page(3, data=broken), spooling=True)


def test_a_coordinator_below_a_path_keeps_it_to_itself() -> None:
    below = spooled(uri=f"{HOST}/eu/v1/spooled/download/a", ackUri=f"{HOST}/eu/v1/spooled/ack/a")
    body = page(None, data=data(below))
    found = read_page(body, "/eu", spooling=True).spooled
    assert found is not None
    assert found.data.segments[0].uri == "/v1/spooled/download/a"
    with pytest.raises(NotAPageError):
        read_page(body, "/us", spooling=True)
