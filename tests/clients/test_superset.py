"""Superset through its own API: the same connection to the gateway and directly to the real Trino."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from compared import PLACES, Answers, check_same, plain
from demo_process import Demo
from superset_server import Superset, run_superset
from tools import ROOT, python_environment

from gateway.demo.downloads import DemoError

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
USERS = ["admin1", "analyst1", "trader1", "stranger"]
GRAINS = {"hour": "PT1H", "day": "P1D", "week": "P1W", "month": "P1M", "quarter": "P3M", "year": "P1Y"}
SLOW = (
    "SELECT count(*) FROM iceberg.curated.lmp_prices a CROSS JOIN iceberg.curated.lmp_prices b "
    "CROSS JOIN iceberg.curated.lmp_prices c WHERE a.lmp_price * b.lmp_price + c.lmp_price > 1e9"
)
STATEMENTS = {
    "query": "SELECT desk, count(*) AS n, sum(qty_mwh) AS total FROM trades GROUP BY desk ORDER BY desk",
    "types": "SELECT 1 AS a, DECIMAL '1.50' AS b, DATE '2026-03-08' AS c, TIMESTAMP '2026-03-08 01:02:03.123' AS d, "
    "true AS e, NULL AS f, 'ä' AS g, ARRAY[1, 2] AS h",
    "show tables": "SHOW TABLES FROM iceberg.trading",
    "describe": "DESCRIBE iceberg.trading.traders",
    "explain": "EXPLAIN (TYPE VALIDATE) SELECT 1",
    "write": "CREATE TABLE iceberg.sandbox.superset_probe AS SELECT 1 AS a",
    "read what was written": "SELECT * FROM iceberg.sandbox.superset_probe",
    "drop": "DROP TABLE iceberg.sandbox.superset_probe",
    "unknown column": "SELECT nope FROM trades",
    "unknown table": "SELECT * FROM iceberg.trading.nope",
    "wrong syntax": "SELECT FROM WHERE",
    "failure": "SELECT 1 / 0",
    "types that do not fit": "SELECT desk + 1 FROM trades",
}
PARTITIONS = 'Superset reads "traders$partitions", in which Trino shows the least and the greatest value of each column; the gateway refuses it'
DIFFERENCES = {
    "columns of traders": PARTITIONS,
    "more of traders": PARTITIONS,
    "catalogs": "Trino's test catalogs are not all granted, and ClickHouse is one more",
    "types that do not fit": PLACES,
}
OF_THE_LAKE = {"schemas": "the lake has no schema `system`, in which Trino's connector lists tables"}


@pytest.fixture(scope="session")
def superset(
    missing_tool: Callable[[str], BaseException], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Superset]:
    """A Superset of its own, with one account for each of the demo's people."""
    try:
        programs = python_environment("superset", ROOT / "requirements" / "superset.txt")
    except DemoError as error:
        raise missing_tool(str(error)) from None
    with run_superset(programs, tmp_path_factory.mktemp("superset"), USERS) as served:
        yield served


def uri(port: int, user: str = "admin1") -> str:
    return f"trino://{user}@127.0.0.1:{port}/iceberg"


def answers_of(browser: Superset, name: str, port: int) -> Answers:
    """Connect, browse, ask in SQL Lab, and draw charts, as a person does."""
    database = browser.connect(name, uri(port))
    answers: dict[str, Any] = {
        "catalogs": browser.call("GET", f"database/{database}/catalogs/")["result"],
        "schemas": browser.call("GET", f"database/{database}/schemas/")["result"],
        "functions": "count_if" in browser.call("GET", f"database/{database}/function_names/")["function_names"],
    }
    for schema, table in (("curated", "lmp_prices"), ("trading", "traders")):
        found = browser.call("GET", f"database/{database}/tables/?q=(catalog_name:iceberg,schema_name:{schema})")
        answers[f"tables of {schema}"] = [each["value"] for each in found["result"]]
        place = f"?name={table}&schema={schema}&catalog=iceberg"
        answers[f"columns of {table}"] = browser.call("GET", f"database/{database}/table_metadata/{place}")
        answers[f"more of {table}"] = browser.call("GET", f"database/{database}/table_metadata/extra/{place}")
    for question, sql in STATEMENTS.items():
        answers[question] = _result(browser.run(database, sql))
    answers["limited"] = len(browser.run(database, "SELECT * FROM iceberg.curated.lmp_prices", limit=100)["data"])
    answers["10,000 rows"] = len(
        browser.run(database, "SELECT node_id FROM iceberg.curated.lmp_prices LIMIT 10000", limit=10_000)["data"]
    )
    with browser.dataset(database, "curated", "lmp_prices") as dataset:
        columns = browser.call("GET", f"dataset/{dataset}")["result"]["columns"]
        answers["dataset"] = sorted([each["column_name"], each["type"], each["is_dttm"]] for each in columns)
        for grain, period in GRAINS.items():
            answers[f"chart by {grain}"] = _chart(browser.chart(dataset, by_time(period)))
        answers["chart of groups"] = _chart(browser.chart(dataset, by_market()))
    return {question: plain(answer) for question, answer in answers.items()}


def by_time(period: str) -> dict[str, Any]:
    """A line chart's query: averages by a time grain, one line a market."""
    at = {
        "timeGrain": period, "columnType": "BASE_AXIS", "sqlExpression": "interval_start_time",
        "label": "interval_start_time", "expressionType": "SQL",
    }  # fmt: skip
    return {
        "columns": [at, "iso"],
        "metrics": [metric("AVG(lmp_price)"), metric("COUNT(*)")],
        "filters": [
            {"col": "interval_start_time", "op": "TEMPORAL_RANGE", "val": "2026-03-07 : 2026-03-10"},
            {"col": "iso", "op": "IN", "val": ["CAISO", "MISO"]},
        ],
        "extras": {"time_grain_sqla": period, "having": "", "where": "(lmp_price IS NOT NULL)"},
        "orderby": [["iso", True]],
        "row_limit": 1000,
    }


def by_market() -> dict[str, Any]:
    """A table's query: the second page of groups, by a metric."""
    return {
        "columns": ["node_id"],
        "metrics": [metric("MAX(lmp_price)"), metric("COUNT(DISTINCT iso)")],
        "filters": [{"col": "node_id", "op": "LIKE", "val": "%_00%"}],
        "orderby": [["node_id", False]],
        "row_limit": 5,
        "row_offset": 5,
    }


def metric(expression: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "sqlExpression": expression, "label": expression.lower()}


def _result(answer: Any) -> Any:
    if "errors" in answer:
        return [[each["error_type"], each["message"]] for each in answer["errors"]]
    if "data" not in answer:
        return answer
    columns = [[each["column_name"], each["type"], each["is_dttm"]] for each in answer["columns"]]
    return [columns, answer["data"]]


def _chart(answer: Any) -> Any:
    assert "result" in answer, answer
    (found,) = answer["result"]
    assert found["status"] == "success", found
    return [found["colnames"], found["coltypes"], sorted(map(str, found["data"]))]


@pytest.fixture(scope="module")
def direct(superset: Superset, trino_demo: Demo) -> Answers:
    """What Superset shows of the real Trino."""
    return answers_of(superset.sign_in("admin1"), "direct", trino_demo.trino_port)


def test_every_answer_through_the_gateway_is_trinos(superset: Superset, trino_demo: Demo, direct: Answers) -> None:
    check_same(direct, answers_of(superset.sign_in("admin1"), "gateway", trino_demo.port), DIFFERENCES)


def test_every_answer_of_the_lake_is_trinos(superset: Superset, lake_demo: Demo, direct: Answers) -> None:
    check_same(direct, answers_of(superset.sign_in("admin1"), "lake", lake_demo.port), DIFFERENCES | OF_THE_LAKE)


def test_superset_is_asked_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of failures with failures."""
    assert [row["desk"] for row in direct["query"][1]] == ["CAISO", "MISO", "SPP"]
    assert direct["read what was written"][1] == [{"a": 1}]
    assert direct["limited"] == 100
    assert direct["10,000 rows"] == 10_000
    assert len(direct["chart by hour"][2]) == 2 * 72
    assert [len(direct[f"chart by {grain}"][2]) for grain in ("day", "month", "quarter", "year")] == [6, 2, 2, 2]
    assert len(direct["chart of groups"][2]) == 5
    assert "Column 'nope' cannot be resolved" in direct["unknown column"][0][1]


def test_the_stop_button_ends_the_query(superset: Superset, trino_demo: Demo) -> None:
    browser = superset.sign_in("admin1")
    database = browser.connect("stopped", uri(trino_demo.port))
    client_id, ended = secrets.token_hex(5), []
    reader = threading.Thread(target=lambda: ended.append(superset.sign_in("admin1").run(database, SLOW, client_id)))
    reader.start()
    until(lambda: "RUNNING" in states(trino_demo))
    assert browser.call("POST", "query/stop", json={"client_id": client_id}) == {"result": "OK"}
    until(lambda: states(trino_demo) <= {"FAILED"})
    reader.join(120)
    assert "data" not in ended[0], ended


def states(demo: Demo) -> set[str]:
    """Return in which states Superset's cross joins are, by the gateway's list of queries."""
    found = requests.get(f"{demo.url}/v1/query", headers={"X-Trino-User": "admin1"}, timeout=30).json()
    ours = [each for each in found if "CROSS JOIN" in each["query"] and each["session"]["source"] == "Apache Superset"]
    return {each["state"] for each in ours}


def until(found: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait for something to be there."""
    end = time.monotonic() + seconds
    while not (what := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
    return what


def token_of(demo: Demo, user: str) -> dict[str, str]:
    done = demo.command("token", "--user", user)
    assert done.returncode == 0, done.stderr
    return {"Authorization": f"Bearer {done.stdout.strip()}"}


def test_a_service_account_asks_for_its_users_by_the_gateways_rule(superset: Superset, lake_demo: Demo) -> None:
    headers = token_of(lake_demo, "admin1")
    database = superset.sign_in("admin1").connect("for others", uri(lake_demo.port), impersonate=True, headers=headers)
    sql = "SELECT desk, count(*) AS n FROM iceberg.trading.trades GROUP BY desk ORDER BY desk"
    assert [row["desk"] for row in superset.sign_in("trader1").run(database, sql)["data"]] == ["CAISO"]
    assert "does not exist" in str(superset.sign_in("analyst1").run(database, sql)["errors"])
    (masked,) = superset.sign_in("analyst1").run(database, "SELECT DISTINCT email FROM traders")["data"]
    assert masked == {"email": "user-****@****.com"}
    assert "errors" in superset.sign_in("stranger").run(database, "SELECT 1")


def test_who_may_not_act_for_others_is_refused(superset: Superset, lake_demo: Demo) -> None:
    headers = token_of(lake_demo, "trader1")
    browser = superset.sign_in("trader1")
    database = browser.connect("not for others", uri(lake_demo.port, "trader1"), impersonate=True, headers=headers)
    assert [row["user"] for row in browser.run(database, 'SELECT current_user AS "user"')["data"]] == ["trader1"]
    assert "errors" in superset.sign_in("analyst1").run(database, "SELECT 1")
