"""The commands beside `serve`: exit codes and texts that scripts and people rely on."""

from __future__ import annotations

import os
import pty
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trino
import yaml

from gateway.auth.secrets_files import hash_api_key, hash_password
from tests.clients.demo_process import ROOT
from tests.operations.coordinator import Coordinator
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend


def command(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `penstock` with an input."""
    line = [sys.executable, "-m", "gateway.cli", *arguments]
    return subprocess.run(line, cwd=ROOT, input=given, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def gateway(tmp_path: Path, coordinator: Coordinator) -> Gateway:
    """Write a good configuration; nothing runs."""
    made = make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)
    made.path.write_text(yaml.safe_dump(made.config))
    return made


def test_check_config_warns_of_rules_that_contradict_each_other(gateway: Gateway) -> None:
    gateway.policies.write_text(
        "version: 1\nroles: {reader: }\ngrants:\n"
        "  - {id: a, roles: [reader], assets: c.s.t, allow: [select]}\n"
        "  - {id: d, roles: [reader], assets: c.*, deny: [select]}\n"
    )
    found = command("check-config", "-c", str(gateway.path))
    assert found.returncode == 0
    assert "good" in found.stdout
    assert "warning: " in found.stderr
    assert "policies.yaml:4: grants[0]: all that a allows to role:reader is denied to it" in found.stderr


def test_check_config_says_good_or_where_the_fault_is(gateway: Gateway) -> None:
    good = command("check-config", "-c", str(gateway.path))
    assert (good.returncode, good.stderr) == (0, "")
    assert re.search(r"good \(1 engines, policies [0-9a-f]{16}\)", good.stdout)

    gateway.policies.write_text("version: 1\ngrants: 7\n")
    bad = command("check-config", "-c", str(gateway.path))
    assert bad.returncode == 2
    assert "policies.yaml:2" in bad.stderr

    gateway.path.write_text(gateway.path.read_text().replace("data_dir", "data_dri"))
    bad = command("check-config", "-c", str(gateway.path))
    assert bad.returncode == 2
    assert "data_dri: unknown key; did you mean `data_dir`?" in bad.stderr
    assert "Traceback" not in bad.stderr

    assert command("check-config", "-c", "/nowhere.yaml").returncode == 2


def test_serve_names_what_keeps_it_from_starting(gateway: Gateway) -> None:
    gateway.policies.unlink()
    done = command("serve", "-c", str(gateway.path))
    assert done.returncode == 1
    assert "policies.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_migrate_tells_what_is_pending_and_applies_it_once(gateway: Gateway) -> None:
    pending = command("migrate", "--check", "-c", str(gateway.path))
    assert pending.returncode == 1
    assert pending.stdout.startswith("pending: ")
    assert not gateway.usage()
    first = command("migrate", "-c", str(gateway.path))
    assert (first.returncode, first.stdout.split()[0]) == (0, "applied")
    again = command("migrate", "-c", str(gateway.path))
    assert (again.returncode, again.stdout) == (0, "up to date\n")
    checked = command("migrate", "--check", "-c", str(gateway.path))
    assert (checked.returncode, checked.stdout) == (0, "up to date\n")


def test_migrate_tells_that_the_store_is_away(gateway: Gateway) -> None:
    for url in ("postgresql://u:hidden@127.0.0.1:9/x", "sqlite:////proc/nowhere/usage.db"):
        gateway.config["store"]["url"] = url
        gateway.path.write_text(yaml.safe_dump(gateway.config))
        done = command("migrate", "-c", str(gateway.path))
        assert done.returncode == 1
        assert "the store cannot be reached" in done.stderr
        assert "Traceback" not in done.stderr
        assert "hidden" not in done.stderr


def test_doctor_reports_each_thing_and_fails_on_the_bad_ones(gateway: Gateway, coordinator: Coordinator) -> None:
    good = command("doctor", "-c", str(gateway.path))
    lines = good.stdout.splitlines()
    assert good.returncode == 0, good.stdout + good.stderr
    assert any(line.startswith("ok    policies: version ") for line in lines)
    assert any(line.startswith("WARN  store: ") and "penstock migrate" in line for line in lines)
    assert "ok    engine trino: answers" in lines
    assert any(line.startswith("WARN  way around trino: answers anybody") for line in lines)

    coordinator.mode = "broken"
    bad = command("doctor", "-c", str(gateway.path))
    assert bad.returncode == 1
    assert any(line.startswith("BAD   engine trino: ") for line in bad.stdout.splitlines())


def test_an_api_key_is_shown_once_beside_the_line_for_the_file() -> None:
    done = command("token", "--api-key", "--user", "ana")
    assert done.returncode == 0
    found = re.findall(r"(psk_\S+)|(ana:[0-9a-f]{64})", done.stdout)
    assert found[1][1] == f"ana:{hash_api_key(found[0][0])}"
    assert command("token", "--api-key").returncode == 2


def test_a_password_is_hashed_from_standard_input() -> None:
    done = command("token", "--hash-password", "--user", "ana", given="correct horse\n")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"ana:\$argon2id\$\S+\n", done.stdout)
    assert command("token", "--hash-password", "--user", "ana", given="").returncode != 0


def test_a_password_typed_at_a_terminal_is_asked_twice_and_not_shown() -> None:
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "gateway.cli", "token", "--hash-password", "--user", "ana"]
    with subprocess.Popen(
        line, cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        for prompt in (b"Password: ", b"confirmation: "):
            while not shown.endswith(prompt):
                shown += os.read(ours, 1024)
            os.write(ours, b"correct horse\n")
        output, _ = process.communicate(timeout=30)
    os.close(ours)
    assert output.startswith(b"ana:$argon2id$")
    assert b"horse" not in shown


def test_passwords_over_tls_with_the_certificate_made(
    tmp_path: Path, coordinator: Coordinator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)  # requests prefers it to what the client was given
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    made = command("token", "--certificate", str(tmp_path / "tls"))
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((tmp_path / "tls" / "server.key").stat().st_mode) == 0o600
    gateway = make_gateway(tmp_path, [trino_backend(coordinator.url)], own_start=True)
    gateway.config["door"]["tls"] = {"certificate": "tls/server.pem", "key": "tls/server.key"}
    gateway.config["identity"] = {"password_file": "passwords"}
    passwords = tmp_path / "passwords"
    passwords.write_text(f"ana:{hash_password('correct horse')}\n")
    with running(gateway):
        assert ask(gateway, "correct horse") == [[1, "CAISO"]]
        with pytest.raises(trino.exceptions.HttpError, match="401"):
            ask(gateway, "wrong")

        # Both files renewed: SIGHUP is enough.
        old = (tmp_path / "tls" / "server.pem").read_bytes()
        assert command("token", "--certificate", str(tmp_path / "tls")).returncode == 0
        passwords.write_text(f"ana:{hash_password('another one')}\n")
        gateway.send(signal.SIGHUP)
        eventually(lambda: "configuration loaded" in gateway.log(), seconds=10)
        assert ask(gateway, "another one") == [[1, "CAISO"]]
        with pytest.raises(trino.exceptions.HttpError, match="401"):
            ask(gateway, "correct horse")
        (tmp_path / "old.pem").write_bytes(old)
        with pytest.raises(trino.exceptions.TrinoConnectionError, match="certificate verify failed"):
            ask(gateway, "another one", verify=tmp_path / "old.pem")


def ask(gateway: Gateway, password: str, verify: Path | None = None) -> list[list[object]]:
    """Ask through the real client."""
    connection = trino.dbapi.connect(
        host="127.0.0.1",
        port=gateway.config["door"]["port"],
        user="ana",
        http_scheme="https",
        auth=trino.auth.BasicAuthentication("ana", password),
        verify=str(verify or gateway.folder / "tls" / "server.pem"),
        max_attempts=1,
    )
    try:
        found: list[list[object]] = connection.cursor().execute("SELECT id, desk FROM tri.trading.trades").fetchall()
        return found
    finally:
        connection.close()
