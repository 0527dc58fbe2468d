"""A draft compared with what was recorded, over the API of a running gateway."""

from __future__ import annotations

import time

import pytest

from tests.admin.api_client import Api
from tests.operations.gateway_process import Gateway
from tests.replay.conftest import ASKED
from tests.replay.diffing import TABLE, changeset, ended, put, report, told

FILTER = put("row_filters", id="own_desk", table=TABLE, users=["ana"], filter="desk = 'SPP' OR desk = 'MISO'")
MASK = put("column_masks", id="no_desk", table=TABLE, column="desk", roles="all", mask="redact")


def test_another_filter_is_found_for_its_readers_with_the_rows_it_changes(stella: Api) -> None:
    found = report(stella, changeset(stella, FILTER), days=1, sample=5)
    assert told(found["groups"]) == {("changed_filter", TABLE, (), ("ana",), 3)}
    (group,) = found["groups"]
    assert group["before"] == "\"desk\" = 'CAISO'"
    assert "'SPP'" in group["after"]
    assert group["example"]["sql"] in {sql for _, sql in ASKED}
    assert {(row["before"], row["after"], row["error"]) for row in group["rows"]} == {(1, 1, ""), (2, 3, "")}
    assert (found["sampled"], found["rows_changed"]) == (2, 1)
    assert (found["statements"], found["distinct"]) == (len(ASKED), len(ASKED) - 1)


def test_a_mask_is_found_for_who_read_the_column_in_clear(stella: Api) -> None:
    found = report(stella, changeset(stella, MASK))
    kinds = told(found["groups"])
    assert kinds == {("newly_hidden", TABLE, ("desk",), ("ana", "root"), 3)}
    assert found["kinds"] == {"newly_hidden": 3}


def test_who_is_let_in_and_who_is_shut_out_is_found(stella: Api) -> None:
    draft = changeset(
        stella,
        put("grants", id="guests", users=["nobody"], assets=TABLE, allow=["read"]),
        put("row_filters", id="guests_all", table=TABLE, users=["nobody"], filter="none"),
        put("grants", id="not_olga", users=["olga"], assets=TABLE, deny=["select"]),
    )
    assert told(report(stella, draft)["groups"]) == {
        ("newly_allowed", TABLE, ("id",), ("nobody",), 1),
        ("newly_exposed", TABLE, ("id",), ("nobody",), 1),
        ("newly_denied", TABLE, ("id",), ("olga",), 1),
    }


def test_a_draft_that_changes_nothing_for_anybody_differs_in_nothing(stella: Api) -> None:
    found = report(stella, changeset(stella, put("grants", id="more", users=["ana"], assets=TABLE, allow=["select"])))
    assert (found["groups"], found["kinds"]) == ([], {})


def test_an_owner_sees_the_groups_of_his_tables_and_an_auditor_no_texts(recorded: Gateway, stella: Api) -> None:
    everything = changeset(
        stella, FILTER, put("grants", id="no_one", users=["ana"], assets="lake.*", deny=["show_create"])
    )
    job = ended(stella, stella.answer("POST", f"/api/v1/changesets/{everything}/diff", 202))
    with Api(recorded, "olga") as olga, Api(recorded, "aude") as aude, Api(recorded, "ana") as ana:
        (own,) = olga.answer("GET", f"/api/v1/diffs/{job['id']}")["report"]["groups"]
        assert own["example"]["sql"]
        assert own["before"]
        (audited,) = aude.answer("GET", f"/api/v1/diffs/{job['id']}")["report"]["groups"]
        assert (audited["example"]["sql"], audited["before"], audited["after"]) == (None, "", "")
        assert audited["users"] == ["ana"]
        ana.answer("GET", f"/api/v1/diffs/{job['id']}", 403)
        aude.answer("POST", f"/api/v1/changesets/{everything}/diff", 403)


def test_comparisons_are_listed_page_by_page(stella: Api) -> None:
    draft = changeset(stella, MASK)
    made = [report(stella, draft) and draft for _ in range(2)]
    first = stella.answer("GET", f"/api/v1/changesets/{draft}/diff", params={"limit": 1})
    second = stella.answer("GET", f"/api/v1/changesets/{draft}/diff", params={"limit": 1, "after": first["next"]})
    assert len(made) == 2
    assert {each["state"] for each in (*first["items"], *second["items"])} == {"done"}
    assert first["items"][0]["id"] != second["items"][0]["id"]
    assert second["next"] is None


def test_what_cannot_be_compared_is_refused_by_name(stella: Api) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    assert stella.answer("POST", f"/api/v1/changesets/{nowhere}/diff", 404)["code"] == "not_found"
    assert stella.answer("GET", f"/api/v1/diffs/{nowhere}", 404)["code"] == "not_found"
    draft = changeset(stella, MASK)
    for bad in ({"days": 0}, {"days": 91}, {"sample": -1}, {"sample": 101}, {"days": "soon"}):
        problem = stella.answer("POST", f"/api/v1/changesets/{draft}/diff", 422, params=bad)
        assert problem["errors"][0]["field"] == next(iter(bad))


def test_a_comparison_leaves_an_entry_in_the_audit(recorded: Gateway, stella: Api) -> None:
    from tests.replay.auditing import audited

    draft = changeset(stella, MASK)
    report(stella, draft, days=2)
    entry = audited(recorded, "policy.diff", draft)
    assert (entry["actor"], entry["detail"]["days"]) == ("stella", 2.0)


@pytest.mark.parametrize("who", ["stella", "root"])
def test_a_comparison_that_is_ended_stays_ended(recorded: Gateway, stella: Api, who: str) -> None:
    draft = changeset(stella, MASK)
    job = stella.answer("POST", f"/api/v1/changesets/{draft}/diff", 202)
    with Api(recorded, who) as api:
        api.answer("DELETE", f"/api/v1/diffs/{job['id']}", 202)
    start = time.monotonic()
    assert ended(stella, job)["state"] in ("cancelled", "done"), "it may have been done before"
    assert time.monotonic() - start < 10
    assert not [pid for pid in recorded.processes() if _compares(pid)], "its process is gone"


def _compares(pid: int) -> bool:
    from pathlib import Path

    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and b"gateway.replay.child" in path.read_bytes()
