"""Changesets on three gateways of one Postgres: every replica acts, one steward wins, and what dies leaves it whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.demo.postgres import PostgresServer
from tests.admin.api_client import Api, governed_gateway
from tests.changesets.speaking import CHANGESETS, begin, ids, put, row_filter, step
from tests.faults.test_store_away import Gate, gate_to
from tests.operations.gateway_process import Gateway, eventually
from tests.operations.lake import make_lake

pytestmark = pytest.mark.postgres
OWN = [0, 2]
Three = tuple[Gateway, Gateway, Gateway]


@pytest.fixture(scope="module")
def served(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Three, Gate]]:
    """Run three gateways, of which it takes two pairs of eyes to promote, whose store is reached through a gate."""
    postgres_server.create_database("changesets_served")
    folder = tmp_path_factory.mktemp("changesets")
    lake = make_lake(folder / "lake")
    with gate_to(postgres_server) as gate:
        gate.open()
        user, password = postgres_server.user, postgres_server.password
        url = f"postgresql://{user}:{password}@127.0.0.1:{gate.port}/changesets_served"
        changes = {"engines": [lake], "store": {"url": url}, "governing": {"four_eyes": True}}
        made = [governed_gateway(folder / name, changes) for name in "abc"]
        try:
            made[0].start()  # and migrate
            for each in made[1:]:
                each.start(ready=False)
            for each in made[1:]:
                each.wait_ready()
            yield (made[0], made[1], made[2]), gate
        finally:
            for each in made:
                if each.process is not None:
                    each.kill()


@pytest.fixture
def three(served: tuple[Three, Gate]) -> Three:
    return served[0]


def promoted(gateway: Gateway, *edits: dict[str, Any]) -> dict[str, Any]:
    """Have one steward write a changeset and another make it live."""
    with Api(gateway, "stella") as author, Api(gateway, "root") as other:
        made: dict[str, Any] = step(other, begin(author, *edits), "promote")
        return made


def test_every_replica_acts_within_seconds_and_so_does_the_way_back(three: Three) -> None:
    a, b, c = three
    made = promoted(a, row_filter("less", "id < 2"))
    assert ids(a) == [0]
    for each in (b, c):
        eventually(lambda each=each: ids(each) == [0], seconds=5)  # type: ignore[misc]  # a lambda bound to this turn
    with Api(b, "root") as api:  # any replica takes it back
        step(api, made, "rollback")
    assert ids(b) == OWN
    for each in (a, c):
        eventually(lambda each=each: ids(each) == OWN, seconds=5)  # type: ignore[misc]  # a lambda bound to this turn


def test_who_edited_last_does_not_promote_alone(three: Three) -> None:
    with Api(three[0], "stella") as stella, Api(three[1], "root") as root:
        made = begin(stella, row_filter("x", "id < 2"))
        problem = step(stella, made, "promote", 403)
        assert (problem["code"], problem["errors"][0]["field"]) == ("four_eyes", "edited_by")
        etag = {"If-Match": '"1"'}
        seen = root.answer(
            "PUT", f"{CHANGESETS}/{made['id']}", headers=etag, json={"title": "x", "edits": made["edits"]}
        )
        assert step(root, seen, "promote", 403)["code"] == "four_eyes"
        step(stella, step(stella, seen, "promote"), "rollback")


def test_of_stewards_at_once_on_three_replicas_one_wins(three: Three) -> None:
    with Api(three[0], "stella") as stella:
        made = [begin(stella, row_filter(f"r{n}", f"id <> {n}")) for n in range(3)]

    def promote(number: int) -> tuple[int, Any]:
        with Api(three[number], "root") as root:
            found = root.post(f"{CHANGESETS}/{made[number]['id']}/promote", headers={"If-Match": '"1"'})
            return found.status_code, found.json()

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(promote, range(3)))
    assert sorted(status for status, _ in ends) == [200, 409, 409]
    assert {body["code"] for status, body in ends if status == 409} == {"moved"}
    (winner,) = [body for status, body in ends if status == 200]
    with Api(three[0], "root") as root:
        (document,) = root.answer("GET", "/api/v1/documents")["items"]
        assert document["document"] == "governed"
        step(root, winner, "rollback")


def test_documents_that_go_with_one_another_only_alone_are_never_both_live(three: Three) -> None:
    """One changeset takes a role away that the other, of another document, needs: whoever is second is refused."""
    held = promoted(three[0], put("roles", None, "night", document="people"))
    with Api(three[0], "stella") as stella:
        gone = begin(stella, {"op": "delete", "document": "people", "section": "roles", "key": "night"})
        used = begin(stella, row_filter("night", "id = 1", roles=["night"]))

    def promote(pair: tuple[Gateway, dict[str, Any]]) -> tuple[int, Any]:
        with Api(pair[0], "root") as root:
            found = root.post(f"{CHANGESETS}/{pair[1]['id']}/promote", headers={"If-Match": '"1"'})
            return found.status_code, found.json()

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(promote, [(three[1], gone), (three[2], used)]))
    assert sorted(status for status, _ in ends) == [200, 422]
    assert "night" in next(str(body["errors"]) for status, body in ends if status == 422)
    with Api(three[0], "root") as root:
        step(root, next(body for status, body in ends if status == 200), "rollback")
        step(root, held, "rollback")


@pytest.mark.long
def test_a_store_that_goes_away_changes_nothing_and_says_so(served: tuple[Three, Gate]) -> None:
    (a, b, _), gate = served
    with Api(a, "stella") as stella, Api(a, "root") as root:
        made = begin(stella, row_filter("away", "id < 2"))
        gate.shut()
        problem = step(root, made, "promote", 503)
        assert problem["code"] in ("store_away", "change_unknown")
        assert begin(stella, row_filter("b", "id < 2"), status=503)["code"] in ("store_away", "change_unknown")
        assert ids(a) == ids(b) == OWN
        gate.open()
        path = f"{CHANGESETS}/{made['id']}"
        seen = eventually(lambda: (found := root.get(path)).status_code == 200 and found.json(), seconds=30)
        assert seen["state"] == "draft"
        step(root, step(root, seen, "promote"), "rollback")


@pytest.mark.long
def test_a_store_cut_off_in_the_midst_leaves_all_documents_or_none_and_the_answer_is_true(
    served: tuple[Three, Gate],
) -> None:
    (a, _, _), gate = served
    unknown = 0
    for number in range(12):
        with Api(a, "stella") as stella, Api(a, "root") as root:
            path = f"{CHANGESETS}?limit=1"
            eventually(lambda: stella.get(path).status_code == 200, seconds=30)  # noqa: B023  (called at once)
            made = begin(
                stella,
                row_filter("cut", f"id <> {number}"),
                put("roles", {"description": f"{number}"}, "r", document="people"),
            )
            cut = threading.Timer(number * 0.008, gate.shut)
            cut.start()
            found = root.post(f"{CHANGESETS}/{made['id']}/promote", headers={"If-Match": '"1"'})
            cut.join()
            gate.open()
            seen = eventually(
                lambda: (answer := root.get(f"{CHANGESETS}/{made['id']}")).status_code == 200 and answer.json(),  # noqa: B023  (called at once)
                seconds=30,
            )
            moved = {each["document"] for each in seen["moved"]}
            assert moved in (set(), {"governed", "people"})
            assert (seen["state"] == "live") == bool(moved)
            if found.status_code == 200:
                assert seen["state"] == "live"
            elif found.json()["code"] != "change_unknown":
                assert seen["state"] == "draft", found.text
            else:
                unknown += 1
            if moved:
                step(root, seen, "rollback")
    assert unknown < 12


@pytest.mark.long
def test_killing_a_gateway_in_the_midst_of_promoting_leaves_all_documents_or_none(three: Three) -> None:
    a, b, _ = three
    for number in range(4):
        with Api(a, "stella") as stella:
            made = begin(
                stella,
                row_filter("killed", f"id <> {number}"),
                put("roles", {"description": f"{number}"}, "k", document="people"),
            )

        def promote(made: dict[str, Any] = made) -> None:
            try:
                with Api(a, "root") as root:
                    root.post(f"{CHANGESETS}/{made['id']}/promote", headers={"If-Match": '"1"'})
            except Exception:  # it is killed in the midst
                return

        asking = threading.Thread(target=promote)
        asking.start()
        time.sleep(0.01 + number * 0.02)
        a.kill()
        asking.join()
        a.start()
        with Api(b, "root") as root:
            seen = root.answer("GET", f"{CHANGESETS}/{made['id']}")
            names = {each["document"] for each in root.answer("GET", "/api/v1/documents")["items"]}
            assert names == ({"governed", "people"} if seen["state"] == "live" else set())
            expected = [n for n in OWN if seen["state"] != "live" or n != number]
            eventually(lambda: ids(b) == expected, seconds=5)  # noqa: B023  (called at once)
            assert ids(a) == expected
            if seen["state"] == "live":
                step(root, seen, "rollback")
                eventually(lambda: ids(a) == OWN, seconds=5)


@pytest.mark.long
def test_what_clocks_say_orders_nothing(three: Three, postgres_server: PostgresServer) -> None:
    """The rows of an older change are dated into the future: what came last still counts, and is shown first."""
    import subprocess

    first = promoted(three[0], row_filter("timed", "id < 3"))
    later = "UPDATE penstock_policies SET made_at = '2090-01-01'; UPDATE penstock_changesets SET made_at = '2090-01-01', changed_at = '2090-01-01'; UPDATE penstock_policy_changes SET made_at = '2090-01-01'"
    command = [str(postgres_server.programs / "psql"), "-XqAt", postgres_server.url("changesets_served"), "-c", later]
    subprocess.run(command, check=True, capture_output=True)
    second = promoted(three[1], row_filter("timed", "id < 1"))
    for each in three:
        eventually(lambda each=each: ids(each) == [0], seconds=5)  # type: ignore[misc]  # a lambda bound to this turn
    with Api(three[2], "root") as root:
        assert root.answer("GET", CHANGESETS, params={"limit": 1})["items"][0]["id"] == second["id"]
        changes = root.answer("GET", "/api/v1/policies/row_filters/timed")["changes"]
        assert [each["changeset"] for each in changes] == [second["id"], first["id"]]
        step(root, first, "rollback", 409)
        step(root, second, "rollback")
        step(root, first, "rollback")
