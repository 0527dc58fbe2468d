"""Pages as bytes: assembled in Trino's order, whatever the data holds."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ErrorCode, Location, Refusal
from engines.rows import Progress, stats_json
from gateway.protocols.trino.pages import (
    PageAddresses,
    refusal_members,
    render_members,
    render_page,
    warnings_json,
)
from gateway.protocols.trino.redaction import EngineError, clean_error, clean_stats, read_error

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["nextUri", "id", "data", '"}', "x"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(st.sampled_from(["data", "columns", "stats", "warnings", "nextUri", "odd"]), JSON),
    st.integers(0, 3),
)
def test_a_page_is_what_its_members_and_addresses_say_whatever_the_data_holds(
    page: dict[str, object], indent: int
) -> None:
    members = {name: json.dumps(value, indent=indent or None).encode() for name, value in page.items()}
    made = json.loads(
        render_page(PageAddresses("q", "http://i", "http://n", None), render_members({"stats": b"{}", **members}))
    )
    assert (made["id"], made["infoUri"], made["nextUri"]) == ("q", "http://i", "http://n")
    assert made.get("data") == page.get("data")
    assert "odd" not in made


def test_members_come_in_trinos_order() -> None:
    members = dict.fromkeys(("updateCount", "warnings", "data", "stats", "columns", "updateType", "error"), b"1")
    page = json.loads(render_page(PageAddresses("q", "i", "n", "p"), render_members(members)))
    assert list(page) == [
        *("id", "infoUri", "partialCancelUri", "nextUri", "columns", "data", "stats"),
        *("error", "warnings", "updateType", "updateCount"),
    ]


def test_the_last_page_has_no_next_uri() -> None:
    page = json.loads(render_page(PageAddresses("q", "i"), render_members({"stats": b"{}"})))
    assert set(page) == {"id", "infoUri", "stats"}


@pytest.mark.parametrize(
    "engine", [None, b"[]", b" [ ] ", b"null", b'[{"message":"theirs"}]', b' [{"message":"theirs"}] ']
)
def test_warnings_are_joined_into_one_list(engine: bytes | None) -> None:
    joined = json.loads(warnings_json(("ours",), engine.replace(b"[ ]", b"[]") if engine else engine))
    theirs = [{"message": "theirs"}] if engine and b"theirs" in engine else []
    assert [w["message"] for w in joined] == ["ours", *(w["message"] for w in theirs)]
    assert joined[0]["warningCode"]["name"] == "PENSTOCK_NOTICE"


def test_a_refusal_carries_its_hint_in_the_message_and_its_detail_nowhere() -> None:
    refusal = Refusal(
        ErrorCode.QUERY_REJECTED, "too dear", location=Location(2, 3), hint="Filter by day.", detail="secret"
    )
    members = refusal_members(refusal, Progress("FAILED"), ("w",))
    error = json.loads(members["error"])
    assert error["message"] == error["failureInfo"]["message"] == "line 2:3: too dear. Filter by day."
    assert b"secret" not in b"".join(members.values())


def test_an_error_that_cannot_be_read_is_an_internal_one_without_words() -> None:
    assert read_error(b'{"message": 5}') == read_error(b"nonsense") == EngineError()
    assert json.loads(clean_error(EngineError(), "q1", policed=False)[0])["errorName"] == "GENERIC_INTERNAL_ERROR"


OWN = stats_json(Progress("RUNNING", rows=1, bytes=2))
"""What the gateway says of a statement in its own words."""


@given(JSON)
def test_statistics_of_any_shape_are_told_in_the_gateways_own(stats: object) -> None:
    told = {"secret": stats, "processedRows": 99, "rootStage": {"secret": "x", "a": stats}}
    assert clean_stats(orjson.dumps(told), 1, 2) == OWN
    assert clean_stats(orjson.dumps({"state": stats, "elapsedTimeMillis": stats}), 1, 2).count(b"subStages") == 1


def test_statistics_keep_their_state_and_times_and_nothing_else() -> None:
    told = {"state": "FINISHING", "queuedTimeMillis": 3, "elapsedTimeMillis": 9, "cpuTimeMillis": 7, "totalSplits": 4}
    assert clean_stats(orjson.dumps(told), 1, 2) == stats_json(Progress("FINISHING", 3, 9, 1, 2))
    assert clean_stats(b'{"state": "SELECT secret"}', 1, 2) == OWN


def test_statistics_that_cannot_be_read_are_told_in_the_gateways_own() -> None:
    depth = 400
    stages = b'{"stageId":"x","subStages":[' * depth + b"]}" * depth
    for raw in (b'{"rootStage":' + stages + b"}", b"nonsense", b"", b'{"elapsedTimeMillis": 1e400}', b"\xff"):
        assert clean_stats(raw, 1, 2) == OWN
