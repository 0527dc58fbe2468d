"""`/api/v1/policies/test`: run policy tests under the policies in force, or as a changeset would make them."""

from __future__ import annotations

import hashlib
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.admin.api.callers import Reader
from gateway.admin.api.problems import PROBLEMS, Problem
from gateway.admin.api.rooms import WithRooms
from gateway.admin.api.simulate import check_sight, policies_of
from gateway.audit.entries import entry
from gateway.simulation.cases import MOST_TESTS, Case
from gateway.simulation.running import Result, Runner, run_cases

router = APIRouter(prefix="/policies", tags=["simulation"], responses=PROBLEMS)

_EXAMPLE: dict[str, JsonValue] = {
    "tests": [
        {
            "name": "traders see their own desk",
            "as": {"user": "trader1"},
            "sql": "SELECT * FROM iceberg.trading.trades",
            "expect": {"filter": {"contains": "desk = 'CAISO'"}},
        }
    ]
}


class Tests(BaseModel):
    """Policy tests as a file of them has them."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    tests: list[Case] = Field(min_length=1, max_length=MOST_TESTS)
    changeset: UUID | None = Field(None, description="Under the policies as this changeset would make them.")


class FailureBody(BaseModel):
    """One expectation that was not met."""

    expectation: str
    expected: str
    found: str


class ResultBody(BaseModel):
    """What became of one test."""

    name: str
    passed: bool
    failures: list[FailureBody]


class TestsRun(BaseModel):
    """What became of all tests, in their order."""

    passed: int
    failed: int
    results: list[ResultBody]
    policy_version: str


@router.post("/test")
async def run_policy_tests(asked: Tests, caller: Reader, rooms: WithRooms) -> TestsRun:
    """Run policy tests. Statements are run only where rows are expected, which takes a steward; no value is told."""
    if any(case.expect.runs for case in asked.tests) and "steward" not in caller.roles:
        raise Problem(403, "forbidden", "Tests that run statements (rows, row_count) take a steward.")
    policies = await policies_of(rooms, caller, asked.changeset)
    texts = "\0".join(case.sql for case in asked.tests)
    detail = {
        "tests": len(asked.tests),
        "sql_sha256": hashlib.sha256(texts.encode()).hexdigest(),
        "changeset": str(asked.changeset) if asked.changeset is not None else None,
    }
    users = ", ".join(sorted({case.as_.user for case in asked.tests}))
    rooms.house.recorder.must_note(entry("policy.simulate", actor=caller.name, subject=users, detail=detail))
    runner = Runner(rooms.house.engines, rooms.house.catalog, show=False)
    results = await run_cases(rooms.house, policies, asked.tests, runner)
    for each in results:
        check_sight(caller, rooms, each.simulated)
    passed = sum(each.passed for each in results)
    return TestsRun(
        passed=passed,
        failed=len(results) - passed,
        results=[_result(each) for each in results],
        policy_version=policies.version,
    )


def _result(found: Result) -> ResultBody:
    failures = [FailureBody(expectation=f.expectation, expected=f.expected, found=f.found) for f in found.failures]
    return ResultBody(name=found.name, passed=found.passed, failures=failures)
