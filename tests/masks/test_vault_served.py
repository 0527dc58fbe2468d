"""The vault as operators and clients meet it: `penstock vault`, and a statement at a running gateway."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from tests.attacks.process import Gateway, run_gateway
from tests.operations.gateway_process import eventually
from tests.protocol.talking import Told, tell

KEY = "PENSTOCK_VAULT_TEST_KEY"
SECRET = "a key of the vault's tests, long enough"
CANARY = "canary-51c0@corp.example"
REASON = "case 4711: customer asks for deletion"
POLICY = f"""
version: 1
roles: {{analyst: {{}}, officer: {{inherits: [analyst]}}}}
users:
  ana: {{roles: [analyst]}}
  oda: {{roles: [officer]}}
grants:
  - {{id: read, roles: [analyst], assets: lake.s.people, allow: [read]}}
  - {{id: reveal, roles: [officer], assets: lake.s.people, allow: [reveal]}}
keys: {{pii: {{env: {KEY}, engines: [lake]}}}}
column_masks:
  - table: lake.s.people
    column: email
    roles: all
    mask: {{kind: token, key: pii, vault: true}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("vault")
    lake = {"uri": f"sqlite:///{folder}/catalog.db", "warehouse": (folder / "warehouse").as_uri()}
    catalog = SqlCatalog("lake", **lake)
    catalog.create_namespace("s")
    rows = pa.table({"id": pa.array([1, 2]), "email": pa.array([CANARY, "other@corp.example"])})
    catalog.create_table("s.people", rows.schema).append(rows)
    catalog.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, SECRET)
        engine = {"kind": "lake", "name": "lake", "catalog": "lake", "threads": 1, **lake}
        with run_gateway(folder, [engine], POLICY) as running:
            yield running


def command(gateway: Gateway, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, SECRET)
        return CliRunner().invoke(app, ["vault", *arguments, "--config", str(gateway.folder / "penstock.yaml")])


def ask(gateway: Gateway, user: str, sql: str) -> Told:
    headers = {"Authorization": f"Bearer {gateway.token(user)}"}
    return tell(f"http://127.0.0.1:{gateway.port}", sql, user, headers)


@pytest.fixture(scope="module")
def token(gateway: Gateway) -> str:
    """Fill the vault and return the canary's token, as a reader sees it."""
    filled = command(gateway, "fill")
    assert filled.exit_code == 0, filled.output
    assert filled.output == "lake.s.people.email: 2 values, 2 new\n"
    told = ask(gateway, "ana", "SELECT email FROM lake.s.people WHERE id = 1")
    return str(told.rows[0][0])


def audit(gateway: Gateway) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(gateway.folder / "usage.db", timeout=10)) as store:
        query = "SELECT user_name, outcome, detail FROM penstock_audit WHERE kind = 'detokenise' ORDER BY seq"
        return [(str(user), str(outcome), str(detail)) for user, outcome, detail in store.execute(query)]


def call(token: str, reason: str = REASON) -> str:
    return f"CALL system.vault.reveal('lake.s.people', 'email', '{token}', '{reason}')"


def test_a_statement_reveals_a_token_to_who_has_the_grant_and_is_recorded(gateway: Gateway, token: str) -> None:
    told = ask(gateway, "oda", call(token))
    assert (told.error, told.rows) == (None, [[CANARY]])
    assert [column["name"] for column in told.columns] == ["value"]
    (row,) = gateway.usage_of(told.id)
    assert (row["user_name"], row["kind"], row["outcome"]) == ("oda", "CALL", "FINISHED")
    assert CANARY not in str(row)
    user, outcome, detail = audit(gateway)[-1]
    assert (user, outcome) == ("oda", "done")
    assert REASON in detail
    assert token in detail


@pytest.mark.parametrize(
    ("user", "reason", "name"),
    [("ana", REASON, "PERMISSION_DENIED"), ("oda", "because", "INVALID_PROCEDURE_ARGUMENT")],
)
def test_a_statement_without_grant_or_reason_fails_and_is_noted(
    gateway: Gateway, token: str, user: str, reason: str, name: str
) -> None:
    told = ask(gateway, user, call(token, reason))
    assert told.failure is not None
    assert told.failure[0] == name
    assert told.rows == []
    gateway.usage_of(told.id)
    assert [(who, outcome) for who, outcome, _ in audit(gateway)][-1] == (user, "refused")


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CALL system.vault.reveal('lake.s.people', 'email', 'x')", "INVALID_ARGUMENTS"),
        ("CALL system.vault.reveal('people', 'email', 'x', 'for a reason')", "INVALID_PROCEDURE_ARGUMENT"),
        ("CALL system.vault.reveal('lake.s.nobody', 'email', 'x', 'for a reason')", "PERMISSION_DENIED"),
        ("CALL system.vault.reveal('lake.s.people', 'email', concat('x', 'y'), 'for a reason')", "NOT_SUPPORTED"),
        ("CALL system.vault.other('x')", "PROCEDURE_NOT_FOUND"),
    ],
)
def test_a_call_that_does_not_fit_is_refused_by_name(gateway: Gateway, sql: str, name: str) -> None:
    told = ask(gateway, "oda", sql)
    assert told.failure is not None
    assert told.failure[0] == name


def test_the_command_line_reveals_and_is_recorded_too(gateway: Gateway, token: str) -> None:
    found = command(gateway, "reveal", "lake.s.people", "email", token, "--user", "oda", "--reason", REASON)
    assert (found.exit_code, found.output) == (0, f"{CANARY}\n")
    assert audit(gateway)[-1][:2] == ("oda", "done")
    refused = command(gateway, "reveal", "lake.s.people", "email", token, "--user", "ana", "--reason", REASON)
    assert refused.exit_code == 1
    assert CANARY not in refused.output
    assert audit(gateway)[-1][:2] == ("ana", "refused")


def test_filling_again_adds_only_what_is_new(gateway: Gateway, token: str) -> None:
    again = command(gateway, "fill", "lake.s.people", "email")
    assert again.output == "lake.s.people.email: 2 values, 0 new\n"
    for arguments, code in (
        (("fill", "lake.s.people"), 2),
        (("fill", "people", "email"), 2),
        (("fill", "lake.s.people", "id"), 1),
    ):
        assert command(gateway, *arguments).exit_code == code


def test_no_value_of_the_vault_stands_in_the_clear_anywhere(gateway: Gateway, token: str) -> None:
    ask(gateway, "oda", call(token))
    written = gateway.log().encode() + b"".join(
        path.read_bytes() for path in gateway.folder.rglob("*") if path.is_file() and "warehouse" not in path.parts
    )
    assert CANARY.encode() not in written
    assert SECRET.encode() not in written


@pytest.mark.long
def test_a_running_gateway_fills_the_vault_by_itself(tmp_path: Path) -> None:
    lake = {"uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": (tmp_path / "warehouse").as_uri()}
    catalog = SqlCatalog("lake", **lake)
    catalog.create_namespace("s")
    table = catalog.create_table("s.people", pa.schema([("email", pa.string())]))
    table.append(pa.table({"email": [CANARY]}))
    engine = {"kind": "lake", "name": "lake", "catalog": "lake", "threads": 1, **lake}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, SECRET)
        with run_gateway(tmp_path, [engine], POLICY, vault={"fill_seconds": 0.5}) as running:
            shown = str(ask(running, "ana", "SELECT email FROM lake.s.people").rows[0][0])
            eventually(lambda: ask(running, "oda", call(shown)).rows == [[CANARY]], seconds=60)
    catalog.close()
