"""Journal lines: whole or not at all, bounded, and readable by the next version."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.recording.entries import (
    FINAL,
    MAX_LINE,
    PROVISIONAL,
    decode_line,
    encode_line,
    opened,
    submitted,
)
from tests.gateway.recording.usage_records import finished, plan, received, records, wild_records


@given(records())
def test_a_line_gives_back_its_record(record) -> None:
    line = encode_line(record, FINAL)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_line(line[:-1]) == record


@given(wild_records())
def test_any_record_becomes_a_line_even_with_texts_that_are_no_unicode(record) -> None:
    decoded = decode_line(encode_line(record, FINAL)[:-1])
    assert decoded is not None
    assert decoded.outcome == record.outcome


@given(records(), st.data())
def test_a_line_cut_anywhere_is_no_record(record, data) -> None:
    line = encode_line(record, PROVISIONAL)[:-1]
    cut = data.draw(st.integers(min_value=0, max_value=len(line) - 1))
    assert decode_line(line[:cut]) is None


@pytest.mark.parametrize("garbage", [b"", b"\x00" * 50, b"=", b"=null", b"={}", b"=[1]", b"\xff\xfe", b'?{"a":1}'])
def test_garbage_is_no_record(garbage: bytes) -> None:
    assert decode_line(garbage) is None


def test_a_line_is_bounded_whatever_the_record_holds() -> None:
    nasty = "\x01" * 2_000  # six bytes each in JSON
    record = replace(
        finished("q1"),
        sql=nasty * 50,
        user=nasty,
        source=nasty,
        error_message=nasty,
        roles=(nasty,) * 100,
        client_tags=(nasty,) * 100,
        reasons=(nasty,) * 100,
        policies=(nasty,) * 100,
        tables=((nasty, "select", (nasty,) * 50),) * 50,
        stage_ms={f"stage{i}": 1.0 for i in range(500)},
    )
    line = encode_line(record, FINAL)
    assert len(line) <= MAX_LINE
    decoded = decode_line(line[:-1])
    assert decoded is not None
    assert decoded.query_id == "q1"
    assert decoded.sql.endswith(f"[{len(record.sql)} characters]")
    assert decoded.policies[-1] == "... [100 in all]"


def test_a_line_of_an_older_version_gets_blanks_for_what_it_did_not_know() -> None:
    known = msgspec.json.decode(encode_line(finished("q1"), FINAL)[1:])
    del known["reasons"], known["engine_query_id"], known["scanned_bytes"]
    decoded = decode_line(FINAL + msgspec.json.encode(known))
    assert decoded == replace(finished("q1"), reasons=(), engine_query_id=None, scanned_bytes=None)


def test_a_value_of_the_wrong_kind_costs_that_value_and_not_the_row() -> None:
    record = replace(finished("q1"), rows="12", bytes=None, received_at=float("nan"), stage_ms={"parse": "x"})
    decoded = decode_line(encode_line(record, FINAL)[:-1])
    assert decoded == replace(finished("q1"), rows=12, bytes=0, received_at=0.0, stage_ms={})


def test_a_line_of_a_newer_version_is_read_without_what_we_do_not_know() -> None:
    known = msgspec.json.decode(encode_line(finished("q1"), FINAL)[1:])
    assert decode_line(FINAL + msgspec.json.encode({**known, "invented_later": [1, 2]})) == finished("q1")


def test_the_first_line_says_who_asked_what_and_that_it_was_cut_off() -> None:
    record = opened(received("q1", "SELECT 'x'" * 10), sql_limit=12)
    assert (record.outcome, record.user, record.roles, record.source) == (
        "CUT_OFF",
        "analyst1",
        ("viewer",),
        "superset",
    )
    assert record.sql == "SELECT 'x'SE ... [100 characters]"


def test_once_an_engine_has_the_statement_the_line_says_what_it_may_have_read() -> None:
    record = submitted(opened(received("q1"), 1000), plan(), True, "trino", "e1")
    assert record.outcome == "CUT_OFF"
    assert record.tables == (("iceberg.curated.lmp_prices", "select", ("iso",)),)
    assert (record.policies, record.policy_version) == (("viewers-read-curated",), "p7")
    assert (record.engine, record.engine_query_id, record.plan_cached) == ("trino", "e1", True)
