"""Session properties by statement and by header: what Trino 476 says of each, word for word."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from house import plan

from gateway.models import NotPlanned, Plan
from gateway.planning.property_values import wrong_value

BY_STATEMENT = {
    "SET SESSION   nosuch =  1": "line 1:25: Session property 'nosuch' does not exist",
    "SET SESSION no.such = 'x'": "line 1:23: Catalog 'no' not found",
    "SET SESSION a.b.c = 'x'": "Invalid session property 'a.b.c'",
    "RESET SESSION  nosuch": "line 1:1: Session property 'nosuch' does not exist",
    "RESET SESSION no.such": "line 1:1: Catalog 'no' not found",
    "SET SESSION query_max_run_time = 1": "Unable to set session property 'query_max_run_time' to '1': "
    "Cannot cast type integer to varchar",
    "SET SESSION query_max_run_time = 'x'": "line 1:34: duration is not a valid data duration string: x",
    "SET SESSION query_max_run_time = '5'": "line 1:34: duration is not a valid data duration string: 5",
    "SET SESSION query_max_run_time = '-5m'": "line 1:34: duration is not a valid data duration string: -5m",
    "SET SESSION query_max_run_time = ''": "line 1:34: duration is empty",
    "SET SESSION join_distribution_type = 'x'": "line 1:38: Invalid value [x]. "
    "Valid values: [BROADCAST, PARTITIONED, AUTOMATIC]",
    "SET SESSION query_max_scan_physical_bytes = 'x'": "line 1:45: size is not a valid data size string: x",
    "SET SESSION query_max_scan_physical_bytes = '5gb'": "line 1:45: Unknown unit: gb",
    "SET SESSION task_concurrency = 3": "line 1:32: task_concurrency must be a power of 2: 3",
    "SET SESSION task_concurrency = 0": "line 1:32: task_concurrency must be a power of 2: 0",
    "SET SESSION task_concurrency = 99999999999": "Unable to set session property 'task_concurrency' to '99999999999': "
    "Cannot cast type bigint to integer",
    "SET SESSION max_recursion_depth = 0": "line 1:35: max_recursion_depth must be equal or greater than 1",
}
BY_HEADER = {
    ("nosuch", "1"): "Session property 'nosuch' does not exist",
    ("query_max_run_time", "x"): "Session property 'query_max_run_time' is invalid: "
    "duration is not a valid data duration string: x",
    ("query_max_run_time", ""): "Session property 'query_max_run_time' is invalid: duration is empty",
    ("join_distribution_type", "x"): "Session property 'join_distribution_type' is invalid: Invalid value [x]. "
    "Valid values: [BROADCAST, PARTITIONED, AUTOMATIC]",
    ("task_concurrency", "3"): "task_concurrency must be a power of 2: 3",
    ("task_concurrency", "x"): 'For input string: "x"',
}


@pytest.mark.parametrize("sql", BY_STATEMENT)
@pytest.mark.asyncio
async def test_a_statement_that_sets_what_trino_would_not_take(sql: str) -> None:
    found = await plan(sql, "tuner")
    assert isinstance(found, NotPlanned)
    assert found.refusal.text == BY_STATEMENT[sql]


@pytest.mark.parametrize(("name", "value"), BY_HEADER)
@pytest.mark.asyncio
async def test_a_header_that_sets_what_trino_would_not_take(name: str, value: str) -> None:
    found = await plan("SELECT 1", "tuner", properties={name: value})
    assert isinstance(found, NotPlanned)
    assert (found.refusal.code.name, found.refusal.text) == ("INVALID_SESSION_PROPERTY", BY_HEADER[name, value])


TAKEN = (
    *("query_max_run_time = '5 m'", "query_max_run_time = '1.5h'", "join_distribution_type = 'broadcast'"),
    *("query_max_scan_physical_bytes = '5 GB'", "task_concurrency = 4", "max_recursion_depth = 1"),
)


@pytest.mark.parametrize("setting", TAKEN)
@pytest.mark.asyncio
async def test_what_trino_takes_is_taken(setting: str) -> None:
    assert isinstance(await plan(f"SET SESSION {setting}", "tuner"), Plan)


@pytest.mark.parametrize(
    ("value", "good"), [("2147483648", False), ("-1", True), ("1e3", False), ("١", False), ("", False)]
)
def test_numbers_are_whole_and_of_32_bits(value: str, good: bool) -> None:
    assert (wrong_value("query_priority", "integer", value) is None) == good


@pytest.mark.asyncio
async def test_a_property_that_the_caller_may_not_set_is_refused_by_policy() -> None:
    found = await plan("SET SESSION spill_enabled = true")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "PERMISSION_DENIED"


COMPUTED = {
    "SET SESSION task_concurrency = 2 * 2": 'SET SESSION "task_concurrency" = 2 * 2',
    "SET SESSION query_max_run_time = '1' || 'h'": "SET SESSION \"query_max_run_time\" = '1' || 'h'",
    "SET SESSION query_max_run_time = current_user": "SET SESSION \"query_max_run_time\" = CAST('tuner' AS VARCHAR)",
    "SET TIME ZONE concat('Asia/', 'Tokyo')": "SET TIME ZONE concat('Asia/', 'Tokyo')",
    "SET TIME ZONE INTERVAL '02:30' HOUR TO MINUTE": "SET TIME ZONE INTERVAL '02:30' HOUR TO MINUTE",
    "WITH SESSION task_concurrency = 2 + 2, query_max_run_time = '5m' SELECT 1": 'WITH SESSION "task_concurrency" = 2 + 2, '
    "\"query_max_run_time\" = '5m' SELECT 1",
}
NOT_COMPUTED = {
    "SET SESSION task_concurrency = (SELECT max(x) FROM lake.sandbox.t)": "INVALID_SESSION_PROPERTY",
    "SET SESSION task_concurrency = x": "INVALID_SESSION_PROPERTY",
    "SET SESSION task_concurrency = nosuch(1)": "INVALID_SESSION_PROPERTY",
    "SET SESSION nosuch = 1 + 1": "INVALID_SESSION_PROPERTY",
    "SET SESSION query_max_run_time = ?": "INVALID_PARAMETER_USAGE",
    "WITH SESSION task_concurrency = (SELECT 4) SELECT 1": "INVALID_SESSION_PROPERTY",
    "WITH SESSION nosuch = 1 + 1 SELECT 1": "INVALID_SESSION_PROPERTY",
    "SET TIME ZONE (SELECT 'UTC')": "EXPRESSION_NOT_CONSTANT",
    "SET TIME ZONE x": "COLUMN_NOT_FOUND",
    "SET TIME ZONE INTERVAL '15' HOUR": "INVALID_FUNCTION_ARGUMENT",
}


@pytest.mark.parametrize("sql", COMPUTED)
@pytest.mark.asyncio
async def test_a_value_that_is_computed_goes_to_trino_once_it_is_known_what_it_calls(sql: str) -> None:
    found = await plan(sql, "tuner")
    assert isinstance(found, Plan)
    assert (found.route, found.sql) == ("engine", COMPUTED[sql])


@pytest.mark.parametrize("sql", NOT_COMPUTED)
@pytest.mark.asyncio
async def test_a_computed_value_reads_nothing_and_is_refused_under_trinos_name(sql: str) -> None:
    found = await plan(sql, "tuner")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == NOT_COMPUTED[sql]


@pytest.mark.asyncio
async def test_a_computed_value_is_held_to_policy_before_anything_else() -> None:
    found = await plan("SET SESSION task_concurrency = 2 * 2")
    assert isinstance(found, NotPlanned)
    assert found.refusal.code.name == "PERMISSION_DENIED"
