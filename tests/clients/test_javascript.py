"""The JavaScript client, unmodified: the same program on the gateway and directly on the real Trino."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from compared import Answers, check_cancelled, check_same, run_script
from demo_process import Demo
from tools import need, node_modules

from gateway.demo.downloads import DemoError

pytestmark = pytest.mark.long  # its packages are heavy, and the protocol is compared in every run
SOURCE = Path(__file__).parent / "javascript"


@pytest.fixture(scope="session")
def folder(missing_tool: Callable[[str], BaseException], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and what it imports."""
    made = tmp_path_factory.mktemp("javascript")
    try:
        (made / "node_modules").symlink_to(node_modules(SOURCE))
    except DemoError as error:
        raise missing_tool(str(error)) from None
    shutil.copyfile(SOURCE / "probe.mjs", made / "probe.mjs")
    return made


def ask(folder: Path, port: int, user: str = "admin1", *more: str) -> Answers:
    command = [need("node"), "probe.mjs", f"http://127.0.0.1:{port}", user, "iceberg.sandbox", *more]
    answers = run_script(command, folder)
    if "cancel" in answers:
        check_cancelled(port)
    return answers


@pytest.fixture(scope="session")
def direct(folder: Path, trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(folder, trino_demo.trino_port)


def test_every_answer_is_trinos(folder: Path, demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(folder, demo.port), {})


def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["100,000 rows"][0] == 100_000
    assert direct["error of SELECT 1 / 0"]["error"]["errorName"] == "DIVISION_BY_ZERO"
    assert direct["prepare"] == "PREPARE"
    assert direct["immediate"]["rows"] == [[42]]
    assert direct["set session"][1] == "11m"
    assert direct["cancel"] == [True, ["USER_CANCELED", "Query was canceled"], "FAILED"]


def test_policies_hold(folder: Path, trino_demo: Demo, demo: Demo) -> None:
    filtered = "(SELECT * FROM iceberg.trading.trades WHERE desk = 'CAISO')"
    expected = ask(folder, trino_demo.trino_port, "admin1", filtered)
    assert all("error" not in answer for answer in expected.values())
    check_same(expected, ask(folder, demo.port, "trader1", "iceberg.trading.trades"), {})
