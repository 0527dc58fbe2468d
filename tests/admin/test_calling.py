"""How the command line finds the admin API, who it says it is, and how it tells of refusals."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer

from gateway.cli.calling import Admin, lines_of, reach
from gateway.cli.tables import cell, print_table
from gateway.demo.ports import free_port
from tests.admin.api_client import token_of
from tests.operations.gateway_process import Gateway


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PENSTOCK_CONFIG", "PENSTOCK_ADMIN_URL", "PENSTOCK_TOKEN", "PENSTOCK_USER"):
        monkeypatch.delenv(name, raising=False)


def test_the_place_comes_from_the_configuration_and_the_token_from_its_secret(governed: Gateway) -> None:
    admin = reach(governed.path, None, None, "stella")
    assert admin.call("GET", "/api/v1/me").body["admin_roles"] == ["steward"]


def test_that_a_token_was_made_for_a_call_is_left_for_the_audit(governed: Gateway) -> None:
    token = reach(governed.path, None, None, "aude").token
    subject = hashlib.sha256(token.encode()).hexdigest()
    waiting = [path for path in (governed.folder / "data" / "journal").rglob("*") if holds(path, subject)]
    with closing(sqlite3.connect(governed.folder / "usage.db", timeout=10)) as store:
        shipped = store.execute("SELECT kind FROM penstock_audit WHERE subject = ?", (subject,)).fetchall()
    assert shipped == [("token.issue",)] or waiting  # looked at in this order, it is in one of the two


def holds(path: Path, text: str) -> bool:
    try:
        return text.encode() in path.read_bytes()
    except OSError:  # a folder, or a file that was shipped meanwhile
        return False


def test_a_place_and_a_token_need_no_configuration(governed: Gateway) -> None:
    url = f"http://127.0.0.1:{governed.config['admin']['port']}/"
    assert reach(None, url, token_of("olga"), None).call("GET", "/api/v1/me").body["user"] == "olga"


@pytest.mark.parametrize(
    ("url", "token", "user", "told"),
    [
        (None, None, None, "who are you? Give --token or $PENSTOCK_TOKEN"),
        ("127.0.0.1:8081", "t", None, "write http://host:port"),
    ],
)
def test_what_is_missing_is_said(
    governed: Gateway,
    capsys: pytest.CaptureFixture[str],
    url: str | None,
    token: str | None,
    user: str | None,
    told: str,
) -> None:
    with pytest.raises(typer.Exit) as ended:
        reach(governed.path, url, token, user)
    assert ended.value.exit_code == 2
    assert told in capsys.readouterr().err


def test_a_refusal_ends_with_1_and_says_why(governed: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        reach(governed.path, None, None, "ana").call("GET", "/api/v1/me")
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err.startswith("refused (forbidden): ana has no role for this here")


def test_programs_get_the_problem_itself(governed: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        reach(governed.path, None, None, "ana", as_json=True).call("GET", "/api/v1/me")
    assert json.loads(capsys.readouterr().out)["status"] == 403


def test_who_is_not_believed_could_not_ask(governed: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        reach(governed.path, None, token_of("root", seconds=-60), None).call("GET", "/api/v1/me")
    assert ended.value.exit_code == 2
    assert "unauthenticated" in capsys.readouterr().err


def test_where_nobody_answers_that_is_said_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        Admin(f"http://127.0.0.1:{free_port()}", "t").call("GET", "/api/v1/me")
    assert ended.value.exit_code == 2
    assert "no answer from the admin API at http://127.0.0.1:" in capsys.readouterr().err


def test_each_field_of_a_problem_has_its_reason_and_fix() -> None:
    problem = {
        "code": "invalid",
        "detail": "two faults",
        "errors": [{"field": "a.b", "reason": "too long", "fix": "Shorten it."}, {"field": "", "reason": "late"}],
    }
    assert lines_of(problem, 422) == [
        "refused (invalid): two faults",
        "  a.b: too long",
        "    fix: Shorten it.",
        "  late",
    ]


def test_what_is_wrong_with_one_field_is_said_once() -> None:
    fault = {"field": "limit", "reason": "it is below 1", "fix": "Give a number from 1."}
    problem = {"code": "invalid", "detail": "limit: it is below 1", "errors": [fault]}
    assert lines_of(problem, 422) == ["refused (invalid): limit: it is below 1", "    fix: Give a number from 1."]


class _Pages(BaseHTTPRequestHandler):
    """Lists of 2,500 numbers, as the API pages them; keeps what it was asked."""

    asked: list[str] = []  # noqa: RUF012  (a stand-in of one test)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        query = dict(pair.split("=") for pair in self.path.partition("?")[2].split("&"))
        first, limit = int(query.get("after", 0)), int(query["limit"])
        last = min(first + limit, 2500)
        page = {"items": list(range(first, last)), "next": str(last) if last < 2500 else None}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def pages() -> Iterator[Admin]:
    _Pages.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Admin(f"http://127.0.0.1:{server.server_port}", "t")
        server.shutdown()


def test_a_list_is_read_page_by_page_to_its_end(pages: Admin) -> None:
    assert list(pages.items("/list", {"kind": None, "live": True})) == list(range(2500))
    assert _Pages.asked[0] == "/list?live=true&limit=1000"
    assert len(_Pages.asked) == 3


def test_no_more_of_a_list_is_read_than_is_wanted(pages: Admin) -> None:
    assert list(pages.items("/list", most=1200)) == list(range(1200))
    assert [path.partition("?")[2] for path in _Pages.asked] == ["limit=1000", "limit=200&after=1000"]


def test_a_table_shows_control_characters_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    print_table(["id", "live", "roles"], [["a\x1b[31m", True, []], [long, None, ["p", "q"]]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "live", "roles"]
    assert lines[2].split() == ["a\\x1b[31m", "yes", "-"]
    assert lines[3].split() == [long, "-", "p,", "q"]
    assert cell({"a": 1}) == '{"a": 1}'


def test_a_list_of_nothing_says_so_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["id"], [], empty="no changesets")
    assert capsys.readouterr() == ("", "no changesets\n")
