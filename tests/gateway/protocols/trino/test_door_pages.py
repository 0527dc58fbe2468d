"""GET, HEAD and DELETE on pages: tokens, retries, owners, cancels, abandonment, lost engines."""

from __future__ import annotations

import asyncio
import re
import tracemalloc

import pytest

from catalog.errors import ErrorCode
from engines.base import ResultPage, Submission
from engines.executions import PageGone, PageUnknown
from gateway.protocols.trino import TokenKey
from tests.gateway.protocols.trino.harness import (
    KEYS,
    MemoryEngine,
    engine_plan,
    failed_page,
    page,
    refusal,
    site,
    wait_for,
)
from tests.gateway.protocols.wire import Answer, ask

PAGES = [page([[1, "a"]]), page([[2, "b"]]), page([[3, "c"]]), page(state="FINISHED")]


def renumbered(uri: str, step: int) -> str:
    return re.sub(r"\d+$", lambda m: str(int(m.group()) + step), uri)


def same(one: Answer, other: Answer) -> bool:
    return (one.status, one.body, [h for h in one.headers if h[0] != "Date"]) == (
        other.status,
        other.body,
        [h for h in other.headers if h[0] != "Date"],
    )


@pytest.mark.asyncio
async def test_the_last_page_can_be_read_again_byte_for_byte_and_the_engine_is_asked_once() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for _ in PAGES:
            first = await at.get(uri)
            assert same(first, await at.get(uri))
            uri = first.json.get("nextUri", uri)
        assert len(at.engine.asked) == len(PAGES)


@pytest.mark.asyncio
async def test_an_older_page_is_gone_and_a_page_not_yet_due_is_unknown() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uris = [(await at.post()).json["nextUri"]]
        for _ in range(3):
            uris.append((await at.get(uris[-1])).json["nextUri"])
        assert (await at.get(uris[1])).status == 410
        assert (await at.get(renumbered(uris[3], +1))).status == 404
        assert (await at.get(renumbered(uris[3], +1000))).status == 404
        assert (await at.get(renumbered(uris[3], -2))).status == 410
        assert (await at.get(uris[3])).status == 200


@pytest.mark.asyncio
async def test_a_queued_page_stays_readable_until_it_is_two_behind() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page(state="QUEUED"), page(state="QUEUED"), page([[1, "a"]]), page()]
        uris = [(await at.post()).json["nextUri"]]
        for _ in range(3):
            uris.append((await at.get(uris[-1])).json["nextUri"])
        stages = [re.search(r"/statement/(\w+)/", uri) for uri in uris]
        assert [match and match.group(1) for match in stages] == ["queued", "queued", "queued", "executing"]
        assert (await at.get(uris[0])).status == 410
        assert (await at.get(uris[2])).status == 200
        assert (await at.get(uris[3])).status == 200
        assert (await at.get(uris[2])).status == 200


@pytest.mark.asyncio
async def test_after_the_last_page_there_is_no_next_one() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        assert "nextUri" not in (await at.get(uri)).json
        assert (await at.get(uri)).status == 200
        assert (await at.get(renumbered(uri, +1))).status == 404
        assert (await at.get(renumbered(uri, -1))).status == 410


@pytest.mark.asyncio
async def test_two_pollers_of_one_page_get_the_same_and_the_engine_is_asked_once() -> None:
    async with site() as at:
        ready = asyncio.Event()
        at.engine.scripts["select"] = [wait_for(ready, page([[1, "a"]])), page()]
        uri = (await at.post()).json["nextUri"]
        pollers = [asyncio.create_task(at.get(uri)) for _ in range(5)]
        await asyncio.sleep(0.05)
        ready.set()
        answers = await asyncio.gather(*pollers)
        assert all(same(answers[0], answer) for answer in answers)
        assert len(at.engine.asked) == 1


@pytest.mark.asyncio
async def test_head_keeps_the_query_alive_on_the_engine_and_never_advances() -> None:
    """trino-gateway #937, trino-lb #100: HEAD missing, or turned into GET so that a heartbeat consumed a page."""
    async with site(abandon_seconds=100) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(5):
            at.clock.now += 60
            beat = await at.get(uri, method="HEAD")
            assert (beat.status, beat.body) == (200, b"")
        assert len(at.engine.asked) == 1
        assert len(at.engine.heartbeats) == 5
        assert (await at.get(uri)).json["data"] == [[2, "b"]]


@pytest.mark.asyncio
async def test_head_on_the_last_page_is_still_200() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        await at.get(uri)
        assert (await at.get(uri, method="HEAD")).status == 200


# --- whose page it is -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_poll_may_carry_the_owners_name_an_empty_one_or_none() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for headers in ((), (("X-Trino-User", ""),), (("X-Trino-User", "alice"),)):
            answer = await ask(at.port, "GET", "/" + uri.split("/", 3)[3], headers)
            assert answer.status == 200
            uri = answer.json["nextUri"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.asyncio
async def test_anybody_elses_poll_or_cancel_finds_nothing(method: str) -> None:
    """QueryFlux (reading): no owner check on DELETE; attack N01."""
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post("select", "alice", ("Authorization", "Basic alice"))).json["nextUri"]
        assert (await at.get(uri, "bob", method=method)).status == 404
        assert (await at.get(uri, None, ("Authorization", "Basic bob"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic bob"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic service"), method=method)).status == 404
        assert (await at.get(uri, "alice", ("Authorization", "Basic wrong"), method=method)).status == 401
        assert (at.finished, at.engine.asked, at.engine.cancelled) == ([], [], [])
        assert (await at.get(uri, "alice", ("Authorization", "Basic alice"))).status == 200


@pytest.mark.asyncio
async def test_under_impersonation_the_page_is_the_pairs_and_go_polls_with_an_empty_user() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        service = ("Authorization", "Basic service")
        uri = (await at.post("select", "alice", service)).json["nextUri"]
        assert (await at.get(uri, "bob", service)).status == 404
        uri = (await at.get(uri, "", service)).json["nextUri"]
        assert (await at.get(uri, "alice", service)).status == 200


FORGERIES = {
    "nonsense": lambda token: "k1.AAAA",
    "no key": lambda token: token.partition(".")[2],
    "unknown key": lambda token: "k9." + token.partition(".")[2],
    "first letter": lambda token: token[:3] + ("A" if token[3] != "A" else "B") + token[4:],
    "middle": lambda token: token[:80] + ("A" if token[80] != "A" else "B") + token[81:],
    "last letter": lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
    "cut": lambda token: token[:-4],
    "longer": lambda token: token + "AAAA",
    "padded": lambda token: token + "=",
    "huge": lambda token: "k1." + "A" * 20_000,
    "empty": lambda token: "-",
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.asyncio
async def test_a_forged_token_finds_nothing(forge: object, method: str) -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        base, token, number = uri.rsplit("/", 2)
        assert (await at.get(f"{base}/{forge(token)}/{number}", method=method)).status == 404  # type: ignore[operator]
        assert at.finished == []


@pytest.mark.asyncio
async def test_a_token_of_another_query_finds_nothing() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        one, other = [(await at.post()).json["nextUri"] for _ in range(2)]
        one_base, token, number = one.rsplit("/", 2)
        other_base = other.rsplit("/", 2)[0]
        assert (await at.get(f"{other_base}/{token}/{number}")).status == 404
        assert (await at.get(f"{one_base}/{token}/01")).status == 404
        assert (await at.get(f"{one_base}/{token}/+1")).status == 404
        assert (await at.get(f"{one_base}/{token}/x")).status == 404


@pytest.mark.asyncio
async def test_an_expired_token_is_gone() -> None:
    async with site(page_token_seconds=60, abandon_seconds=1_000) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        at.clock.now += 61
        assert (await at.get(uri)).status == 410


@pytest.mark.asyncio
async def test_keys_rotate_without_losing_a_page() -> None:
    old, new = KEYS[0], TokenKey("k2", "fedcba9876543210" * 2)
    engine = MemoryEngine(kind="trino", own_ids=True)
    engine.scripts["select"] = PAGES
    async with site(engine, worker="aaaaa", keys=(old,)) as before:
        uri = (await before.get((await before.post()).json["nextUri"])).json["nextUri"]
        async with site(engine, worker="bbbbb", keys=(new, old)) as after:
            answer = await after.get(uri)
            assert answer.json["data"] == [[2, "b"]]
            assert "/k2." in answer.json["nextUri"]
        async with site(engine, worker="ccccc", keys=(new,)) as later:
            assert (await later.get(uri)).status == 404


@pytest.mark.asyncio
async def test_the_token_shows_nothing_of_the_engine() -> None:
    async with site(MemoryEngine("warehouse-7", kind="trino", own_ids=True)) as at:
        at.plans["select"] = engine_plan()
        at.plans["select"] = type(engine_plan())(kind="SELECT", route="engine", engine="warehouse-7", sql="select")
        at.engine.scripts["select"] = PAGES
        answer = await at.post()
        assert b"warehouse" not in answer.body
        assert b"/0" not in answer.body.split(b"nextUri")[1]


# --- how a query ends -------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_delete_is_204_at_once_and_again_and_the_next_page_says_user_canceled() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(3):
            answer = await at.delete(uri)
            assert (answer.status, answer.body) == (204, b"")
        last = await at.get(uri)
        assert (last.status, last.json["error"]["errorName"], "nextUri" in last.json) == (200, "USER_CANCELED", False)
        assert same(last, await at.get(uri))
        assert len(at.engine.cancelled) == 1
        assert [(r.outcome, r.error_code, r.rows) for r in at.finished] == [("CANCELED", "USER_CANCELED", 1)]


@pytest.mark.asyncio
async def test_delete_after_the_end_is_204_and_changes_nothing() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES[:1]
        uri = (await at.post()).json["nextUri"]
        last = await at.get(uri)
        assert (await at.delete(uri)).status == 204
        assert same(last, await at.get(uri))
        assert ([r.outcome for r in at.finished], at.engine.cancelled) == (["FINISHED"], [])


@pytest.mark.asyncio
async def test_delete_works_with_the_address_of_an_older_page() -> None:
    async with site() as at:
        at.engine.scripts["select"] = PAGES
        oldest = (await at.post()).json["nextUri"]
        await at.get((await at.get(oldest)).json["nextUri"])
        assert (await at.delete(oldest)).status == 204
        assert [r.outcome for r in at.finished] == ["CANCELED"]


@pytest.mark.asyncio
async def test_delete_wakes_a_poll_that_waits_for_the_engine() -> None:
    async with site() as at:
        never = asyncio.Event()
        at.engine.scripts["select"] = [wait_for(never, page()), page()]
        uri = (await at.post()).json["nextUri"]
        waiting = asyncio.create_task(at.get(uri))
        await asyncio.sleep(0.05)
        assert (await at.delete(uri)).status == 204
        answer = await asyncio.wait_for(waiting, 1)
        assert answer.json["error"]["errorName"] == "USER_CANCELED"


@pytest.mark.asyncio
async def test_a_cancel_that_the_engine_does_not_confirm_is_repeated() -> None:
    class Deaf(MemoryEngine):
        async def cancel(self, cursor: str) -> None:
            await super().cancel(cursor)
            if len(self.cancelled) < 2:
                raise refusal(ErrorCode.REMOTE_HOST_GONE)

    async with site(Deaf()) as at:
        at.engine.scripts["select"] = PAGES
        await at.delete((await at.post()).json["nextUri"])
        for _ in range(100):
            if len(at.engine.cancelled) == 2:
                break
            await asyncio.sleep(0.02)
        assert len(at.engine.cancelled) == 2


@pytest.mark.asyncio
async def test_a_query_nobody_asks_for_is_cancelled_and_recorded_as_abandoned() -> None:
    """Superset #34992: undrained queries stay FINISHING."""
    async with site(abandon_seconds=0.2, real_time=True) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.get((await at.post()).json["nextUri"])).json["nextUri"]
        for _ in range(100):
            if at.finished:
                break
            await asyncio.sleep(0.02)
        assert [(r.outcome, r.error_code) for r in at.finished] == [("ABANDONED", "ABANDONED_QUERY")]
        await asyncio.sleep(0.02)
        assert len(at.engine.cancelled) == 1
        assert (await at.get(uri)).json["error"]["errorName"] == "ABANDONED_QUERY"


@pytest.mark.asyncio
async def test_polling_keeps_a_query_from_being_abandoned() -> None:
    async with site(abandon_seconds=0.3, real_time=True) as at:
        at.engine.scripts["select"] = PAGES
        uri = (await at.post()).json["nextUri"]
        for _ in range(8):
            await at.get(uri)
            await asyncio.sleep(0.1)
        assert at.finished == []


@pytest.mark.asyncio
async def test_an_ended_query_is_kept_within_bounds_then_gone() -> None:
    async with site(kept_queries=3) as at:
        at.engine.scripts["select"] = PAGES[:1]
        uris = []
        for _ in range(5):
            uris.append((await at.post()).json["nextUri"])
            await at.get(uris[-1])
        assert [(await at.get(uri)).status for uri in uris] == [410, 410, 200, 200, 200]
        assert [(await at.delete(uri)).status for uri in uris] == [204] * 5


@pytest.mark.asyncio
async def test_the_last_pages_kept_are_bounded_in_bytes() -> None:
    async with site(kept_bytes=250_000) as at:
        at.engine.scripts["select"] = [page([[1, "x" * 100_000]])]
        uris = []
        for _ in range(4):
            uris.append((await at.post()).json["nextUri"])
            await at.get(uris[-1])
        assert [(await at.get(uri)).status for uri in uris] == [410, 410, 200, 200]


# --- what engines do wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [ErrorCode.REMOTE_HOST_GONE, ErrorCode.NO_NODES_AVAILABLE])
@pytest.mark.asyncio
async def test_a_lost_engine_is_503_while_it_may_come_back_then_an_error_page_and_never_500(code: ErrorCode) -> None:
    async with site(lost_engine_polls=2) as at:
        at.engine.scripts["select"] = [refusal(code, "The engine was lost at 10.0.0.5"), page()]
        uri = (await at.post()).json["nextUri"]
        for _ in range(2):
            answer = await at.get(uri)
            assert (answer.status, answer.header("Retry-After")) == (503, "1")
        last = await at.get(uri)
        assert (last.status, last.json["error"]["errorName"]) == (200, "REMOTE_HOST_GONE")
        assert b"10.0.0.5" not in last.body
        assert [(r.outcome, r.error_code) for r in at.finished] == [("FAILED", "REMOTE_HOST_GONE")]


@pytest.mark.asyncio
async def test_an_engine_that_comes_back_goes_on_where_it_was() -> None:
    async with site() as at:
        failures = [refusal(ErrorCode.REMOTE_HOST_GONE)]

        async def flapping() -> ResultPage | BaseException:
            return failures.pop() if failures else page([[1, "a"]])

        at.engine.scripts["select"] = [flapping, page()]
        uri = (await at.post()).json["nextUri"]
        assert [(await at.get(uri)).status for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("trouble", "name"),
    [
        (refusal(ErrorCode.GENERIC_EXTERNAL, "no Trino result"), "GENERIC_EXTERNAL"),
        (ZeroDivisionError("secret 10.0.0.5"), "GENERIC_INTERNAL_ERROR"),
        (PageUnknown("x"), "REMOTE_HOST_GONE"),
        (refusal(ErrorCode.EXCEEDED_TIME_LIMIT, "too long"), "EXCEEDED_TIME_LIMIT"),
    ],
    ids=["nonsense", "bug", "forgotten", "too long"],
)
@pytest.mark.asyncio
async def test_an_engine_that_fails_midway_ends_the_query_with_an_error_page(trouble: BaseException, name: str) -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "a"]]), trouble, page()]
        answers = await at.run()
        error = answers[-1].json["error"]
        assert (answers[-1].status, error["errorName"], "secret" in str(error)) == (200, name, False)
        assert [(r.outcome, r.error_code, r.rows) for r in at.finished] == [("FAILED", name, 1)]


@pytest.mark.asyncio
async def test_a_page_the_engine_no_longer_has_is_gone() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [PageGone("x"), page()]
        assert (await at.get((await at.post()).json["nextUri"])).status == 410


@pytest.mark.asyncio
async def test_what_the_engine_said_on_submission_is_told_on_the_first_page() -> None:
    class Hasty(MemoryEngine):
        async def submit(self, statement: object, query_id: str) -> Submission:
            last = failed_page("QUERY_QUEUE_FULL", 131074, "INSUFFICIENT_RESOURCES", "Too many queued queries")
            return Submission(
                "20260101_000000_00009_trino", "", ResultPage(last.members, None, failed="QUERY_QUEUE_FULL")
            )

    async with site(Hasty(kind="trino")) as at:
        first, second = await at.run()
        assert first.json["stats"]["state"] == "QUEUED"
        assert second.json["error"]["message"] == "Too many queued queries"
        assert [(r.outcome, r.error_code) for r in at.finished] == [("FAILED", "QUERY_QUEUE_FULL")]


@pytest.mark.asyncio
async def test_a_partial_cancel_ends_one_stage_and_the_query_goes_on() -> None:
    async with site(MemoryEngine(kind="trino", own_ids=True)) as at:
        at.engine.scripts["select"] = [page([[1, "a"]], partial_cancel="stage/0"), page(state="FINISHED")]
        first = await at.get((await at.post()).json["nextUri"])
        partial = first.json["partialCancelUri"]
        assert "/v1/statement/executing/partialCancel/" in partial
        assert (await at.delete(partial, "bob")).status == 404
        assert (await at.get(partial)).status == 405
        assert (await at.delete(partial)).status == 204
        await asyncio.sleep(0.01)
        assert at.engine.cancelled == ["stage/0"]
        assert "error" not in (await at.get(first.json["nextUri"])).json
        page_token = first.json["nextUri"].split("/")[-2]
        as_page = partial.replace("executing/partialCancel", "executing")
        assert (await at.get(as_page)).status == 404
        as_partial = "/".join([*partial.split("/")[:-2], page_token, "0"])
        assert (await at.delete(as_partial)).status == 404
        assert [r.outcome for r in at.finished] == ["FINISHED"]


# --- what engines say -------------------------------------------------------------------------------------------

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
        assert (got["physicalInputBytes"], got["spilledBytes"], got["somethingNew"]) == (0, 0, 0)
        assert (got["state"], got["totalSplits"], got["cpuTimeMillis"]) == ("RUNNING", 9, 5)
        assert got["rootStage"]["processedRows"] == 2
        assert got["rootStage"]["subStages"][0]["processedRows"] == 0
        assert all("CAISO" not in answer.text and "1000000" not in answer.text for answer in answers)
        assert [w["message"] for w in answers[1].json["warnings"]] == ["ours"]


@pytest.mark.asyncio
async def test_a_large_page_passes_whole_with_the_right_length() -> None:
    """trino-gateway #749, #786, #652: whole-body limits and stale lengths."""
    async with site() as at:
        row = [1, "x" * 20_000_000]
        at.engine.scripts["select"] = [page([row])]
        for accept in ("identity", "gzip"):
            uri = (await at.post()).json["nextUri"]
            answer = await at.get(uri, "alice", ("Accept-Encoding", accept))
            assert int(answer.header("Content-Length") or 0) == len(answer.body)
            if accept == "identity":
                assert answer.json["data"] == [row]


@pytest.mark.asyncio
async def test_a_long_result_costs_the_memory_of_a_few_pages() -> None:
    """trino-gateway #749: whole bodies buffered. Here 60 MB of pages pass; what is kept at a time is bounded."""

    async def megabyte() -> ResultPage:
        return page([[1, "x" * 1_000_000]])

    async with site() as at:
        at.engine.scripts["select"] = [megabyte] * 60
        uri = (await at.post()).json["nextUri"]
        tracemalloc.start()
        try:
            while uri is not None:
                answer = await at.get(uri)
                uri = answer.json.get("nextUri")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert at.finished[0].bytes > 60_000_000
        assert peak < 20_000_000


@pytest.mark.asyncio
async def test_a_first_page_full_of_rows_is_not_kept_beside_the_next() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "x" * 100_000]]), page(), page(), page()]
        first = (await at.post()).json["nextUri"]
        second = (await at.get(first)).json["nextUri"]
        await at.get(second)
        assert (await at.get(first)).status == 410


@pytest.mark.asyncio
async def test_an_engine_that_changes_the_columns_midway_ends_the_query() -> None:
    async with site() as at:
        at.engine.scripts["select"] = [page([[1, "a"]]), page([["b", 2]], columns=[{"name": "word"}]), PAGES[-1]]
        answers = await at.run()
        assert [answer.json.get("data") for answer in answers] == [None, [[1, "a"]], None]
        assert answers[-1].json["error"]["errorName"] == "GENERIC_EXTERNAL"
        async with asyncio.timeout(10):
            while not at.engine.cancelled:
                await asyncio.sleep(0.01)
        assert [row.outcome for row in at.finished] == ["FAILED"]
