"""The adapter for HashiCorp Vault's Transform, against a local server that speaks the documented API.

Vault Enterprise is not here: what this shows is how the adapter asks, reads answers and fails, not that Vault agrees.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.vault.transform import Transform, TransformError, TransformPlace

TOKEN = "hvs.canary-credential"
CANARY = "4111-1111-1111-1234"
Answer = Callable[[str, dict[str, Any]], tuple[int, object]]


def documented(path: str, body: dict[str, Any]) -> tuple[int, object]:
    """Answer as Vault's documentation of Transform says: turned around, a value is its token."""
    way, member = ("encode", "encoded_value") if "/encode/" in path else ("decode", "decoded_value")
    if path != f"/v1/transform/{way}/payments" or any(
        each["transformation"] != "cards" for each in body["batch_input"]
    ):
        return 404, {"errors": []}
    return 200, {"data": {"batch_results": [{member: each["value"][::-1]} for each in body["batch_input"]]}}


@contextmanager
def vault(answer: Answer = documented) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            code, found = answer(self.path, body)
            if self.headers["X-Vault-Token"] != TOKEN:
                code, found = 403, {"errors": ["permission denied"]}
            data = json.dumps(found).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            if code == 307:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def place(url: str, **changes: Any) -> TransformPlace:
    return TransformPlace(**{"url": url, "role": "payments", "transformation": "cards", "token": TOKEN, **changes})


def test_values_become_tokens_and_come_back_in_their_order_in_several_batches() -> None:
    values = [f"{number:016d}" for number in range(1200)]
    with vault() as url:
        transform = Transform(place(url))
        tokens = transform.encode(values)
        assert tokens == [value[::-1] for value in values]
        assert transform.decode(tokens) == values
        assert transform.encode([]) == []


@pytest.mark.parametrize(
    ("answer", "changes", "says"),
    [
        (documented, {"role": "other"}, "Vault Enterprise"),
        (documented, {"transformation": "other"}, "Vault Enterprise"),
        (documented, {"token": "wrong"}, "does not let"),
        (lambda *_: (503, {"errors": ["Vault is sealed"]}), {}, "VaultDown"),
        (lambda *_: (400, {"errors": [f"unable to decode {CANARY}"]}), {}, "InvalidRequest"),
        (lambda *_: (307, {}), {}, "did not|another number"),
        (lambda *_: (200, {}), {}, "another number"),
        (lambda *_: (200, {"data": {"batch_results": []}}), {}, "another number"),
        (lambda *_: (200, {"data": {"batch_results": [{"error": CANARY}]}}), {}, "every value"),
        (lambda *_: (200, {"data": {"batch_results": [{"encoded_value": 1}]}}), {}, "every value"),
    ],
)
def test_what_goes_wrong_is_told_without_values_or_credentials(
    answer: Answer, changes: dict[str, Any], says: str
) -> None:
    with vault(answer) as url, pytest.raises(TransformError, match=says) as failed:
        Transform(place(url, **changes)).encode([CANARY])
    assert CANARY not in str(failed.value)
    assert TOKEN not in str(failed.value)


def test_a_vault_that_is_not_there_is_an_error_of_its_own() -> None:
    with pytest.raises(TransformError, match="ConnectionError"):
        Transform(place("http://127.0.0.1:1", timeout=2.0)).decode(["x"])


@pytest.mark.parametrize("changes", [{"role": "../sys"}, {"transformation": "a b"}, {"mount": "a/../b"}, {"mount": ""}])
def test_names_that_could_lead_elsewhere_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="names of letters"):
        place("http://127.0.0.1:1", **changes)


def test_a_place_does_not_show_its_credential() -> None:
    assert TOKEN not in repr(place("http://127.0.0.1:1"))


def test_the_command_makes_tokens_of_lines_by_the_configured_transformation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    with vault() as url:
        settings = {"url": url, "role": "payments", "transformation": "cards", "token": "${VAULT_TOKEN}"}
        lake = {"kind": "lake", "name": "l", "catalog": "l", "uri": "sqlite://", "warehouse": str(tmp_path)}
        config = {
            "keys": [{"id": "a", "secret": "a-secret-of-at-least-thirty-two-characters"}],
            "engines": [lake],
            "data_dir": str(tmp_path),
            "identity": {"insecure": True},
            "policies": [str(tmp_path / "policies.yaml")],
            "store": {"url": f"sqlite:///{tmp_path / 'usage.db'}"},
            "vault": {"transform": settings},
        }
        path = tmp_path / "penstock.yaml"
        path.write_text(yaml.safe_dump(config))
        said = CliRunner().invoke(app, ["vault", "encode", "--config", str(path)], input="4111\n5500\n")
        assert (said.exit_code, said.output) == (0, "1114\n0055\n")
        path.write_text(yaml.safe_dump({**config, "vault": {"transform": {**settings, "role": "other"}}}))
        refused = CliRunner().invoke(app, ["vault", "encode", "--config", str(path)], input="4111\n")
        path.write_text(yaml.safe_dump({**config, "vault": {}}))
        none = CliRunner().invoke(app, ["vault", "encode", "--config", str(path)], input="4111\n")
    assert (refused.exit_code, none.exit_code) == (1, 2)
    assert "Vault Enterprise" in refused.output
    assert TOKEN not in refused.output
