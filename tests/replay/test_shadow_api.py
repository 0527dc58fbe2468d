"""A changeset in shadow on a running gateway: clients notice nothing, and its differences are counted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.admin.api_client import Api
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually
from tests.replay.diffing import TABLE, changeset, put

READ = "SELECT id, desk FROM lake.trading.trades"
MASK = put("column_masks", id="no_desk", table=TABLE, column="desk", roles="all", mask="redact")
SHUT = put("grants", id="not_olga", users=["olga"], assets=TABLE, deny=["select"])


@contextmanager
def shadow(api: Api, *edits: dict[str, Any]) -> Iterator[str]:
    """Have a changeset in shadow, and discard it at the end."""
    made = changeset(api, *edits)
    api.answer("POST", f"/api/v1/changesets/{made}/submit", headers={"If-Match": '"1"'})
    try:
        yield made
    finally:
        api.answer("POST", f"/api/v1/changesets/{made}/discard", headers={"If-Match": '"2"'})


def report(api: Api, made: str, **params: Any) -> dict[str, Any]:
    found: dict[str, Any] = api.answer("GET", f"/api/v1/changesets/{made}/shadow", params=params)
    return found


def compared(api: Api, gateway: Gateway, made: str) -> dict[str, Any]:
    """Ask until the shadow is followed, and wait until what was asked is counted."""

    def counted() -> bool:
        Client(gateway.url, "root").rows("SELECT 7")
        return bool(report(api, made)["compared"])

    eventually(counted, seconds=60)
    return report(api, made)


def told(found: dict[str, Any]) -> set[tuple[str, str, tuple[str, ...], str]]:
    return {(each["kind"], each["table"], tuple(each["columns"]), each["user"]) for each in found["items"]}


def children(gateway: Gateway) -> list[int]:
    """Return the comparing processes of a gateway."""
    found = []
    for pid in gateway.processes():
        try:
            if b"gateway.replay.child" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def test_a_shadow_counts_what_it_would_change_and_changes_nothing(recorded: Gateway, stella: Api) -> None:
    clear = Client(recorded.url, "ana").rows(READ)
    with shadow(stella, MASK, SHUT) as made:
        assert compared(stella, recorded, made)["items"] == []
        before = recorded.metric("penstock_shadow_compared_total")
        for _ in range(3):
            assert Client(recorded.url, "ana").rows(READ) == clear
        assert Client(recorded.url, "olga").rows("SELECT count(*) FROM lake.trading.trades") == [[5]]
        eventually(lambda: len(report(stella, made)["items"]) >= 2, seconds=30)
        eventually(lambda: report(stella, made)["kinds"] == {"newly_hidden": 3, "newly_denied": 1}, seconds=30)
        found = report(stella, made)
        assert told(found) == {("newly_hidden", TABLE, ("desk",), "ana"), ("newly_denied", TABLE, (), "olga")}
        assert found["items"][0]["count"] == 3
        assert (found["running"], found["failed"], found["dropped"], found["full"]) == (True, 0, 0, False)
        assert recorded.metric("penstock_shadow_compared_total") >= before + 4
        assert recorded.metric("penstock_shadow_differences_total", kind="newly_hidden") >= 3
        first = report(stella, made, limit=1)
        assert report(stella, made, limit=1, after=first["next"])["items"] == found["items"][1:]
        with Api(recorded, "olga") as olga, Api(recorded, "ana") as ana:
            assert told(report(olga, made)) == told(found), "she manages the table"
            ana.answer("GET", f"/api/v1/changesets/{made}/shadow", 403)
    left = report(stella, made)
    assert (left["state"], left["running"], left["kinds"]) == ("discarded", False, found["kinds"])
    eventually(lambda: not children(recorded), seconds=20)
    for after in ("x", "eA", "LTE"):  # no cursor; one that stands for `x`, and for `-1`
        problem = stella.answer("GET", f"/api/v1/changesets/{made}/shadow", 404, params={"after": after})
        assert problem["errors"][0]["field"] == "after"
    nowhere = "00000000-0000-4000-8000-000000000000"
    assert stella.answer("GET", f"/api/v1/changesets/{nowhere}/shadow", 404)["code"] == "not_found"


@pytest.mark.long
def test_statements_go_on_when_the_comparing_process_is_killed_and_another_takes_its_place(
    recorded: Gateway, stella: Api
) -> None:
    with shadow(stella, MASK) as made:
        compared(stella, recorded, made)
        (killed,) = children(recorded)
        os.kill(killed, signal.SIGKILL)
        assert Client(recorded.url, "ana").rows(READ)

        def counted_again() -> bool:
            Client(recorded.url, "ana").rows(READ)
            return bool(report(stella, made)["kinds"].get("newly_hidden"))

        eventually(counted_again, seconds=60)
        assert report(stella, made)["dropped"] >= 1, "what the dead process was asked is not passed over in silence"
        assert children(recorded) != [killed]
