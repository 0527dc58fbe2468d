"""The audit of a gateway as operators run it: what leaves an entry, and what the commands say of the chain."""

from __future__ import annotations

import hashlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from click.testing import Result
from typer.testing import CliRunner

from gateway.audit.lines import links_in
from gateway.cli.main import app
from tests.clients.demo_process import ROOT
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.operations.lake import make_lake

POLICIES = """\
version: 1
roles: {analyst: , admin: }
users:
  ana: {roles: [analyst]}
  root: {roles: [admin]}
grants:
  - {id: trading, roles: [analyst], assets: "lake.trading.*", allow: [read]}
  - {id: everything, roles: [admin], assets: "*", allow: [all]}
protected:
  - {table: lake.trading.trades, open: [id], sensitive: [desk]}
row_filters:
  - {id: all-rows, table: lake.trading.trades, roles: [analyst, admin], filter: none}
column_masks:
  - {id: no-desk, table: lake.trading.trades, column: desk, roles: [analyst], mask: {kind: constant, value: "-"}}
  - {id: clear, table: lake.trading.trades, column: desk, roles: [admin], mask: none}
impersonation:
  - {users: [root], may_act_as: {users: [ana]}}
queries:
  - {roles: [admin], allow: [view, kill]}
"""
KEY = "an audit key of at least thirty-two characters"
TOKENS: list[str] = []
"""Made before the gateway started: for tom and for root."""
JWT = {"issuer": "here", "audience": "penstock", "algorithms": ["HS256"], "secret": "x" * 40}


def command(gateway: Gateway, *arguments: str) -> Result:
    """Run `penstock` in this process, which is done quicker."""
    return CliRunner().invoke(app, [*arguments, "--config", str(gateway.path)])


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("audited")
    sink = {"kind": "jsonl", "name": "file", "path": "siem/audit.jsonl"}
    changes = {
        "audit": {"keys": [{"id": "a1", "secret": KEY}], "sinks": [sink], "anchor_seconds": 1},
        "identity": {"insecure": True, "jwt": [JWT]},
    }
    made = make_gateway(folder, [make_lake(folder / "lake")], changes)
    made.policies.write_text(POLICIES)
    made.path.write_text(yaml.safe_dump(made.config))
    TOKENS[:] = [command(made, "token", "--user", user).stdout.strip() for user in ("tom", "root")]
    with running(made) as found:
        yield found


def entries(gateway: Gateway, kind: str) -> list[dict[str, Any]]:
    """Return the entries of a kind as the store holds them, their details read."""
    with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM penstock_audit WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    return [{**dict(row), "detail": json.loads(row["detail"])} for row in rows]


def entry_of(gateway: Gateway, kind: str, **wanted: Any) -> dict[str, Any]:
    """Wait for an entry of a kind that has these values, and return it."""

    def found() -> dict[str, Any] | None:
        fits = (each for each in entries(gateway, kind) if all(each[name] == value for name, value in wanted.items()))
        return next(fits, None)

    return eventually(found, seconds=60)  # type: ignore[return-value]  # a true value


def test_reading_a_protected_column_is_told_as_it_was_shown(gateway: Gateway) -> None:
    name = "lake.trading.trades.desk"
    clear = gateway.root.run("SELECT desk FROM lake.trading.trades")
    masked = gateway.client.run("SELECT desk FROM lake.trading.trades")
    told = entry_of(gateway, "read", subject=clear["id"])
    assert (told["user_name"], told["outcome"], told["detail"]["rows"]) == ("root", "clear", 5)
    assert told["detail"]["clear"] == {name: ["masked", "sensitive"]}
    told = entry_of(gateway, "read", subject=masked["id"])
    assert (told["user_name"], told["outcome"]) == ("ana", "masked")
    assert told["detail"]["masked"] == {name: ["masked", "sensitive"]}
    assert told["detail"]["clear"] == {}


def test_refusals_and_impersonation_are_told(gateway: Gateway) -> None:
    refused = gateway.client.begin("DROP TABLE lake.trading.trades")
    gateway.client.finish(refused)
    told = entry_of(gateway, "refusal", subject=refused["id"])
    assert told["user_name"] == "ana"
    assert told["detail"]["code"]
    headers = {"Authorization": f"Bearer {TOKENS[1]}", "X-Trino-User": "ana"}
    answer = requests.post(f"{gateway.url}/v1/statement", data="SELECT 1", headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    requests.delete(answer.json()["nextUri"], headers=headers, timeout=30)
    told = entry_of(gateway, "impersonation", subject=answer.json()["id"])
    assert (told["actor"], told["user_name"]) == ("root", "ana")


def test_tokens_are_told_when_made_and_when_refused(gateway: Gateway) -> None:
    token = TOKENS[0]
    told = entry_of(gateway, "token.issue", subject=hashlib.sha256(token.encode()).hexdigest())
    assert (told["user_name"], told["detail"]["what"]) == ("tom", "bearer token")
    assert token not in json.dumps(entries(gateway, "token.issue"))
    headers = {"Authorization": f"Bearer {token[:-4]}AAAA"}
    for _ in range(20):
        assert (
            requests.post(f"{gateway.url}/v1/statement", data="SELECT 1", headers=headers, timeout=30).status_code
            == 401
        )
    told = entry_of(gateway, "token.refuse", subject="jwt")
    assert told["outcome"] == "refused"
    assert len(entries(gateway, "token.refuse")) <= 2, "the rest is counted, once a minute"


def test_no_token_is_made_that_the_audit_cannot_keep(gateway: Gateway, tmp_path: Path) -> None:
    config = yaml.safe_load(gateway.path.read_text())
    (tmp_path / "file").write_text("")
    config["data_dir"] = str(tmp_path / "file" / "data")
    config["policies"] = [str(gateway.policies)]
    path = tmp_path / "penstock.yaml"
    path.write_text(yaml.safe_dump(config))
    line = [sys.executable, "-m", "gateway.cli", "token", "--user", "tom", "--config", str(path)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no credential is made" in done.stderr


def test_seeing_and_ending_the_queries_of_others_is_told(gateway: Gateway) -> None:
    page = gateway.client.begin("SELECT count(*) FROM lake.trading.trades")
    listed = requests.get(f"{gateway.url}/v1/query", headers={"X-Trino-User": "root"}, timeout=30).json()
    assert page["id"] in {each["queryId"] for each in listed}
    told = eventually(
        lambda: [e for e in entries(gateway, "query.view") if page["id"] in json.dumps(e["detail"])], seconds=60
    )
    assert told[0]["user_name"] == "root"
    uri = f"{gateway.url}/v1/query/{page['id']}/killed"
    killed = requests.put(uri, headers={"X-Trino-User": "root"}, timeout=30).status_code
    if killed == 202:  # 409 where it was over already
        assert entry_of(gateway, "query.kill", subject=page["id"])["user_name"] == "root"


def test_reloads_are_told(gateway: Gateway) -> None:
    gateway.send(signal.SIGHUP)
    assert entry_of(gateway, "reload.config")["outcome"] == "done"
    assert entry_of(gateway, "reload.policies")["detail"]["version"]


def test_the_commands_verify_list_and_export_the_chain_and_find_what_was_bent(gateway: Gateway, tmp_path: Path) -> None:
    gateway.root.run("SELECT desk FROM lake.trading.trades")
    eventually(lambda: entries(gateway, "read"), seconds=60)
    gateway.stop()
    good = command(gateway, "audit", "verify", "--json")
    report = json.loads(good.stdout)
    assert (good.exit_code, report["intact"], report["fault_count"], report["unkeyed"]) == (0, True, 0, 0)
    assert report["anchors"] > 0
    sink = gateway.folder / "siem" / "audit.jsonl"
    assert [link.seq for link in links_in(sink)] == list(range(1, report["links"] + 1)), "each in order, once"

    listed = command(gateway, "audit", "list", "--kind", "read", "--user", "root", "--since", "1h", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert rows
    assert {(row["kind"], row["user_name"]) for row in rows} == {("read", "root")}
    assert "lake.trading.trades.desk" in command(gateway, "audit", "list").stdout
    assert command(gateway, "audit", "list", "--since", "whenever").exit_code == 2

    exported = tmp_path / "audit.jsonl"
    exported.write_text(command(gateway, "audit", "export", "--format", "jsonl").stdout)
    assert len(list(links_in(exported))) == report["links"]
    assert command(gateway, "audit", "verify", "--file", str(exported)).exit_code == 0
    exported.write_text(exported.read_text().replace('"outcome":"clear"', '"outcome":"masked"', 1))
    assert "altered: link" in command(gateway, "audit", "verify", "--file", str(exported)).stdout
    messages = command(gateway, "audit", "export", "--format", "syslog").stdout.splitlines()
    assert len(messages) == report["links"]
    assert all(line.startswith(("<109>1 ", "<108>1 ", "<105>1 ")) for line in messages)

    last = report["head"]["seq"]
    with closing(sqlite3.connect(gateway.folder / "usage.db")) as connection, connection:
        connection.execute("DROP TRIGGER penstock_audit_kept_delete")
        connection.execute("DELETE FROM penstock_audit WHERE seq = ?", (last,))
    cut = command(gateway, "audit", "verify")
    assert cut.exit_code == 1
    assert f"cut: the chain ends at {last - 1}" in cut.stdout
    assert f"NOT intact: first wrong at {last}" in cut.stdout
    (gateway.folder / "data" / "audit" / "anchors.jsonl").unlink()
    blind = command(gateway, "audit", "verify")
    assert blind.exit_code == 0
    assert "no anchor was held against the chain" in blind.stdout
    assert command(gateway, "audit", "verify", "--anchors", str(sink)).exit_code == 1
    assert command(gateway, "audit", "verify", "--anchors", str(gateway.folder / "log")).exit_code == 1
