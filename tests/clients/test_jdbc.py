"""The JDBC driver, unmodified: the same program on the gateway and directly on the real Trino."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from compared import PLACES, Answers, check_cancelled, check_same, run_script
from demo_process import Demo

from gateway.demo.downloads import DemoError, trino_jdbc
from gateway.demo.java import java_home

FOLDER = Path(__file__).parent / "java"
SYSTEM_SCHEMA = "the lake has no schema `system`, in which Trino's connector lists tables"
PARAMETERS = "types of parameters, and of columns made of them, are not inferred; origins of columns are not told"
DIFFERENCES = {
    "catalogs": "ClickHouse is a catalog here, and Trino's test catalogs are not all granted",
    "error of SELECT 'a' + 1": PLACES,
    "error of SELECT count(*) FROM (VALUES 1) AS t(a) WHERE a = 'x'": PLACES,
    "error of SET SESSION nope = 1": PLACES,
    "error of ": "the driver prints the headers of the HTTP answer, whose status is the same",
    "explicitPrepare=true described": PARAMETERS,
    "explicitPrepare=false described": PARAMETERS,
    "explicitPrepare=true with an error": "PREPARE refuses already, and counts the place in its own text",
}
OF_PLUGINS = {"BingTile", "Geometry", "KdbTree", "SphericalGeography", "Classifier", "Model", "Regressor"}
"""Types that a Trino has by its plugins: the gateway lists those that every Trino has."""
OF_THE_LAKE = {
    "schemas": SYSTEM_SCHEMA,
    "value TIME '01:02:03+08:00'": "the lake has no time with time zone",
    "error of SELECT CAST('x' AS integer)": "the lake's text does not quote the value",
    "error of SELECT TINYINT '127' + TINYINT '1'": "the lake's text does not quote the values",
}


@pytest.fixture(scope="session")
def probe(missing_tool: Callable[[str], BaseException]) -> list[str | Path]:
    """The program's command, without a server."""
    try:
        return [java_home(print) / "bin" / "java", "-cp", trino_jdbc(print), "Probe.java"]
    except DemoError as error:
        raise missing_tool(str(error)) from None


def ask(probe: list[str | Path], port: int, user: str = "admin1", *more: str) -> Answers:
    url = f"jdbc:trino://127.0.0.1:{port}/iceberg/trading"
    answers = run_script([*probe, url, user, "iceberg.sandbox", *more], FOLDER)
    if "cancel" in answers:
        check_cancelled(port)
    if "types" in answers:  # nothing is said of the order of types with one code, and Trino lists `integer` twice
        rows = {str(row): row[0] for row in answers["types"][1]}
        answers["types"][1] = sorted(row for row, name in rows.items() if name not in OF_PLUGINS)
    return answers


@pytest.fixture(scope="session")
def direct(probe: list[str | Path], trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return ask(probe, trino_demo.trino_port)


def test_every_answer_through_the_gateway_is_trinos(probe: list[str | Path], trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(probe, trino_demo.port), DIFFERENCES)


def test_every_answer_of_the_lake_is_trinos(probe: list[str | Path], lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, ask(probe, lake_demo.port), DIFFERENCES | OF_THE_LAKE)


def test_the_program_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert direct["100,000 rows"][0] == 100_000
    assert direct["validated by HEAD"]["state"] == "28000", "without TLS and a password the driver cannot validate"
    assert direct["valid"] is True
    assert direct["batch"]["class"] == "SQLFeatureNotSupportedException"
    assert direct["prepared batch"] == "[1, 1, 1]"
    assert direct["timeout"]["code"] == 131075
    assert direct["cancel"] == [True, False]
    assert direct["error of SELECT 1 / 0"]["code"] == 8
    assert len(direct["columns of all"][1]) > 20
    assert len(direct["explicitPrepare=true values"][1][0]) == 13
    assert direct["prepared by hand"] == "42"
    assert direct["use"] == ["trading", "iceberg.trading"]


def test_policies_hold_for_everything_that_the_driver_sends(
    probe: list[str | Path], trino_demo: Demo, demo: Demo
) -> None:
    filtered = "(SELECT * FROM iceberg.trading.trades WHERE desk = 'CAISO')"
    expected = ask(probe, trino_demo.trino_port, "admin1", filtered)
    assert int(expected["count"]) > 0
    check_same(expected, ask(probe, demo.port, "trader1", "iceberg.trading.trades"), {})
