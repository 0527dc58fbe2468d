"""The policy model on the real Trino, by a gateway as it is served: groups of rows, tags, terms, moments, new columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import trino

from gateway.demo.trino_server import TrinoServer
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend

SETUP = """
CREATE SCHEMA memory.model;
CREATE TABLE memory.model.staff AS SELECT * FROM (VALUES (1, 'Al', 'A', 10, 'al@x'), (2, 'Bo', 'A', 20, 'bo@x'),
  (3, 'Cy', 'A', 30, 'cy@x'), (4, 'Di', 'B', 40, NULL), (5, 'Ed', 'B', 50, 'ed@x')) AS t (id, name, team, wage, mail);
CREATE TABLE memory.model.people AS SELECT * FROM memory.model.staff;
CREATE TABLE memory.model.teams AS SELECT * FROM (VALUES ('A', 'N'), ('B', 'S'), ('B', 'S'), ('B', 'S')) AS t (team, site);
CREATE TABLE memory.model.ticks AS SELECT 1 AS id, current_timestamp - INTERVAL '1' HOUR AS at
  UNION ALL SELECT 2, current_timestamp UNION ALL SELECT 3, NULL;
CREATE VIEW memory.model.mails SECURITY INVOKER AS SELECT name, mail AS address FROM memory.model.people;
CREATE TABLE memory.model.guarded AS SELECT 1 AS id, 'x' AS hidden;
CREATE TABLE memory.model.plain AS SELECT 1 AS id;
CREATE SCHEMA memory.scratch
"""
POLICIES = """
version: 1
roles: {reader: , builder: }
users: {ana: {roles: [reader], attributes: {team: A}}, dora: {roles: [builder]}}
grants:
  - {roles: [reader], assets: [memory.model.*], allow: [read]}
  - {roles: [reader], assets: [memory.scratch.*], allow: [read, write]}
  - {roles: [builder], assets: [memory.*], allow: [all]}
aggregate_only: [{roles: [reader], table: memory.model.staff, min_group_size: 3}]
tags: [{table: memory.model.people, columns: {mail: pii.email, wage: pay}}, {table: memory.model.ticks, tags: [licence.ticks]}]
column_masks:
  - {tag: pii, roles: [reader], mask: redact}
  - {tag: pay, roles: [reader], mask: redact, unless: team = attr('team')}
  - {tag: pii, roles: [builder], mask: none}
  - {tag: pay, roles: [builder], mask: none}
licences: [{tag: licence.ticks, no_export: true, embargo: {column: at, delay: 15m}}]
protected: [{table: memory.model.guarded, open: [id]}]
row_filters: [{roles: [reader], table: memory.model.guarded, filter: none}]
"""


@pytest.fixture(scope="module")
def direct(trino_server: TrinoServer) -> trino.dbapi.Cursor:
    """Make the tables on the engine itself; return a cursor on it."""
    cursor = trino.dbapi.connect(host="127.0.0.1", port=int(trino_server.url.rsplit(":", 1)[1]), user="setup").cursor()
    for statement in SETUP.split(";"):
        cursor.execute(statement.strip()).fetchall()
    return cursor


@pytest.fixture(scope="module")
def gateway(
    trino_server: TrinoServer, direct: trino.dbapi.Cursor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Run a gateway on the engine."""
    backend = trino_backend(trino_server.url, catalogs=["memory"], answer_seconds=60)
    changes = {"catalogs": {"refresh_seconds": 5, "describe_seconds": 60}}
    made = make_gateway(tmp_path_factory.mktemp("model"), [backend], changes)
    made.policies.write_text(POLICIES)
    with running(made):
        eventually(lambda: "error" not in made.client.run("SELECT team FROM memory.model.teams"), seconds=120)
        yield made


@pytest.fixture
def ana(gateway: Gateway) -> Client:
    return gateway.client


def rows(client: Client, sql: str) -> list[list[object]]:
    answer = client.run(sql)
    assert "error" not in answer, answer["error"]["message"]
    return list(answer["rows"])


def refusal(client: Client, sql: str) -> str:
    return str(client.run(sql).get("error", {}).get("message", ""))


STAFF = "FROM memory.model.staff"
JOINED = f"{STAFF} s JOIN memory.model.teams t ON s.team = t.team"


def test_groups_are_of_their_least_size_also_where_a_join_repeats_rows(ana: Client) -> None:
    assert rows(ana, f"SELECT team, avg(wage), count(*) {STAFF} GROUP BY team") == [["A", 20.0, 3]]
    assert rows(ana, f"SELECT sum(wage) {STAFF}") == [[150]]
    assert rows(ana, f"SELECT sum(wage) {STAFF} WHERE name = 'Bo'") == []
    assert rows(ana, f"SELECT t.site, sum(s.wage) {JOINED} GROUP BY t.site") == [["N", 60]]
    assert rows(ana, f"SELECT sum(s.wage) {JOINED}") == []
    for sql in (f"SELECT * {STAFF}", f"SELECT max(wage) {STAFF}", f"EXPLAIN SELECT name {STAFF}"):
        assert "at least 3 rows only" in refusal(ana, sql)


def test_tags_mask_through_a_view_and_masks_know_rows(ana: Client) -> None:
    assert rows(ana, "SELECT address FROM memory.model.mails ORDER BY name") == [["****"]] * 3 + [[None], ["****"]]
    assert rows(ana, "SELECT id, wage FROM memory.model.people ORDER BY id") == [
        [1, 10],
        [2, 20],
        [3, 30],
        [4, 0],
        [5, 0],
    ]
    assert rows(ana, "SELECT id FROM memory.model.people WHERE wage > 35 OR mail = 'bo@x'") == []


def test_an_embargo_hides_what_is_fresh_and_nothing_is_exported(ana: Client) -> None:
    assert rows(ana, "SELECT id FROM memory.model.ticks") == [[1]]
    copy = "CREATE TABLE memory.scratch.copy AS SELECT id FROM memory.model.ticks"
    assert "licence terms forbid export" in refusal(ana, copy)


def test_a_column_that_a_protected_table_grows_stays_hidden(ana: Client, direct: trino.dbapi.Cursor) -> None:
    assert rows(ana, "SELECT * FROM memory.model.guarded") == [[1]]
    for table in ("guarded", "plain"):
        direct.execute(f"ALTER TABLE memory.model.{table} ADD COLUMN fresh varchar").fetchall()
    direct.execute("INSERT INTO memory.model.guarded VALUES (2, 'y', 'CANARY')").fetchall()
    eventually(lambda: rows(ana, "SELECT * FROM memory.model.plain") == [[1, None]], seconds=60)
    assert rows(ana, "SELECT * FROM memory.model.guarded ORDER BY 1") == [[1], [2]]
    assert "cannot be resolved" in refusal(ana, "SELECT fresh FROM memory.model.guarded")


def test_a_grant_begins_and_ends_at_its_moments_while_the_gateway_runs(gateway: Gateway) -> None:
    start = datetime.now(UTC) + timedelta(seconds=4)
    end = start + timedelta(seconds=6)
    bounds = f"valid_from: {start.isoformat()}, valid_until: {end.isoformat()}"
    text = POLICIES.replace(
        "grants:\n", f"grants:\n  - {{users: [tim], assets: [memory.model.teams], allow: [read], {bounds}}}\n"
    )
    gateway.policies.write_text(text)
    tim, seen = Client(gateway.url, "tim"), []
    while datetime.now(UTC) < end + timedelta(seconds=1):
        before = datetime.now(UTC)
        allowed = "error" not in tim.run("SELECT site FROM memory.model.teams")
        seen.append((before, datetime.now(UTC), allowed))
    assert not [found for found in seen if found[1] < start and found[2]]
    assert not [found for found in seen if found[0] >= end and found[2]]
    inside = [found for found in seen if found[0] >= start and found[1] < end]
    assert all(found[2] for found in inside)
    assert any(found[2] for found in seen), "it was open for six seconds"
    gateway.policies.write_text(POLICIES)


def test_what_followed_data_into_a_copy_goes_with_it_to_another_name(gateway: Gateway, ana: Client) -> None:
    dora = Client(gateway.url, "dora")
    for _ in range(2):  # as dbt does it: the new table is built beside the old one, and gets its name
        rows(dora, "CREATE TABLE memory.scratch.mart__tmp AS SELECT id, mail FROM memory.model.people WHERE id < 3")
        rows(dora, "ALTER TABLE IF EXISTS memory.scratch.mart RENAME TO memory.scratch.mart__backup")
        rows(dora, "ALTER TABLE memory.scratch.mart__tmp RENAME TO memory.scratch.mart")
        rows(dora, "DROP TABLE IF EXISTS memory.scratch.mart__backup")
        assert rows(dora, "SELECT mail FROM memory.scratch.mart ORDER BY id") == [["al@x"], ["bo@x"]]
        assert rows(ana, "SELECT mail FROM memory.scratch.mart ORDER BY id") == [["****"], ["****"]]
    assert "policies name its columns" in refusal(dora, "ALTER TABLE memory.model.people RENAME TO memory.model.folk")
