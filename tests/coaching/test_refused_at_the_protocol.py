"""What clients get of a refusal for price, by the bare protocol and the stock Python driver; the same asked before."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trino
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.config import Config
from tests.admin.api_client import ISSUER, Api, token_of
from tests.coaching.world import POLICIES
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running

CAPS = """
caps:
  - {id: small, users: [ana, tom], bytes: 420 kB}
administration:
  - {users: [kay], allow: [steward]}
"""
SQL = "SELECT * FROM lake.market.ticks ORDER BY id LIMIT 5"


@pytest.fixture(scope="module")
def capped(market_config: Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway over the market, where analysts may read 420 kB a query; its figures are there."""
    lake: Any = market_config.engines[0]
    engine = {**lake.model_dump(mode="json"), "uri": lake.uri.get_secret_value()}
    made = make_gateway(
        tmp_path_factory.mktemp("capped"),
        [engine],
        {
            "identity": {"insecure": True, "jwt": [ISSUER]},
            "coaching": {"seconds": 10},
            "pricing": {"question_seconds": 20},
        },
    )
    made.policies.write_text(POLICIES + CAPS)
    with running(made) as gateway, Api(gateway, "ana") as ana:

        def known() -> bool:
            found = ana.answer("POST", "/api/v1/coach", json={"sql": SQL})
            return "manifest" in found["estimate"]["basis"]

        eventually(known, seconds=60)
        yield gateway


def check(text: str) -> None:
    """Hold a message to its promise, and its alternatives to being statements that fit."""
    shown = text[:200]
    assert re.match(
        r"This query takes at least \d+ kB; cap small allows 420 kB a query\. Fix: (only|without) the ", shown
    )
    assert "Estimate (" in text
    assert "Missing: no filter on day(ts) of lake.market.ticks: 13 of 13 partitions are read." in text
    assert "ticks.note" in text
    assert "Request: " in text
    assert "SECRET_NODE" not in text


def test_the_bare_protocol_says_number_and_fix_first_and_offers_statements_that_run(capped: Gateway) -> None:
    ana = capped.client
    error = ana.error(SQL)
    assert (error["errorName"], error["errorType"]) == ("QUERY_REJECTED", "USER_ERROR")
    check(error["message"])
    offered = re.findall(r"^SELECT .*$", error["message"], re.M)
    assert 1 <= len(offered) <= 3
    ended = [ana.run(sql).get("error", {}).get("errorName") for sql in offered]
    # One may be stopped midway: what it takes at most is beyond the cap, as what it takes at least is not.
    assert set(ended) <= {None, "EXCEEDED_SCAN_LIMIT"}, ended
    assert None in ended


def test_the_python_driver_shows_it_and_does_not_try_again(capped: Gateway) -> None:
    port = capped.config["door"]["port"]
    with trino.dbapi.connect(host="127.0.0.1", port=port, user="ana", catalog="lake", schema="market") as connection:
        sql = SQL.replace("LIMIT 5", "LIMIT 6")
        with pytest.raises(trino.exceptions.TrinoUserError) as caught:
            connection.cursor().execute(sql).fetchall()
    check(caught.value.message)
    eventually(lambda: any(row["sql_text"] == sql for row in capped.usage()))
    assert [row["error_code"] for row in capped.usage() if row["sql_text"] == sql] == ["QUERY_REJECTED"]


def test_who_sees_a_part_of_the_rows_is_told_nothing_of_the_others(capped: Gateway) -> None:
    """Tom's rows are filtered and the note is not his to know: neither shows, whatever the refusal says."""
    sql = "SELECT a.id, b.ts FROM lake.market.ticks a CROSS JOIN lake.market.ticks b CROSS JOIN lake.market.ticks c"
    with Api(capped, "tom") as tom:
        found = tom.answer("POST", "/api/v1/coach", json={"sql": sql})
    told = json.dumps(found)
    for secret in ("SECRET_NODE", "note", "2026-04-0"):
        assert secret not in told.replace(sql, "")


def test_the_command_line_says_the_same_before_and_exits_so(capped: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "queries.sql"
    file.write_text(
        f"{SQL};\n-- a small one\nSELECT id FROM lake.market.ticks WHERE ts >= DATE '2026-04-02';\nSHOW CATALOGS;\n"
    )
    words = ["coach", str(file), "--url", f"http://127.0.0.1:{capped.config['admin']['port']}"]
    shown = CliRunner().invoke(app, [*words, "--token", token_of("ana")])
    assert shown.exit_code == 1, shown.output
    assert "line 1: SELECT would be refused: QUERY_REJECTED" in shown.output
    assert "line 3: SELECT on lake" in shown.output
    assert "3 statements, 1 would be refused: USD 0.0000" in shown.output
    as_json = CliRunner().invoke(app, [*words, "--token", token_of("kay"), "--json"])
    assert as_json.exit_code == 0, as_json.output
    told = json.loads(as_json.output)
    assert [each["decision"] for each in told["statements"]] == ["allow", "allow", "allow"]
    assert told["total"]["priced"] == 2
    assert told["statements"][0]["alternatives"][0]["saves"]["bytes"] > 0


def test_the_command_line_says_when_nobody_answers(tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("SELECT 1")
    away = CliRunner().invoke(app, ["coach", str(file), "--url", "http://127.0.0.1:9", "--token", "t"])
    assert away.exit_code == 2
    file.write_text(" ; -- nothing\n")
    empty = CliRunner().invoke(app, ["coach", str(file), "--url", "http://127.0.0.1:9", "--token", "t"])
    assert empty.exit_code == 2
    assert "there is no statement in it" in empty.output
    missing = CliRunner().invoke(
        app, ["coach", str(tmp_path / "no.sql"), "--url", "http://127.0.0.1:9", "--token", "t"]
    )
    assert missing.exit_code == 2
