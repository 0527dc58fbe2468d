"""Power BI's connector, replayed: its loop and its navigator on the gateway and directly on the real Trino."""

from __future__ import annotations

from typing import Any

import pytest
from compared import Answers, check_same
from demo_process import Demo
from jdbc_answers import CATALOGS, SYSTEM_SCHEMA
from power_bi import Connector, PowerBiError

pytestmark = pytest.mark.long  # it reads whole tables, and the protocol is compared in every run

DIFFERENCES = {
    "catalogs": CATALOGS,
    "error of SELECT 'a' + 1": "the place is that of the whole expression",
}
OF_THE_LAKE = {"schemas": SYSTEM_SCHEMA}
TYPES = (
    "SELECT TINYINT '1' a, BIGINT '9007199254740993' b, REAL '1.5' c, 2.5e0 d, DECIMAL '1.50' e, true f, DATE '2026-03-08' g, "
    "TIMESTAMP '2026-03-08 01:02:03.123456' h, TIMESTAMP '2026-03-08 01:02:03 UTC' i, TIME '01:02:03' j, X'00ff' k, 'ä' l, "
    "ARRAY[1, 2] m, MAP(ARRAY['k'], ARRAY[1]) n, ROW(1, 'x') o, CAST(NULL AS double) p, UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59' q"
)
ERRORS = (
    "SELECT nope FROM iceberg.trading.trades", "SELEC 1", "SELECT 1 / 0", "SELECT 'a' + 1", "SELECT * FROM nope.x.y", "SELECT 1;",
)  # fmt: skip
BIG = "SELECT node_id, interval_start_time, lmp_price FROM iceberg.curated.lmp_prices ORDER BY 2, 1 LIMIT 100000"


def answers_of(connector: Connector) -> Answers:
    """Browse, import and query as a person does with the navigator and the field for native queries."""
    answers: dict[str, Any] = {
        "catalogs": connector.catalogs(),
        "schemas": connector.schemas("iceberg"),
        "tables": connector.tables("iceberg", "trading"),
        "no tables": connector.tables("iceberg", "nope"),
        "traders": connector.table("iceberg", "trading", "traders"),
        "trades": connector.table("iceberg", "trading", "trades"),
        "mapping": connector.table("iceberg", "curated", "iso_node_mapping"),
        "types": connector.query(TYPES),
        "native": connector.query(
            "select desk, count(*) as n\r\nfrom iceberg.trading.trades -- by desk\r\ngroup by desk"
        ),
        "nothing": connector.query("SELECT 1 AS a WHERE false"),
        "100,000 rows": connector.query(BIG),
    }
    for name in ("schemas", "tables", "traders", "trades", "mapping", "native"):  # the order of rows is free
        answers[name]["rows"].sort(key=str)
    for sql in ERRORS:
        with pytest.raises(PowerBiError) as failed:
            connector.query(sql)
        answers[f"error of {sql}"] = str(failed.value).partition(". Expecting")[0]
    return answers


@pytest.fixture(scope="module")
def direct(trino_demo: Demo) -> Answers:
    """What the real Trino answers."""
    return answers_of(Connector(trino_demo.trino_port, "admin1", target_megabytes=1))


def test_every_answer_is_trinos(demo: Demo, trino_demo: Demo, direct: Answers) -> None:
    through = answers_of(Connector(demo.port, "admin1", target_megabytes=1))
    check_same(direct, through, DIFFERENCES if demo is trino_demo else DIFFERENCES | OF_THE_LAKE)


def test_the_loop_asks_what_it_should(direct: Answers) -> None:
    """Guard against a comparison of nothing with nothing."""
    assert len(direct["100,000 rows"]["rows"]) == 100_000
    assert len(direct["trades"]["rows"]) > 1_000
    assert set(direct["trades"]["kinds"].values()) == {"text", "number"}
    assert list(direct["types"]["kinds"].values()) == [
        *["number"] * 5, "logical", "date", "datetime", "text", "time", "binary", "text", *["any"] * 3, "number", "text",
    ]  # fmt: skip
    assert direct["nothing"] == {"kinds": {}, "rows": []}


def test_a_trader_imports_the_own_desk_and_an_analyst_no_withheld_column(demo: Demo) -> None:
    trades = Connector(demo.port, "trader1").table("iceberg", "trading", "trades")
    desk = list(trades["kinds"]).index("desk")
    assert {row[desk] for row in trades["rows"]} == {"CAISO"}
    analyst = Connector(demo.port, "analyst1")
    assert [row[0] for row in analyst.tables("iceberg", "trading")["rows"]] == ["traders"]
    assert "ssn" not in analyst.table("iceberg", "trading", "traders")["kinds"]


def test_basic_credentials_name_the_user(lake_demo: Demo) -> None:
    trades = Connector(lake_demo.port, "trader2", password="").table("iceberg", "trading", "trades")
    desk = list(trades["kinds"]).index("desk")
    assert {row[desk] for row in trades["rows"]} == {"MISO"}
