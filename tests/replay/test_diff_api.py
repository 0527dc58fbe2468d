"""A draft compared with what was recorded, over the API of a running gateway."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.admin.api_client import Api
from tests.operations.gateway_process import Gateway
from tests.replay.auditing import audited
from tests.replay.conftest import ASKED
from tests.replay.diffing import TABLE, changeset, ended, put, told

EVERYTHING = (
    put("row_filters", id="own_desk", table=TABLE, users=["ana"], filter="desk = 'SPP' OR desk = 'MISO'"),
    put("column_masks", id="no_desk", table=TABLE, column="desk", roles="all", mask="redact"),
    put("grants", id="guests", users=["nobody"], assets=TABLE, allow=["read"]),
    put("row_filters", id="guests_all", table=TABLE, users=["nobody"], filter="none"),
    put("grants", id="not_olga", users=["olga"], assets=TABLE, deny=["select"]),
)
"""Another filter, a mask, somebody who is let in and somebody who is shut out."""
Job = dict[str, Any]


@pytest.fixture(scope="module")
def compared(recorded: Gateway) -> Job:
    """Compare a draft that changes something of every kind, and count rows."""
    with Api(recorded, "stella") as api:
        draft = changeset(api, *EVERYTHING)
        started = api.answer("POST", f"/api/v1/changesets/{draft}/diff", 202, params={"days": 2, "sample": 20})
        assert started["state"] == "running"
        found = ended(api, started)
    assert found["state"] == "done", found
    return found


def test_each_kind_of_difference_is_found_and_none_is_invented(compared: Job) -> None:
    report = compared["report"]
    assert told(report["groups"]) == {
        ("changed_filter", TABLE, (), ("ana",), 3),
        ("newly_hidden", TABLE, ("desk",), ("ana", "root"), 3),
        ("newly_allowed", TABLE, ("id",), ("nobody",), 1),
        ("newly_exposed", TABLE, ("id",), ("nobody",), 1),
        ("newly_denied", TABLE, ("id",), ("olga",), 1),
    }
    assert report["kinds"] == {
        "changed_filter": 3,
        "newly_hidden": 3,
        "newly_allowed": 1,
        "newly_exposed": 1,
        "newly_denied": 1,
    }
    assert (report["statements"], report["distinct"]) == (len(ASKED), len(ASKED) - 1)
    assert (report["not_compared"], report["approximate"], report["left_out"]) == ({}, 0, 0)


def test_a_steward_sees_texts_of_statements_and_policies(compared: Job) -> None:
    (group,) = [each for each in compared["report"]["groups"] if each["kind"] == "changed_filter"]
    assert group["before"] == "\"desk\" = 'CAISO'"
    assert "'SPP'" in group["after"]
    assert group["example"]["sql"] in {sql for _, sql in ASKED}


def test_rows_are_counted_both_ways_on_the_engine(compared: Job) -> None:
    report = compared["report"]
    counted = {(row["before"], row["after"]) for group in report["groups"] for row in group["rows"]}
    assert counted == {(1, 1), (2, 3), (5, 5), (None, 5), (5, None)}
    assert (report["sampled"], report["rows_changed"]) == (5, 3)
    assert not [row["error"] for group in report["groups"] for row in group["rows"] if row["error"]]


def test_an_owner_sees_the_groups_of_his_tables_and_an_auditor_no_texts(recorded: Gateway, compared: Job) -> None:
    path = f"/api/v1/diffs/{compared['id']}"
    with Api(recorded, "olga") as olga, Api(recorded, "aude") as aude, Api(recorded, "ana") as ana:
        own = olga.answer("GET", path)
        assert len(own["report"]["groups"]) == 5
        assert all(each["example"]["sql"] for each in own["report"]["groups"])
        olga.answer("POST", f"/api/v1/changesets/{compared['changeset']}/diff", 404)  # it edits what is not hers
        audited_groups = aude.answer("GET", path)["report"]["groups"]
        assert {(each["example"]["sql"], each["before"], each["after"]) for each in audited_groups} == {(None, "", "")}
        assert {user for each in audited_groups for user in each["users"]} == {"ana", "root", "olga", "nobody"}
        ana.answer("GET", path, 403)
        aude.answer("POST", f"/api/v1/changesets/{compared['changeset']}/diff", 403)


def test_a_comparison_is_audited_and_listed_without_its_report(recorded: Gateway, stella: Api, compared: Job) -> None:
    entry = audited(recorded, "policy.diff", compared["changeset"])
    assert (entry["actor"], entry["detail"]["days"], entry["detail"]["sample"]) == ("stella", 2.0, 20)
    page = stella.answer("GET", f"/api/v1/changesets/{compared['changeset']}/diff")
    assert [(each["id"], each["report"]) for each in page["items"]] == [(compared["id"], None)]
    assert page["next"] is None


def test_what_cannot_be_compared_is_refused_by_name(stella: Api, compared: Job) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    assert stella.answer("POST", f"/api/v1/changesets/{nowhere}/diff", 404)["code"] == "not_found"
    assert stella.answer("GET", f"/api/v1/diffs/{nowhere}", 404)["code"] == "not_found"
    for bad in ({"days": 0}, {"days": 91}, {"sample": -1}, {"sample": 101}, {"days": "soon"}):
        path = f"/api/v1/changesets/{compared['changeset']}/diff"
        problem = stella.answer("POST", path, 422, params=bad)
        assert problem["errors"][0]["field"] == next(iter(bad))


def test_a_comparison_that_is_ended_stays_ended_and_leaves_no_process(
    recorded: Gateway, stella: Api, compared: Job
) -> None:
    job = stella.answer("POST", f"/api/v1/changesets/{compared['changeset']}/diff", 202)
    stella.answer("POST", f"/api/v1/diffs/{job['id']}/cancel", 202)  # at once, and true even where it is done sooner
    start = time.monotonic()
    assert ended(stella, job)["state"] == "cancelled"
    assert time.monotonic() - start < 10
    with Api(recorded, "olga") as olga:
        olga.answer("POST", f"/api/v1/diffs/{job['id']}/cancel", 403)
    assert not [pid for pid in recorded.processes() if _compares(pid)]


def _compares(pid: int) -> bool:
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and b"gateway.replay.child" in path.read_bytes()


@pytest.mark.long
def test_comparisons_are_listed_page_by_page(stella: Api) -> None:
    draft = changeset(stella, EVERYTHING[1])
    for _ in range(3):
        ended(stella, stella.answer("POST", f"/api/v1/changesets/{draft}/diff", 202))
    path, seen, after = f"/api/v1/changesets/{draft}/diff", [], None
    while True:
        page = stella.answer("GET", path, params={"limit": 1, **({"after": after} if after else {})})
        seen += [each["id"] for each in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(set(seen)) == len(seen) == 3
