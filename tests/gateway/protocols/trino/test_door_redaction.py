"""What engines say of policed statements before a client hears it."""

from __future__ import annotations

import pytest

from catalog.errors import ErrorCode
from tests.gateway.protocols.trino.harness import engine_plan, failed_page, page, refusal, site

QUOTED = "line 3:7: Cannot cast '123-45-6789' to INT at 10.0.0.5"


async def told(policed: bool, name: str, code: int, kind: str, message: str = QUOTED) -> tuple[dict[str, object], str]:
    async with site() as at:
        at.plans["select"] = engine_plan(policed=policed)
        at.engine.scripts["select"] = [failed_page(name, code, kind, message)]
        answer = (await at.run())[1]
        assert at.finished[0].error_code == name
        assert "123-45" not in (at.finished[0].error_message or "") or not policed
        return answer.json["error"], answer.text


@pytest.mark.asyncio
async def test_an_engine_error_of_a_policed_statement_keeps_its_code_and_loses_its_words() -> None:
    error, text = await told(True, "INVALID_CAST_ARGUMENT", 9, "USER_ERROR")
    assert (error["errorName"], error["errorCode"], error["errorType"]) == ("INVALID_CAST_ARGUMENT", 9, "USER_ERROR")
    assert "20270115_080000_00000_aaaaa" in str(error["message"])
    assert "123-45" not in text
    assert "Secret" not in text


@pytest.mark.asyncio
async def test_a_users_own_mistake_is_told_in_full_but_for_places_in_the_governed_text() -> None:
    error, text = await told(False, "INVALID_CAST_ARGUMENT", 9, "USER_ERROR")
    assert error["message"] == "Cannot cast '123-45-6789' to INT at 10.0.0.5"
    assert "errorLocation" not in error
    assert "Secret" not in text


@pytest.mark.parametrize("policed", [True, False])
@pytest.mark.asyncio
async def test_internal_and_external_errors_never_name_machines(policed: bool) -> None:
    for kind in ("INTERNAL_ERROR", "EXTERNAL"):
        _, text = await told(policed, "PAGE_TRANSPORT_ERROR", 65539, kind)
        assert "10.0.0.5" not in text


@pytest.mark.asyncio
async def test_limits_are_told_in_full_even_on_policed_statements() -> None:
    error, _ = await told(True, "EXCEEDED_TIME_LIMIT", 131075, "INSUFFICIENT_RESOURCES", "exceeded 1.00m")
    assert error["message"] == "exceeded 1.00m"


@pytest.mark.asyncio
async def test_a_policed_statements_own_engine_refusal_is_redacted_too() -> None:
    async with site() as at:
        at.plans["select"] = engine_plan(policed=True)
        at.engine.scripts["select"] = [refusal(ErrorCode.INVALID_CAST_ARGUMENT, "Cannot cast '123-45-6789'")]
        answer = (await at.run())[1]
        assert answer.json["error"]["errorName"] == "INVALID_CAST_ARGUMENT"
        assert "123-45" not in answer.text


@pytest.mark.asyncio
async def test_statistics_of_a_policed_statement_count_what_came_out_not_what_was_read() -> None:
    stats = {
        "state": "RUNNING",
        "queued": False,
        "totalSplits": 9,
        "cpuTimeMillis": 5,
        "processedRows": 1_000_000,
        "processedBytes": 99_999,
        "physicalInputBytes": 88_888,
        "spilledBytes": 7,
        "somethingNew": 1_000_000,
        "somethingSecret": "desk = 'CAISO'",
        "rootStage": {
            "stageId": "0",
            "processedRows": 1_000_000,
            "physicalInputBytes": 5,
            "subStages": [{"stageId": "1", "processedRows": 1_000_000, "processedBytes": 4, "subStages": []}],
        },
    }
    warning = {"warningCode": {"code": 1, "name": "X"}, "message": "about desk = 'CAISO'"}
    async with site() as at:
        at.plans["select"] = engine_plan(policed=True, warnings=("ours",))
        at.engine.scripts["select"] = [page([[1, "a"], [2, "b"]], stats=stats, warnings=[warning]), page(stats=stats)]
        answers = await at.run()
        got = answers[2].json["stats"]
        assert (got["processedRows"], got["processedBytes"]) == (2, len(b'[[1,"a"],[2,"b"]]'))
        assert (got["physicalInputBytes"], got["spilledBytes"], "somethingNew" in got) == (0, 0, False)
        assert (got["state"], got["totalSplits"], got["cpuTimeMillis"]) == ("RUNNING", 1, 0)
        assert (got["rootStage"]["processedRows"], got["rootStage"]["subStages"]) == (2, [])
        assert all("CAISO" not in answer.text and "1000000" not in answer.text for answer in answers)
        assert [w["message"] for w in answers[1].json["warnings"]] == ["ours"]
