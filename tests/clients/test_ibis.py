"""Ibis, unmodified, in an environment of its own: the same program on the gateway and directly on the real Trino."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compared import Answers, check_same, run_script
from demo_process import Demo
from tools import python_environment

from gateway.demo.downloads import DemoError

pytestmark = pytest.mark.long
FOLDER = Path(__file__).parent / "ibis"
OF_THE_LAKE = {"schemas": "the lake has no schema `system`, in which Trino's connector lists tables"}


@pytest.fixture(scope="session")
def python(missing_tool: Callable[[str], BaseException]) -> Path:
    try:
        return python_environment("ibis", FOLDER / "requirements.txt") / "python"
    except DemoError as error:
        raise missing_tool(str(error)) from None


def ask(python: Path, port: int, user: str = "admin1", *more: str) -> Answers:
    return run_script([python, "probe.py", str(port), user, *more], FOLDER)


@pytest.fixture(scope="session")
def direct(python: Path, trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(python, trino_demo.trino_port)


def test_every_answer_through_the_gateway_is_trinos(python: Path, trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(python, trino_demo.port), {})


def test_every_answer_of_the_lake_is_trinos(python: Path, lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(python, lake_demo.port), OF_THE_LAKE)


def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["tables"] == ["iso_node_mapping", "lmp_prices", "weather_features"]
    assert len(direct["select"][1]) == 20
    assert direct["filter"] > 1000
    assert len(direct["join"][1]) == 10
    assert [question for question, answer in direct.items() if isinstance(answer, str)] == ["error"]


def test_policies_hold(python: Path, trino_demo: Demo, demo: Demo) -> None:
    filtered = "(SELECT * FROM iceberg.trading.trades WHERE desk = 'CAISO') AS t"
    expected = ask(python, trino_demo.trino_port, "admin1", filtered)
    assert expected["count"] > 0
    check_same(expected, ask(python, demo.port, "trader1", "iceberg.trading.trades"), {})
