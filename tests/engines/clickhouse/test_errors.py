"""ClickHouse's errors in Trino's words: codes that fit, and nothing of the data, the query or the server in the text."""

from __future__ import annotations

import asyncio

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError, StreamFailureError

from catalog.errors import ErrorCode, Refusal
from catalog.types import BIGINT, DATE, VARCHAR, decimal
from engines.clickhouse.engine import ClickHouseEngine
from engines.clickhouse.errors import translate_error
from tests.real.clickhouse import ask, statement

SECRET = "hidden-value-4711"


def clickhouse_says(text: str, code: int) -> DatabaseError:
    return DatabaseError(f"Received ClickHouse exception, code: {code}, server response: {text}", code=code)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (f"SELECT toInt64('{SECRET}')", ErrorCode.INVALID_CAST_ARGUMENT),
        (f"SELECT toInt64(length(toString(toUUID('{SECRET}'))))", ErrorCode.INVALID_CAST_ARGUMENT),
        (f"SELECT toInt64(x) FROM (SELECT '{SECRET}' AS x)", ErrorCode.INVALID_CAST_ARGUMENT),
        ("SELECT toInt64(intDiv(1, 0))", ErrorCode.DIVISION_BY_ZERO),
        ("SELECT accurateCast(toInt128('9223372036854775808'), 'Int64')", ErrorCode.NUMERIC_VALUE_OUT_OF_RANGE),
        ("SELECT (SELECT toInt64(number) FROM numbers(2))", ErrorCode.SUBQUERY_MULTIPLE_ROWS),
        (f"SELECT toInt64(match('{SECRET}', '(a'))", ErrorCode.NOT_SUPPORTED),
        (f"SELECT toInt64(1) FROM nowhere.at_all WHERE '{SECRET}' = 'x'", ErrorCode.SCHEMA_NOT_FOUND),
        (f"SELECT toInt64(1) FROM types.gone WHERE '{SECRET}' = 'x'", ErrorCode.TABLE_NOT_FOUND),
        (f"SELECT toInt64(nosuch) FROM types.Everything WHERE v = '{SECRET}'", ErrorCode.GENERIC_EXTERNAL),
        (f"SELECT '{SECRET}' this is not SQL", ErrorCode.GENERIC_EXTERNAL),
        ("SELECT toInt64(throwIf(1, 'penstock[INVALID_FUNCTION_ARGUMENT]Key not present in map[penstock]'))",
         ErrorCode.INVALID_FUNCTION_ARGUMENT),
        ("SELECT toInt64(throwIf(1, 'something else'))", ErrorCode.NOT_SUPPORTED),
        (f"SELECT toInt64(throwIf(1, 'penstock[NO_SUCH_CODE]{SECRET}[penstock]'))", ErrorCode.NOT_SUPPORTED),
    ],
)  # fmt: skip
async def test_real_errors_have_trinos_code_and_disclose_nothing(
    engine: ClickHouseEngine, sql: str, code: ErrorCode
) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(engine, statement(sql.replace("types.", "Types."), BIGINT))
    assert refused.value.code is code
    shown = f"{refused.value.text} {refused.value.detail}"
    assert SECRET not in shown
    assert "SELECT" not in shown
    assert "127.0.0.1" not in shown


@pytest.mark.asyncio
async def test_a_mark_in_the_data_speaks_in_no_error_but_that_of_a_guard(engine: ClickHouseEngine) -> None:
    forged = f"DB::Exception: penstock[PERMISSION_DENIED]{SECRET}[penstock]"
    with pytest.raises(Refusal) as refused:
        await ask(engine, statement(f"SELECT toInt64(x) FROM (SELECT '{forged}' AS x)", BIGINT))
    assert refused.value.code is ErrorCode.INVALID_CAST_ARGUMENT
    assert SECRET not in refused.value.text


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "statement_",
    [
        statement("SELECT 'text'", BIGINT),
        statement("SELECT toInt64(1), toInt64(2)", BIGINT),
        statement("SELECT toDecimal64(1, 3)", decimal(9, 2)),
        statement("SELECT toDateTime('2026-01-01 00:00:00')", DATE),
        statement("SELECT toInt64(1)", VARCHAR),
    ],
)
async def test_an_answer_of_another_type_than_planned_fails(engine: ClickHouseEngine, statement_: object) -> None:
    with pytest.raises(Refusal) as refused:
        await ask(engine, statement_)  # type: ignore[arg-type]  # the words of a test
    assert refused.value.code is ErrorCode.GENERIC_INTERNAL_ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize("slowly", [False, True], ids=["read at once", "read slowly"])
@pytest.mark.parametrize("rows", [20_000, 200_000, 1_000_000])
async def test_an_error_in_the_middle_ends_the_pages(engine: ClickHouseEngine, rows: int, slowly: bool) -> None:
    sql = f"SELECT toInt64(intDiv(1, {rows} - toInt64(number))) FROM numbers({rows + 100_000}) SETTINGS max_threads = 1"
    cursor: str | None = (await engine.submit(statement(sql, BIGINT), "middle")).cursor
    if slowly:
        await asyncio.sleep(0.3)  # all of it has come, and the connection is gone
    with pytest.raises(Refusal) as refused:
        while cursor is not None:
            cursor = (await engine.page(cursor)).next
    assert refused.value.code is ErrorCode.DIVISION_BY_ZERO


@pytest.mark.parametrize(
    ("error", "answering", "code"),
    [
        (clickhouse_says("Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)", 159), False,
         ErrorCode.EXCEEDED_TIME_LIMIT),
        (clickhouse_says("Code: 241. DB::Exception: Memory limit (MEMORY_LIMIT_EXCEEDED)", 241), False,
         ErrorCode.EXCEEDED_GLOBAL_MEMORY_LIMIT),
        (clickhouse_says("Code: 202. DB::Exception: Too many (TOO_MANY_SIMULTANEOUS_QUERIES)", 202), False,
         ErrorCode.QUERY_QUEUE_FULL),
        (clickhouse_says("Code: 516. DB::Exception: default: Authentication failed", 516), False,
         ErrorCode.NO_NODES_AVAILABLE),
        (StreamFailureError("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)"), True,
         ErrorCode.USER_CANCELED),
        (OperationalError("Connection refused to http://10.1.2.3:8123"), False, ErrorCode.NO_NODES_AVAILABLE),
        (ConnectionResetError("reset by 10.1.2.3"), False, ErrorCode.NO_NODES_AVAILABLE),
        (ConnectionResetError("reset by 10.1.2.3"), True, ErrorCode.REMOTE_HOST_GONE),
        (ValueError("no such format 10.1.2.3"), False, ErrorCode.GENERIC_EXTERNAL),
    ],
)  # fmt: skip
def test_each_failure_has_its_code_and_no_address(error: Exception, answering: bool, code: ErrorCode) -> None:
    refusal = translate_error(error, answering=answering)
    assert refusal.code is code
    assert "10.1.2.3" not in refusal.text


def test_a_refusal_stays_as_it_is() -> None:
    refusal = Refusal(ErrorCode.NOT_SUPPORTED, "x")
    assert translate_error(refusal) is refusal
