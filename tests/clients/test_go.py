"""The Go driver, unmodified: the same program on the gateway and directly on the real Trino."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compared import Answers, check_cancelled, check_same, run_script
from demo_process import Demo
from tools import go_program

from gateway.demo.downloads import DemoError

pytestmark = pytest.mark.long  # its modules take minutes to compile

DIFFERENCES = {"SHOW CATALOGS LIKE 'ice%'": "the type is as wide as the longest catalog's name, and there are others"}


@pytest.fixture(scope="session")
def program(missing_tool: Callable[[str], BaseException], tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return go_program(Path(__file__).parent / "go", tmp_path_factory.mktemp("go") / "probe")
    except DemoError as error:
        raise missing_tool(str(error)) from None


def ask(program: Path, port: int, user: str = "admin1", *more: str) -> Answers:
    answers = run_script([program, f"http://127.0.0.1:{port}", user, "iceberg.sandbox", *more], program.parent)
    if "cancel" in answers:
        check_cancelled(port)
    return answers


@pytest.fixture(scope="session")
def direct(program: Path, trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(program, trino_demo.trino_port)


def test_every_answer_is_trinos(program: Path, demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(program, demo.port), DIFFERENCES)


def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["100,000 rows"][0] == 100_000
    assert direct["ping"] is True
    assert direct["error of SELECT 1 / 0"][0] == "DIVISION_BY_ZERO"
    assert len(direct["prepared twice"]) == 3
    assert direct["insert of parameters"] == 1
    assert "context canceled" in direct["cancel"]
    assert "deadline exceeded" in direct["timeout"]


def test_policies_hold(program: Path, trino_demo: Demo, demo: Demo) -> None:
    filtered = "(SELECT * FROM iceberg.trading.trades WHERE desk = 'CAISO')"
    expected = ask(program, trino_demo.trino_port, "admin1", filtered)
    assert expected["prepared CAISO"] != expected["prepared MISO"]
    check_same(expected, ask(program, demo.port, "trader1", "iceberg.trading.trades"), {})
