"""How Trino's answers are read: recorded from Trino 476, and then bent."""

from __future__ import annotations

import json

import msgspec
import pytest

from catalog.objects import TableName
from engines.reads import Read, Unanswered
from engines.trino.attest import info_path, read_info, read_plan

NATION, VIEW = TableName("memory", "default", "nation"), TableName("memory", "default", "shown")
PLAN = """{"inputTableColumnInfos":[{"table":{"catalog":"memory","schemaTable":{"schema":"default","table":"nation"}},
"constraint":{"none":false,"columnConstraints":[{"columnName":"nationkey","type":"bigint","domain":{"nullsAllowed":false,
"ranges":[{"low":{"bound":"ABOVE"},"high":{"value":"5","bound":"BELOW"}}]}}]},
"estimate":{"outputRowCount":"NaN"}}],"estimate":{"outputRowCount":"NaN"}}"""
INFO = {
    "queryId": "20260101_000000_00001_abcde",
    "state": "RUNNING",
    "inputs": [
        {
            "connectorName": "memory",
            "catalogName": "memory",
            "catalogVersion": "default",
            "schema": "default",
            "table": "nation",
            "columns": [{"name": "name", "type": "varchar(25)"}, {"name": "nationkey", "type": "bigint"}],
            "fragmentId": "0",
        }
    ],
    "referencedTables": [
        {
            "catalog": "memory",
            "schema": "default",
            "table": "nation",
            "authorization": "ana",
            "filters": [],
            "columns": [{"column": "name"}, {"column": "nationkey"}],
            "directlyReferenced": False,
            "referenceChain": [
                {"@type": "view", "catalogName": "memory", "schemaName": "default", "viewName": "shown"}
            ],
        },
        {
            "catalog": "memory",
            "schema": "default",
            "table": "shown",
            "authorization": "ana",
            "filters": [],
            "columns": [{"column": "name"}],
            "directlyReferenced": True,
            "viewText": "SELECT name FROM memory.default.nation",
            "referenceChain": [],
        },
    ],
}
ID = str(INFO["queryId"])


def test_a_plan_of_inputs_gives_tables_and_the_columns_of_conditions() -> None:
    assert read_plan(PLAN).reads == (Read(NATION, frozenset({"nationkey"})),)


def test_a_querys_information_gives_all_columns_and_the_views_that_were_opened() -> None:
    columns = frozenset({"name", "nationkey"})
    text = "SELECT name FROM memory.default.nation"
    assert read_info(json.dumps(INFO).encode(), ID).reads == (
        Read(NATION, columns, through=(VIEW,)),
        Read(NATION, columns, through=(VIEW,)),
        Read(VIEW, frozenset({"name"}), text),
    )


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"inputTableColumnInfos": [{}]}', "Trino version: 476"])
def test_what_is_no_plan_of_inputs_is_no_answer(text: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_plan(text)


@pytest.mark.parametrize("left_out", ["queryId", "inputs", "referencedTables"])
def test_information_that_leaves_something_out_is_no_answer(left_out: str) -> None:
    body = json.dumps({name: value for name, value in INFO.items() if name != left_out}).encode()
    with pytest.raises(msgspec.MsgspecError):
        read_info(body, ID)


def test_information_about_another_query_is_no_answer() -> None:
    with pytest.raises(Unanswered):
        read_info(json.dumps(INFO).encode(), "20260101_000000_00002_abcde")


@pytest.mark.parametrize("query_id", ["", "../../v1/status", "a/b", "x" * 81, "a?b"])
def test_only_an_id_of_a_query_leads_to_its_information(query_id: str) -> None:
    with pytest.raises(ValueError):
        info_path(query_id)
