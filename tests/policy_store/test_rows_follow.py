"""What rules say of rows follows copies: filters, licence terms, least groups, denials of single columns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, make_gateway, running
from tests.operations.lake import make_lake

POLICIES = """\
version: 1
roles: {trader: , desk_lead: , admin: , partner: }
users:
  ana: {roles: [trader], attributes: {desk: CAISO, region: US}}
  cora: {roles: [trader], attributes: {desk: CAISO, region: US}}
  bob: {roles: [trader], attributes: {desk: SPP, region: CA}}
  lea: {roles: [desk_lead], attributes: {desk: CAISO, region: US}}
  pat: {roles: [trader, partner], attributes: {desk: CAISO, region: US}}
  root: {roles: [admin], attributes: {region: US}}
grants:
  - {id: read, roles: [trader, desk_lead], assets: "lake.trading.*", allow: [read, write]}
  - {id: no-mw, roles: [desk_lead], assets: lake.trading.bids, deny: [select], columns: [mw]}
  - {id: everything, roles: [admin], assets: "*", allow: [all]}
row_filters:
  - {id: own-desk, table: lake.trading.bids, roles: [trader, desk_lead], filter: "desk = attr('desk')"}
  - {id: all-desks, table: lake.trading.bids, roles: [admin], filter: none}
  - {id: decided, table: lake.trading.opened, roles: all, filter: none}
licences:
  - {id: feed, table: lake.trading.feed, no_partner: true, allowed_regions: [US]}
aggregate_only:
  - {table: lake.trading.pay, roles: [trader], min_group_size: 2}
"""
BIDS = "SELECT * FROM (VALUES ('CAISO', 1), ('CAISO', 2), ('SPP', 30)) v(desk, mw)"

WASHED = [
    "SELECT upper('SPP') AS desk, mw FROM lake.trading.bids",
    "SELECT CASE WHEN desk = 'CAISO' THEN 'SPP' ELSE desk END AS desk, mw FROM lake.trading.bids",
    "SELECT a.desk, b.mw FROM lake.trading.bids a CROSS JOIN lake.trading.bids b",
    "SELECT desk, lag(mw) OVER (ORDER BY mw) AS mw FROM lake.trading.bids",
    "SELECT desk, (SELECT sum(mw) FROM lake.trading.bids) AS mw FROM lake.trading.bids",
    "SELECT max(desk) AS desk, sum(mw) AS mw FROM lake.trading.bids",
    "SELECT desk, sum(mw) AS mw FROM lake.trading.bids GROUP BY ROLLUP (desk)",
    "SELECT desk, mw FROM (SELECT mw, 'SPP' AS desk FROM lake.trading.bids)",
    "SELECT b.desk, a.desk AS mw FROM lake.trading.bids a JOIN (VALUES 'SPP') b(desk) ON true",
    "SELECT desk, mw FROM lake.trading.bids UNION ALL SELECT 'SPP', mw FROM lake.trading.bids",
    "WITH w AS (SELECT 'SPP' AS desk, mw FROM lake.trading.bids) SELECT * FROM w",
    "SELECT t.desk, t.mw FROM lake.trading.bids AS t(mw, desk)",
]
"""Copies whose rows are no rows of the source, or whose columns of that name are not the source's."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rows")
    found = make_gateway(folder / "gateway", [make_lake(folder / "lake")])
    found.policies.write_text(POLICIES)
    with running(found):
        found.root.rows(f"CREATE TABLE lake.trading.bids AS {BIDS}")
        found.root.rows("CREATE TABLE lake.trading.feed AS SELECT 1 AS price")
        found.root.rows("CREATE TABLE lake.trading.pay AS SELECT * FROM (VALUES ('a', 1), ('b', 2)) v(who, salary)")
        yield found


def shown(gateway: Gateway, user: str, sql: str) -> object:
    """Return the rows that a user gets, or the name of the error."""
    client = Client(gateway.url, user)
    try:
        return sorted(client.rows(sql))
    except AssertionError:
        return client.error(sql)["errorName"]


def test_a_copy_shows_its_author_what_he_saw_and_others_no_row_that_their_filters_hide(gateway: Gateway) -> None:
    ana = Client(gateway.url, "ana")
    ana.rows("CREATE TABLE lake.trading.mine AS SELECT count(*) AS n, sum(mw) AS mw FROM lake.trading.bids")
    query = "SELECT n, mw FROM lake.trading.mine"
    assert shown(gateway, "ana", query) == [[2, 3]]
    assert shown(gateway, "cora", query) == [[2, 3]], "who stands under the same filter sees the same"
    assert shown(gateway, "bob", query) == []
    assert shown(gateway, "root", query) == [[2, 3]]


def test_its_author_goes_on_writing_to_a_copy_and_nobody_who_sees_a_part_of_it(gateway: Gateway) -> None:
    ana = Client(gateway.url, "ana")
    ana.rows("CREATE TABLE lake.trading.kept AS SELECT 1 + mw AS mw FROM lake.trading.bids")
    ana.rows("INSERT INTO lake.trading.kept VALUES (7)")
    assert shown(gateway, "bob", "INSERT INTO lake.trading.kept VALUES (8)") == "PERMISSION_DENIED"
    assert shown(gateway, "ana", "SELECT mw FROM lake.trading.kept") == [[2], [3], [7]]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM lake.trading.bids",
        "SELECT mw, desk FROM lake.trading.bids WHERE mw > 0",
        "SELECT sum(mw) AS mw, desk FROM lake.trading.bids GROUP BY desk",
        "SELECT sum(mw) AS mw, desk FROM lake.trading.bids GROUP BY 2",
    ],
    ids=["a star", "columns", "groups by name", "groups by place"],
)
def test_where_the_filters_columns_are_copied_as_they_are_the_filter_itself_follows(
    gateway: Gateway, query: str
) -> None:
    gateway.root.rows("DROP TABLE IF EXISTS lake.trading.copied")
    gateway.root.rows(f"CREATE TABLE lake.trading.copied AS {query}")
    assert {desk for (desk,) in shown(gateway, "root", "SELECT desk FROM lake.trading.copied")} == {"CAISO", "SPP"}
    assert {desk for (desk,) in shown(gateway, "ana", "SELECT desk FROM lake.trading.copied")} == {"CAISO"}
    assert {desk for (desk,) in shown(gateway, "bob", "SELECT desk FROM lake.trading.copied")} == {"SPP"}


@pytest.mark.parametrize(
    "query", [pytest.param(sql, marks=pytest.mark.long if n % 4 else ()) for n, sql in enumerate(WASHED)]
)
def test_where_rows_may_hold_anothers_values_a_copy_shows_none_of_them(gateway: Gateway, query: str) -> None:
    gateway.root.rows("DROP TABLE IF EXISTS lake.trading.washed")
    gateway.root.rows(f"CREATE TABLE lake.trading.washed AS {query}")
    for user in ("ana", "bob"):
        assert shown(gateway, user, "SELECT desk, mw FROM lake.trading.washed") == []
    assert shown(gateway, "root", "SELECT count(*) FROM lake.trading.washed") != [[0]]


def test_rows_that_are_added_bring_the_filters_of_where_they_come_from(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.shared AS SELECT 0 AS mw")
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.shared") == [[0]]
    Client(gateway.url, "ana").rows("INSERT INTO lake.trading.shared SELECT mw FROM lake.trading.bids")
    assert shown(gateway, "ana", "SELECT mw FROM lake.trading.shared") == [[0], [1], [2]]
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.shared") == []
    gateway.root.rows("UPDATE lake.trading.shared SET mw = (SELECT max(mw) FROM lake.trading.bids)")
    assert shown(gateway, "ana", "SELECT mw FROM lake.trading.shared") == []


def test_copies_of_copies_keep_what_followed_and_a_table_made_anew_does_not(gateway: Gateway) -> None:
    ana = Client(gateway.url, "ana")
    ana.rows("CREATE TABLE lake.trading.one AS SELECT mw + 1 AS mw FROM lake.trading.bids")
    gateway.root.rows("CREATE TABLE lake.trading.two AS SELECT mw FROM lake.trading.one")
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.two") == []
    ana.rows("DROP TABLE lake.trading.one")
    gateway.root.rows("CREATE TABLE lake.trading.one AS SELECT 5 AS mw")
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.one") == [[5]]


def test_a_statement_that_makes_nothing_takes_no_filters_from_a_copy_that_is_under_way(gateway: Gateway) -> None:
    ana = Client(gateway.url, "ana", timeout=120)
    many = "FROM lake.trading.bids, UNNEST(sequence(1, 500)) a(n), UNNEST(sequence(1, 1000)) b(m)"
    slow = ana.begin(f"CREATE TABLE lake.trading.raced AS SELECT mw {many}")
    failed = ana.run("CREATE TABLE lake.trading.raced AS SELECT 1 / (mw - mw) AS mw FROM (VALUES 1) v(mw)")
    assert failed["error"]["errorName"] == "DIVISION_BY_ZERO", "it found no table of that name yet"
    assert "error" not in ana.finish(slow)
    assert shown(gateway, "root", "SELECT count(*) FROM lake.trading.raced") == [[1_000_000]]
    assert shown(gateway, "bob", "SELECT count(*) FROM lake.trading.raced") == [[0]]


def test_creating_what_exists_already_changes_neither_its_rows_nor_what_follows_them(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.open AS SELECT 1 AS mw")
    ana = Client(gateway.url, "ana")
    assert ana.rows("CREATE TABLE IF NOT EXISTS lake.trading.open AS SELECT mw FROM lake.trading.bids") == [[0]]
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.open") == [[1]]
    ana.rows("CREATE TABLE lake.trading.closed AS SELECT mw FROM lake.trading.bids")
    assert gateway.root.rows("CREATE TABLE IF NOT EXISTS lake.trading.closed AS SELECT 1 AS mw") == [[0]]
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.closed") == []
    assert shown(gateway, "ana", "SELECT mw FROM lake.trading.closed") == [[1], [2]]


def test_what_follows_ends_where_somebody_decides_on_the_copys_rows(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.opened AS SELECT sum(mw) AS mw FROM lake.trading.bids")
    assert shown(gateway, "bob", "SELECT mw FROM lake.trading.opened") == [[33]]


def test_licence_terms_of_a_table_and_of_all_above_it_follow_its_data(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.fed AS SELECT count(*) AS n FROM lake.trading.feed")
    assert shown(gateway, "ana", "SELECT n FROM lake.trading.fed") == [[1]]
    assert shown(gateway, "bob", "SELECT n FROM lake.trading.fed") == "TABLE_NOT_FOUND", "from another region"
    assert shown(gateway, "pat", "SELECT n FROM lake.trading.fed") == "TABLE_NOT_FOUND", "a partner"


def test_least_groups_follow_single_rows_and_not_what_are_groups_already(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.paid AS SELECT who, salary * 12 AS yearly FROM lake.trading.pay")
    assert shown(gateway, "ana", "SELECT yearly FROM lake.trading.paid") != [[12], [24]]
    assert shown(gateway, "ana", "SELECT sum(yearly) FROM lake.trading.paid") == [[36]]
    Client(gateway.url, "ana").rows("CREATE TABLE lake.trading.sums AS SELECT sum(salary) AS s FROM lake.trading.pay")
    assert shown(gateway, "ana", "SELECT s FROM lake.trading.sums") == [[3]]


def test_a_column_that_is_denied_to_somebody_stays_so_in_copies(gateway: Gateway) -> None:
    gateway.root.rows("CREATE TABLE lake.trading.named AS SELECT desk, mw * 2 AS twice FROM lake.trading.bids")
    assert shown(gateway, "lea", "SELECT * FROM lake.trading.named") == [["CAISO"], ["CAISO"]]
    assert shown(gateway, "lea", "SELECT twice FROM lake.trading.named") == "COLUMN_NOT_FOUND"
