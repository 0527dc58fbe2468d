"""One demo on the embedded lake and one on the real Trino, shared by the suites of real clients."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from demo_process import Demo, run_demo

from gateway.demo.downloads import DemoError, trino_cli, trino_home
from gateway.demo.java import java_home


@pytest.fixture(scope="session")
def lake_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with run_demo(tmp_path_factory.mktemp("demo-lake")) as demo:
        yield demo


@pytest.fixture(scope="session")
def trino_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    _need_trino()
    with run_demo(tmp_path_factory.mktemp("demo-trino"), "trino") as demo:
        yield demo


@pytest.fixture(scope="session", params=["lake", "trino"])
def demo(request: pytest.FixtureRequest) -> Demo:
    """Each test that asks for this runs on both."""
    found: Demo = request.getfixturevalue(f"{request.param}_demo")
    return found


@pytest.fixture(scope="session")
def missing_tool() -> Callable[[str], BaseException]:
    """Make the exception for a client whose tool is not here: a skip, and a failure in CI."""
    return lambda reason: pytest.fail.Exception(reason) if _in_ci() else pytest.skip.Exception(reason)


@pytest.fixture(scope="session")
def cli_command() -> list[str]:
    """The Trino command-line client's command, without a server."""
    try:
        return [str(java_home(print) / "bin" / "java"), "-jar", str(trino_cli(print))]
    except DemoError as error:
        _missing(str(error))
        raise


def _need_trino() -> None:
    try:
        trino_home(print)
        java_home(print)
    except DemoError as error:
        _missing(str(error))


def _in_ci() -> bool:
    return os.environ.get("CI") == "true"


def _missing(reason: str) -> None:
    if _in_ci():
        pytest.fail(reason)
    pytest.skip(reason)
