"""Onboarding as the documentation has it, keys that change, and the commands: as operators do it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from tests.admin.api_client import TABLE, Api, governed_gateway
from tests.clients.demo_process import ROOT
from tests.operations.gateway_process import Gateway, eventually, running
from tests.partners.conftest import KEYS
from tests.partners.registered import client_of, entitle, issue, register

PROGRAMS = Path(sys.executable).parent


NOBODYS = "00000000-0000-4000-8000-000000000000"


def run_script(gateway: Gateway, script: str, **more: str) -> str:
    """Run a script as an operator of the gateway would; return what it printed."""
    named = {"PENSTOCK_CONFIG": str(gateway.path), "PENSTOCK_USER": "stella", "SERVER": gateway.url, **more}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    environment = {**kept, **named, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def penstock(gateway: Gateway, *command: str, user: str = "stella", code: int = 0) -> Result:
    """Run a command in this process."""
    environment = {"PENSTOCK_CONFIG": str(gateway.path), "PENSTOCK_USER": user}
    done = CliRunner().invoke(app, command, env=environment)
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


def partner(gateway: Gateway, *command: str, user: str = "stella") -> Any:
    """Return what `penstock partner ... --json` prints."""
    return json.loads(penstock(gateway, "partner", *command, "--json", user=user).stdout)


def test_the_sequence_of_the_documentation_onboards_a_partner(sharing: Gateway) -> None:
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "partners.md").read_text(), re.DOTALL)
    given = {"PARTNER": "onboarded", "DATASET": "trades", "ROWS": "desk = 'SPP'", "HIDDEN": "desk"}
    told = run_script(sharing, script, **given)
    assert "columns: id\n" in told
    assert [line for line in told.splitlines() if line.startswith(("(", "["))] == ["[3]", "[4]"]
    assert re.search(rf"^{TABLE} +1 +2 +\d+", told, re.MULTILINE)


def test_keys_change_with_overlap_while_the_gateway_runs(tmp_path: Path) -> None:
    gateway = governed_gateway(tmp_path, {"partners": {"keys": KEYS}})
    new = {"id": "p2", "secret": "another secret of the tests' own that signs tokens"}

    def reload(keys: list[dict[str, str]]) -> None:
        gateway.config["partners"] = {"keys": keys}
        gateway.path.write_text(yaml.safe_dump(gateway.config))
        before = len(gateway.events("configuration loaded"))
        gateway.send(signal.SIGHUP)
        eventually(lambda: len(gateway.events("configuration loaded")) > before)

    with running(gateway), Api(gateway) as api:
        name = register(api)
        entitle(api, name)
        old = issue(api, name)
        reload([new, *KEYS])
        made = issue(api, name)
        assert (old["key_id"], made["key_id"]) == ("p1", "p2")
        for token in (old, made):
            assert len(client_of(gateway, token).rows(f"SELECT id FROM {TABLE}")) == 5
        reload([new])
        assert client_of(gateway, old).post("SELECT 1").status_code == 401
        assert len(client_of(gateway, made).rows(f"SELECT id FROM {TABLE}")) == 5
        reload([])
        assert client_of(gateway, made).post("SELECT 1").status_code == 401
        problem = api.answer("POST", "/tokens/", 409, json={"partner_id": name, "datasets": [TABLE]})
        assert problem["code"] == "no_partner_keys"


def test_the_command_line_does_what_the_api_does(sharing: Gateway, steward: Api) -> None:
    name = register(steward)
    changed = partner(sharing, "change", name, "--organization", "ACME Power", "--rate", "60")
    assert (changed["organization"], changed["rate"], changed["version"]) == ("ACME Power", 60, 2)
    made = partner(sharing, "entitle", name, "trading.trades", "--until", "2035-01-01", "--deny", "desk", "--rate", "9")
    assert (made["denied_columns"], made["rate"]) == (["desk"], 9)
    amended = partner(sharing, "amend", made["id"], "--filter", "id < 2", "--lift", "denied_columns", "--lift", "rate")
    assert (amended["row_filter"], amended["denied_columns"], amended["rate"]) == ("id < 2", [], None)
    token = partner(sharing, "token", name, "trades", "--hours", "1")
    assert client_of(sharing, token).rows(f"SELECT * FROM {TABLE}") == [[0, "CAISO"], [1, "MISO"]]
    shown = partner(sharing, "show", name, user="aude")
    assert [each["id"] for each in shown["entitlements"]] == [made["id"]]
    assert [each["id"] for each in partner(sharing, "tokens", "--partner", name)] == [token["id"]]
    assert partner(sharing, "usage", name)["rows"] == 2
    assert partner(sharing, "entitlement", made["id"])["row_filter"] == "id < 2"
    assert "id < 2" in penstock(sharing, "partner", "entitlement", made["id"]).stdout
    assert partner(sharing, "show-token", token["id"])["state"] == "live"
    told = penstock(sharing, "token", "show", token["id"]).stdout
    assert name in told
    assert token["token"].rpartition(".")[2] not in told
    penstock(sharing, "token", "revoke", token["id"])
    assert "refused (revoked)" in penstock(sharing, "token", "show", token["id"], code=1).stderr
    listed = json.loads(penstock(sharing, "token", "list", "--partner", name, "--json").stdout)
    assert [each["state"] for each in listed] == ["revoked"]
    penstock(sharing, "partner", "revoke", made["id"])
    assert partner(sharing, "entitlements", "--partner", name) == []
    penstock(sharing, "partner", "suspend", name)
    assert partner(sharing, "resume", name)["state"] == "active"
    assert name in {each["partner_id"] for each in partner(sharing, "list")}


@pytest.mark.parametrize(
    ("command", "user", "code", "told"),
    [
        (("register", "ana", "--organization", "Evil"), "stella", 1, "refused (name_taken)"),
        (("list",), "olga", 1, "refused (forbidden)"),
        (("change", "nobody-here"), "stella", 2, "nothing to change"),
        (("amend", "x", "--lift", "scope"), "stella", 2, "--lift scope"),
        (("entitlement", NOBODYS), "stella", 1, "refused (not_found)"),
        (("show-token", NOBODYS), "stella", 1, "refused (not_found)"),
        (("show-token", "nosuch"), "stella", 1, "refused (invalid): token_id: Input should be a valid UUID"),
    ],
)
def test_a_command_that_is_refused_says_why(
    sharing: Gateway, command: tuple[str, ...], user: str, code: int, told: str
) -> None:
    assert told in penstock(sharing, "partner", *command, user=user, code=code).stderr
