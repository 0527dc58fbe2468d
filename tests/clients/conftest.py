"""One demo on the embedded lake and one on the real Trino, shared by the suites of real clients."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trino

sys.path.insert(0, str(Path(__file__).parent))
from demo_process import Demo, run_demo
from tools import java_command, quick_java

from gateway.demo.downloads import DemoError, trino_cli, trino_home
from gateway.demo.java import java_home


@pytest.fixture(scope="session")
def lake_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with run_demo(tmp_path_factory.mktemp("demo-lake")) as demo:
        _make_sandbox(demo)
        yield demo


@pytest.fixture(scope="session")
def trino_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    _need_trino()
    with run_demo(tmp_path_factory.mktemp("demo-trino"), "trino") as demo:
        _make_sandbox(demo)
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
        java = [str(part) for part in quick_java()]
        return [*java, "--enable-native-access=ALL-UNNAMED", "-jar", str(trino_cli(print))]
    except DemoError as error:
        _missing(str(error))
        raise


def _make_sandbox(demo: Demo) -> None:
    """Make the schema that the clients write to before any of them lists schemas."""
    with trino.dbapi.connect(host="127.0.0.1", port=demo.port, user="admin1", catalog="iceberg") as connection:
        connection.cursor().execute("CREATE SCHEMA IF NOT EXISTS sandbox").fetchall()


@pytest.fixture(scope="session")
def jdbc(missing_tool: Callable[[str], BaseException], tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """The command that runs a program of the folder `java`; its name and arguments follow."""
    try:
        return java_command(Path(__file__).parent / "java", tmp_path_factory.mktemp("jdbc"))
    except DemoError as error:
        raise missing_tool(str(error)) from None


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
