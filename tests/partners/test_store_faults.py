"""The partners' paths while the store is away, or holds still: 503 that says what is known, and nothing half done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.demo.postgres import PostgresServer
from tests.admin.api_client import TABLE, Api, governed_gateway
from tests.faults.test_store_away import gate_to
from tests.operations.gateway_process import Gateway, eventually, running
from tests.partners.conftest import KEYS
from tests.partners.registered import FAR, client_of, entitle, issue, register


def test_of_a_change_that_the_store_does_not_confirm_the_outcome_is_called_unknown(
    sharing: Gateway, steward: Api
) -> None:
    body = {"partner_id": "held-up", "organization": "ACME Trading"}
    with closing(sqlite3.connect(sharing.folder / "usage.db", timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        problem = steward.answer("POST", "/partners/", 503, json=body)
        other.rollback()
    assert problem["code"] == "outcome_unknown"
    assert "is not known" in problem["detail"]
    eventually(lambda: steward.get("/partners/held-up").status_code == 200)
    steward.answer("POST", "/partners/", 409, json=body)


@pytest.mark.long
def test_while_the_store_is_away_nothing_is_answered_as_if_it_were_there(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    postgres_server.create_database("sharing_away")
    with gate_to(postgres_server) as gate:
        gate.open()
        address = f"{postgres_server.user}:{postgres_server.password}@127.0.0.1:{gate.port}/sharing_away"
        changed = {"store": {"url": f"postgresql://{address}"}, "partners": {"keys": KEYS}}
        gateway = governed_gateway(tmp_path, changed)
        with running(gateway), Api(gateway) as api:
            name = register(api)
            made, token = entitle(api, name), issue(api, name)
            gate.shut()
            for path in (
                "/partners/",
                f"/partners/{name}",
                "/entitlements/",
                f"/entitlements/{made['id']}",
                "/tokens/",
                f"/tokens/{token['id']}",
                f"/usage?partner_id={name}",
            ):
                assert api.answer("GET", path, 503)["code"] == "store_unavailable"
            grant = {"partner_id": name, "dataset_name": TABLE, "scope": "read_only", "expires_at": FAR}
            for method, path, body in (
                ("POST", "/partners/", {"partner_id": "never-made", "organization": "ACME Trading"}),
                ("POST", "/entitlements/", grant),
                ("POST", "/tokens/", {"partner_id": name, "datasets": [TABLE]}),
                ("DELETE", f"/entitlements/{made['id']}", None),
                ("DELETE", f"/tokens/{token['id']}", None),
                ("POST", f"/partners/{name}/suspend", None),
            ):
                problem = api.answer(method, path, 503, json=body)
                assert (problem["code"], "nothing was changed" in problem["detail"]) == ("store_unavailable", True)
            gate.open()
            eventually(lambda: api.get("/partners/").status_code == 200, seconds=30)
            assert [each["partner_id"] for each in api.answer("GET", "/partners/")["items"]] == [name]
            assert [each["state"] for each in api.answer("GET", "/entitlements/")["items"]] == ["live"]
            assert [each["state"] for each in api.answer("GET", "/tokens/")["items"]] == ["live"]
            assert len(client_of(gateway, token).rows(f"SELECT id FROM {TABLE}")) == 5
            assert postgres_server.password not in gateway.log()
