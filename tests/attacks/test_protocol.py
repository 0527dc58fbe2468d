"""Attacks on the protocol: other people's pages, engine paths, caches. Class N of the cases, over raw HTTP."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.attacks.arena import Arena
from tests.attacks.cases import CASES, Case
from tests.attacks.expected import hold
from tests.attacks.judge import assert_no_canary, judge, plain
from tests.attacks.world import MASKED, TWINS


@pytest.mark.parametrize("case", [case for case in CASES if case.letter == "N"], ids=lambda case: case.id)
def test_the_attack_on_the_protocol_ends_as_its_file_says(lake: Arena, case: Case) -> None:
    hold(lake, case, judge(lake, case))


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
@pytest.mark.parametrize("pages", [0, 1])
def test_n01_a_page_address_serves_its_owner_only(lake: Arena, method: str, pages: int) -> None:
    ana, bob = lake.caller("ana"), lake.caller("bob")
    seen = ana.ask("SELECT * FROM orders", pages=pages)
    stolen = urlsplit(seen.pages[-1]).path
    answer = bob.get(stolen, method)
    assert answer.status in (403, 404)
    assert "order_id" not in answer.raw
    assert_no_canary("the answer to bob", answer.raw)
    assert ana.get(stolen).status == 200, "the theft did not disturb the owner"


@pytest.mark.parametrize("change", ["slug", "page", "query", "stage", "no token"])
def test_a_page_address_that_was_changed_is_not_served(lake: Arena, change: str) -> None:
    ana = lake.caller("ana")
    seen = ana.ask("SELECT * FROM orders", pages=1)
    parts = urlsplit(seen.pages[-1]).path.split("/")
    *_, query, token, page = parts
    changed = {
        "slug": [*parts[:-2], token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), page],
        "page": [*parts[:-1], "99"],
        "query": [*parts[:-3], query[:-1] + ("a" if query[-1] != "a" else "b"), token, page],
        "stage": [*parts[:3], "spooled", *parts[4:]],
        "no token": [*parts[:-2], "x", page],
    }[change]
    answer = ana.get("/".join(changed))
    assert answer.status in (404, 410)
    assert "EU" not in answer.raw


@pytest.mark.parametrize(
    "path",
    ["/v1/query", "/v1/node", "/v1/cluster", "/v1/thread", "/v1/task/x", "/v1/memory", "/ui/", "/ui/api/query", "/v1/jmx",
     "/v1/queryState", "/v1/resourceGroupState", "/v1/announcement", "/v1/service", "/v1/status", "/../v1/query", "//v1/query"],
)  # fmt: skip
def test_n03_the_engines_own_resources_are_not_offered(lake: Arena, path: str) -> None:
    eva = lake.caller("eva")
    eva.ask("SELECT 'a text of evas' FROM orders")
    answer = lake.caller("ana").get(path)
    assert answer.status in (200, 400, 403, 404)
    assert "a text of evas" not in answer.raw
    assert '"user":"eva"' not in answer.raw


def test_another_users_query_is_not_described(lake: Arena) -> None:
    seen = lake.caller("eva").ask("SELECT customer_email FROM orders")
    for query_id in (str(seen.query_id), "20200101_000000_00000_aaaaa"):
        answer = lake.caller("ana").get(f"/v1/query/{query_id}")
        assert (answer.status, "customer_email" in answer.raw) == (410, False)
        assert lake.caller("ana").get(f"/v1/query/{query_id}", "DELETE").status == 204


def test_another_users_query_is_not_ended(lake: Arena) -> None:
    seen = lake.caller("eva").ask("SELECT customer_email FROM orders", pages=0)
    assert lake.caller("ana").get(f"/v1/query/{seen.query_id}", "DELETE").status == 204
    rest = lake.caller("eva").get(urlsplit(seen.pages[-1]).path)
    assert rest.error is None
    assert len(rest.rows) == 6


def test_n06_results_are_never_spooled(lake: Arena) -> None:
    seen = lake.caller("ana").ask("SELECT * FROM orders", [("X-Trino-Query-Data-Encoding", "json+zstd")])
    assert "segments" not in seen.raw
    assert "/spooled/" not in seen.raw
    assert plain(seen) == plain(lake.oracle("SELECT * FROM orders"))
    for path in ("/v1/spooled/segments/x", "/v1/spooled/download/x", "/v1/spooled/ack/x"):
        assert lake.caller("ana").get(path).status == 404


def test_n07_the_same_text_of_another_user_gives_the_other_users_rows(lake: Arena) -> None:
    sql = "SELECT * FROM orders"
    ana, bob = lake.caller("ana"), lake.caller("bob")
    for _ in range(2):  # the second time from the plan cache
        anas, bobs = ana.ask(sql), bob.ask(sql)
        assert plain(anas) == plain(lake.oracle(sql))
        assert plain(bobs, TWINS["US"], "bob") == plain(lake.oracle(sql, user="bob"), TWINS["US"], "bob")
        for raw in ("@corp.com", "CANARY-ssn", "CANARY-card"):
            assert raw not in bobs.raw
    assert MASKED in bobs.raw


def test_n09_the_same_text_in_another_schema_means_another_table(lake: Arena) -> None:
    sql = "SELECT * FROM orders"
    for _ in range(2):
        assert lake.caller("ana", schema="sandbox").ask(sql).says == "TABLE_NOT_FOUND"
        assert plain(lake.caller("ana").ask(sql)) == plain(lake.oracle(sql))


@pytest.mark.parametrize(
    ("hidden", "missing"),
    [
        ("SELECT * FROM lake.hr.salaries", "SELECT * FROM lake.hq.salaries"),
        ("SHOW TABLES FROM lake.hr", "SHOW TABLES FROM lake.hq"),
        ("DESCRIBE lake.hr.salaries", "DESCRIBE lake.hq.salaries"),
        ("SHOW CREATE TABLE lake.hr.salaries", "SHOW CREATE TABLE lake.hq.salaries"),
        ("SHOW STATS FOR lake.hr.salaries", "SHOW STATS FOR lake.hq.salaries"),
        ("EXPLAIN SELECT * FROM lake.hr.salaries", "EXPLAIN SELECT * FROM lake.hq.salaries"),
        ("INSERT INTO lake.hr.salaries VALUES ('x', 1)", "INSERT INTO lake.hq.salaries VALUES ('x', 1)"),
        ("DELETE FROM lake.hr.salaries", "DELETE FROM lake.hq.salaries"),
        ("UPDATE lake.hr.salaries SET salary = 1", "UPDATE lake.hq.salaries SET salary = 1"),
        ("DROP TABLE lake.hr.salaries", "DROP TABLE lake.hq.salaries"),
        ("DROP TABLE IF EXISTS lake.hr.salaries", "DROP TABLE IF EXISTS lake.hq.salaries"),
        ("CREATE TABLE lake.hr.salaries (x bigint)", "CREATE TABLE lake.hq.salaries (x bigint)"),
        ("CREATE TABLE lake.hr.salaries AS SELECT 1 AS x", "CREATE TABLE lake.hq.salaries AS SELECT 1 AS x"),
        ("DROP SCHEMA lake.hr", "DROP SCHEMA lake.hq"),
        ("CREATE SCHEMA lake.hr", "CREATE SCHEMA lake.hq"),
        ("USE lake.hr", "USE lake.hq"),
        ("SELECT card_number FROM orders", "SELECT cord_number FROM orders"),
        ("SELECT o.card_number FROM orders o", "SELECT o.cord_number FROM orders o"),
        ("SELECT 1 FROM orders o JOIN lake.sales.customers c USING (card_number)",
         "SELECT 1 FROM orders o JOIN lake.sales.customers c USING (cord_number)"),
    ],
)  # fmt: skip
def test_what_is_hidden_and_what_is_missing_read_the_same(lake: Arena, hidden: str, missing: str) -> None:
    ana = lake.caller("ana")
    of_hidden, of_missing = ana.ask(hidden), ana.ask(missing)
    assert of_hidden.says == of_missing.says
    told = of_hidden.message.replace("hr", "h?").replace("card_number", "c?rd_number")
    assert told == of_missing.message.replace("hq", "h?").replace("cord_number", "c?rd_number") or not of_hidden.refused


def test_a_header_of_the_client_never_comes_back_raw(lake: Arena) -> None:
    seen = lake.caller("ana").ask('USE lake."sales\r\nX-Evil: 1"')
    assert "x-evil" not in {name.lower() for name, _ in seen.headers}
