"""`/api/v1/coach`: what a statement would cost, why, and what could be run instead; nothing is run.

Anybody may ask about statements of his own. An owner may ask as others about statements over tables that he manages,
a steward or auditor about all.
"""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog.errors import Refusal
from gateway.admin.api.callers import Anyone, Caller, Reader
from gateway.admin.api.coach_answers import Advised, Figures, Suggestion, advised, figures, suggestion, usd_text
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.admin.api.simulate import MAX_SQL, Name
from gateway.audit.derive import sql_hash
from gateway.audit.entries import entry
from gateway.coaching.coach import Coach
from gateway.coaching.considering import Considered, consider
from gateway.coaching.recorded import Costly
from gateway.received import Received, Session
from gateway.recording.bounded import StoreAway
from gateway.replay.statements import Statement, as_received
from gateway.simulation.question import Question, received

router = APIRouter(prefix="/coach", tags=["coach"])
_DAY = 86_400.0
_AWAY = Problem(503, "store_away", "The store does not answer.")


class Asked(BaseModel):
    """A statement as somebody would send it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"sql": "SELECT * FROM iceberg.curated.lmp_prices"}]}
    )

    sql: str = Field(min_length=1, max_length=MAX_SQL)
    user: Name | None = Field(None, description="As whom; as the caller by default.")
    catalog: Name | None = None
    schema_: Name | None = Field(None, alias="schema")
    time_zone: Name = "UTC"
    source: Name | None = Field(None, description="The application, as X-Trino-Source names it.")


class Apply(BaseModel):
    """Which of a statement's alternatives to return."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}]})

    alternative: int | None = Field(
        None, ge=1, le=20, description="By its number; by default the cheapest with the same result."
    )


class Applied(Suggestion):
    """A cheaper form of a recorded statement, to be run by who wrote it."""

    query_id: str
    original: Figures | None


class Offender(BaseModel):
    """A form of statement that costs more than it would have to."""

    fingerprint: str
    query_id: str = Field(description="The youngest of them.")
    user: str = Field(description="Who sent that one.")
    users: int
    runs: int
    cost_usd: str = Field(description="What all of them cost in the time.", examples=["1.250000000"])
    waste_usd: str = Field(description="Which part of it the cheapest alternative would have saved, as estimated.")
    suggestion: Suggestion | None


class Offenders(BaseModel):
    """Forms of statements by what they waste, the worst first."""

    items: list[Offender]
    days: int


@router.post("")
async def coach_statement(asked: Asked, caller: Anyone, rooms: WithRooms) -> Advised:
    """Tell what a statement would cost, whether it would run, and what could be run instead. Nothing is run."""
    as_another = asked.user is not None and asked.user != caller.name
    if as_another and not caller.roles & {"owner", "steward", "auditor"}:
        raise Problem(403, "forbidden", f"{caller.name} may ask about statements of his own, and of nobody else.")
    found = await _considered(_received(asked, caller, rooms), rooms)
    if as_another:
        _check_sight(caller, rooms, found)
        detail = {"sql_sha256": sql_hash(asked.sql), "for": "coach"}
        rooms.house.recorder.must_note(
            entry("policy.simulate", actor=caller.name, subject=asked.user or "", outcome="done", detail=detail)
        )
    return advised(found)


@router.post("/{query_id}/apply")
async def apply_advice(query_id: str, asked: Apply, caller: Anyone, rooms: WithRooms) -> Applied:
    """Return a cheaper form of a recorded statement: the cheapest with the same result, or the alternative chosen."""
    statement = await _recorded(query_id, caller, rooms)
    coach, policies = _coach(rooms), rooms.house.policies.governing()
    if statement.cut:
        raise Problem(409, "text_cut", "The statement's text was too long to be kept whole.")
    again = as_received(statement, policies, time.time())
    found = await _considered(again, rooms)
    if statement.user != caller.name:
        _check_sight(caller, rooms, found)
    if found.refusal is not None and found.estimate is None:
        raise found.refusal
    chosen = asked.alternative
    listed = found.advice.alternatives
    same = next((number for number, each in enumerate(listed, 1) if each.same_result), None)
    number = chosen if chosen is not None else same
    if number is None:
        raise Problem(409, "no_alternative", "There is no cheaper form of it with the same result.")
    if number > len(listed):
        raise unfit("alternative", f"there are {len(listed)}", "Choose one of them.")
    if found.planned is not None:
        coach.offer(found.planned, again, listed[number - 1 : number])
    original = found.estimate
    told = suggestion(number, listed[number - 1], original)
    return Applied(**told.model_dump(), query_id=query_id, original=figures(original) if original is not None else None)


@router.get("/offenders")
async def list_offenders(
    caller: Reader,
    rooms: WithRooms,
    days: Annotated[int, Query(ge=1, le=90, description="How far back.")] = 7,
    limit: Annotated[int, Query(ge=1, le=50, description="How many at most.")] = 10,
) -> Offenders:
    """List the forms of queries whose cost could have been lower, by how much: each is planned and priced again now."""
    await rooms.house.recorder.flush()
    recorded = rooms.spending.recorded
    if recorded is None:
        raise _off()
    try:
        costliest = await recorded.costliest(time.time() - days * _DAY, limit * 2)
    except StoreAway:
        raise _AWAY from None
    found = [each for one in costliest if (each := await _offender(one, caller, rooms)) is not None]
    found.sort(key=lambda each: (-float(each.waste_usd), each.fingerprint))
    return Offenders(items=found[:limit], days=days)


async def _offender(costly: Costly, caller: Caller, rooms: Rooms) -> Offender | None:
    """Price one form again; None where the caller may not know of it, or it cannot be run any more."""
    statement = costly.newest
    if statement.cut:
        return None
    try:
        again = as_received(statement, rooms.house.policies.governing(), time.time())
        found = await _considered(again, rooms)
        _check_sight(caller, rooms, found)
    except (Refusal, Problem):
        return None
    estimate = found.estimate
    if estimate is None:
        return None
    listed = found.advice.alternatives
    best = min(listed, key=lambda each: each.estimate.nano.likely, default=None)
    share = 1 - best.estimate.nano.likely / estimate.nano.likely if best is not None and estimate.nano.likely else 0.0
    return Offender(
        fingerprint=costly.fingerprint,
        query_id=statement.query_id,
        user=statement.user,
        users=costly.users,
        runs=costly.runs,
        cost_usd=usd_text(costly.nano),
        waste_usd=usd_text(int(costly.nano * max(0.0, share))),
        suggestion=suggestion(listed.index(best) + 1, best, estimate) if best is not None else None,
    )


async def _considered(asked: Received, rooms: Rooms) -> Considered:
    try:
        return await consider(_coach(rooms), asked, rooms.spending.foresee)
    except StoreAway:
        raise _AWAY from None


def _coach(rooms: Rooms) -> Coach:
    if rooms.spending.coach is None:
        raise _off()
    return rooms.spending.coach


def _off() -> Problem:
    return Problem(409, "pricing_off", "Nothing is priced here: the configuration says `pricing.mode: off`.")


def _received(asked: Asked, caller: Caller, rooms: Rooms) -> Received:
    question = Question(
        asked.user or caller.name,
        asked.sql,
        asked.catalog,
        asked.schema_,
        time_zone=asked.time_zone,
        source=asked.source,
    )
    made = received(question, rooms.house.policies.governing())
    if question.user != caller.name:
        return made
    session = Session(
        catalog=asked.catalog,
        schema=asked.schema_,
        time_zone=asked.time_zone,
        source=asked.source,
        capabilities=made.session.capabilities,
    )
    return Received(made.query_id, asked.sql, caller.principal, session, made.received_at)


async def _recorded(query_id: str, caller: Caller, rooms: Rooms) -> Statement:
    """Return a recorded statement that the caller may know of; others do not exist. Raises Problem 404."""
    await rooms.house.recorder.flush()
    recorded = rooms.spending.recorded
    if recorded is None:
        raise _off()
    try:
        found = await recorded.find(query_id)
    except StoreAway:
        raise _AWAY from None
    if found is None or (found.user != caller.name and not caller.roles & {"owner", "steward"}):
        raise Problem(404, "not_found", f"There is no statement {query_id} of yours.")
    return found


def _check_sight(caller: Caller, rooms: Rooms, found: Considered) -> None:
    """Refuse an owner what is about tables that he does not manage. Raises Problem 403, the same whether they exist."""
    if caller.roles & {"steward", "auditor"}:
        return
    policies, subject = rooms.house.policies.current(), caller.principal.subject
    if not found.touched or not all(policies.may_manage(subject, name) for name in found.touched):
        message = "An owner may ask about others' statements over tables whose policies he manages, and over no others."
        raise Problem(403, "forbidden", message)
