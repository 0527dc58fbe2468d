"""No policy literal, hidden value or generated SQL survives in what a client hears of an engine's failure."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from hypothesis import given
from hypothesis import strategies as st

from catalog.errors import ErrorCode, Refusal
from engines.clickhouse.errors import translate_error
from engines.lake.errors import from_engine
from gateway.models import Plan, Planned
from gateway.protocols.trino.failures import engine_refusal
from gateway.protocols.trino.redaction import EngineError, clean_error, clean_stats, read_error
from gateway.protocols.trino.running import RunningQuery
from gateway.received import Principal, Received, Session

SECRETS = (
    "CANARY-value-940000000004",
    "\"region\" = 'EU-secret'",
    'CASE WHEN random() >= 0E0 THEN "card_number" END',
    "user-****@secret.com",
    'SELECT "_p0" FROM (SELECT * FROM "lake"."sales"."orders")',
    "10.1.2.3:8080",
)
secret = st.one_of(
    st.sampled_from(SECRETS), st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).map("§{}§".format)
)
SHAPES = (
    "line 1:23: Cannot cast '{}' to BIGINT",
    "Division by zero: {}",
    "Value cannot be cast to date: {}",
    "Invalid regular expression: {}",
    "Cannot convert '{}' to JSON",
    "Array subscript must be less than or equal to array length: {}",
    "Duplicate map keys ({}) are not allowed",
    "bigint multiplication overflow: {}",
    "Failed to read file s3://bucket/{}/part-0.parquet",
    "Compiler failed: {}",
    "Query killed. Message: {}",
    "Column '{}' cannot be resolved",
    "Table '{}' does not exist",
    "Scalar sub-query has returned multiple rows {}",
    "Row filter evaluated: {}",
    "Decimal overflow. Value {} does not fit",
    "{}",
)  # fmt: skip
TOLD_ANYWAY = frozenset({
    "ABANDONED_QUERY", "USER_CANCELED", "ADMINISTRATIVELY_KILLED", "ADMINISTRATIVELY_PREEMPTED", "QUERY_QUEUE_FULL",
    "EXCEEDED_TIME_LIMIT", "EXCEEDED_CPU_LIMIT", "EXCEEDED_SCAN_LIMIT", "EXCEEDED_GLOBAL_MEMORY_LIMIT",
    "EXCEEDED_LOCAL_MEMORY_LIMIT", "SERVER_SHUTTING_DOWN", "SERVER_STARTING_UP", "TRANSACTION_ALREADY_ABORTED",
})  # fmt: skip
"""Errors whose words are the engine's own about resources or what somebody ordered."""
NAMES = [code.name for code in ErrorCode if code.name not in TOLD_ANYWAY] + [
    "ICEBERG_BAD_DATA",
    "HIVE_CURSOR_ERROR",
    "JDBC_ERROR",
]


def policed_query() -> RunningQuery:
    query = RunningQuery(Received("q1", "SELECT 1", Principal("ana", "ana"), Session(), 0.0), 0.0)
    query.plan_is(Planned(Plan("SELECT", "engine", policed=True)))
    return query


@given(
    shape=st.sampled_from(SHAPES),
    hidden=secret,
    name=st.sampled_from(NAMES),
    kind=st.sampled_from(["USER_ERROR", "INTERNAL_ERROR", "EXTERNAL", "INSUFFICIENT_RESOURCES"]),
)
def test_a_trino_error_on_restricted_tables_tells_its_name_and_whom_to_ask(
    shape: str, hidden: str, name: str, kind: str
) -> None:
    error = EngineError(shape.format(hidden), 1, name, kind)  # type: ignore[arg-type]  # the words of a test
    raw, message = clean_error(error, "20260101_000000_00000_aaaaa", policed=True)
    assert hidden not in message
    assert hidden.encode() not in raw
    assert name in message or "Unknown transaction" in message
    assert "20260101_000000_00000_aaaaa" in message or "Unknown transaction" in message


@given(shape=st.sampled_from(SHAPES), hidden=secret, kind=st.sampled_from(["INTERNAL_ERROR", "EXTERNAL"]))
def test_what_names_machines_is_never_told(shape: str, hidden: str, kind: str) -> None:
    error = EngineError(shape.format(hidden), 65_536, "GENERIC_INTERNAL_ERROR", kind)  # type: ignore[arg-type]  # the words of a test
    raw, message = clean_error(error, "q", policed=False)
    assert hidden not in message
    assert hidden.encode() not in raw


@given(shape=st.sampled_from(SHAPES), hidden=secret, number=st.integers(1, 1_100))
def test_no_word_of_clickhouse_reaches_a_client_or_the_log(shape: str, hidden: str, number: int) -> None:
    text = f"Code: {number}. DB::Exception: {shape.format(hidden)}: while executing 'SELECT {hidden}'. (SOME_ERROR)"
    for error in (DatabaseError(text), OperationalError(text)):
        refusal = translate_error(error)
        assert hidden not in refusal.text
        assert hidden not in (refusal.detail or "")
        assert hidden not in engine_refusal(refusal, policed_query()).text


@given(
    shape=st.sampled_from(SHAPES),
    hidden=secret,
    kind=st.sampled_from(
        [
            "Conversion",
            "Out of Range",
            "Invalid Input",
            "Binder",
            "IO",
            "INTERNAL",
            "Constraint",
            "Out of Memory",
            "Catalog",
            "Not implemented",
        ]
    ),
)
def test_no_word_of_duckdb_reaches_a_client(shape: str, hidden: str, kind: str) -> None:
    text = f"{kind} Error: {shape.format(hidden)}\nLINE 1: SELECT {hidden} FROM t\n        ^"
    for error in (duckdb.Error(text), pa.ArrowInvalid(text), OSError(text)):
        refusal = from_engine(error)
        assert hidden not in refusal.text
        assert hidden not in engine_refusal(refusal, policed_query()).text


@given(hidden=secret, code=st.sampled_from([c for c in ErrorCode if c.name not in TOLD_ANYWAY]))
def test_a_refusal_of_an_engine_room_keeps_only_its_own_words(hidden: str, code: ErrorCode) -> None:
    told = engine_refusal(Refusal(code, "in own words" if code.name in OWN else hidden, detail=hidden), policed_query())
    assert hidden not in told.text


OWN = ("REMOTE_HOST_GONE", "NO_NODES_AVAILABLE", "NOT_SUPPORTED", "GENERIC_EXTERNAL", "GENERIC_INSUFFICIENT_RESOURCES")


@given(hidden=secret, raw=st.binary(max_size=50))
def test_an_error_or_statistics_that_cannot_be_read_tell_nothing(hidden: str, raw: bytes) -> None:
    junk = raw + hidden.encode()
    assert hidden not in read_error(junk).message
    assert hidden.encode() not in clean_stats(junk, 1, 1)


@pytest.mark.parametrize("rows", [0, 7])
def test_statistics_count_what_was_put_out_and_not_what_was_read(rows: int) -> None:
    stage = '{"stageId":"1","processedRows":15000,"physicalInputBytes":99,"subStages":[]}'
    raw = f'{{"state":"FINISHED","processedRows":15000,"physicalInputBytes":123456,"rootStage":{stage}}}'
    cleaned = clean_stats(raw.encode(), rows, 11)
    assert b"15000" not in cleaned
    assert b"123456" not in cleaned
