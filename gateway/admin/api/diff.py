"""`/api/v1/changesets/{id}/diff`: what a draft would make of the recorded statements of the last days.

A comparison takes up to a minute, so it is a job: 202 with where to ask for it, by any worker and replica.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from catalog.objects import TableName
from gateway.admin.api.callers import Author, Caller, Reader
from gateway.admin.api.changesets import get_changeset
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import PROBLEMS, Problem
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.audit.entries import entry
from gateway.changesets.compiling import candidate
from gateway.changesets.steps import answering
from gateway.recording.bounded import StoreAway
from gateway.replay.jobs import Job
from gateway.replay.report import Group, Report

router = APIRouter(tags=["comparison"], responses=PROBLEMS)

Days = Annotated[float, Query(gt=0, le=90, description="How far back recorded statements are looked at.")]
Sample = Annotated[
    int,
    Query(ge=0, le=100, description="Of how many differing queries the rows are counted both ways, on their engines."),
]
AWAY = Problem(503, "store_away", "The store does not answer.")


class Diff(BaseModel):
    """A comparison: how far it is, and its report once it is done."""

    id: UUID
    changeset: UUID
    revision: int = Field(description="Of the changeset, when the comparison began.")
    author: str
    days: float
    sample: int
    state: Literal["running", "done", "cancelled", "failed"]
    done: int = Field(description="Distinct statements that were compared.")
    total: int
    made_at: datetime
    error: str = Field(description="Why it failed.")
    report: Report | None = None
    groups_of_others: int = Field(0, description="Groups about tables that the caller does not manage: not shown.")


class DiffPage(BaseModel):
    """Comparisons, a page of them."""

    items: list[Diff]
    next: str | None


@router.post(
    "/changesets/{changeset_id}/diff",
    status_code=202,
    responses={202: {"headers": {"Location": {"description": "Where to ask for it.", "schema": {"type": "string"}}}}},
)
async def start_diff(
    changeset_id: UUID, caller: Author, rooms: WithRooms, response: Response, days: Days = 7.0, sample: Sample = 0
) -> Diff:
    """Begin to compare a draft or shadow with the policies in force, over the recorded statements of the last days."""
    await get_changeset(changeset_id, caller, rooms, Response())  # to whom it is hidden, there is none to compare
    async with answering():
        changeset, draft = await candidate(rooms, str(changeset_id))
    live = rooms.house.policies.governing()
    detail = {"days": days, "sample": sample, "revision": changeset.revision}
    rooms.house.recorder.must_note(entry("policy.diff", actor=caller.name, subject=changeset.id, detail=detail))
    try:
        job = await rooms.diffs.start(changeset.id, changeset.revision, caller.name, days, sample, (live, draft))
    except StoreAway:
        raise AWAY from None
    if job is None:
        raise Problem(409, "busy", "Other comparisons are running: wait for one to end, or end it.")
    response.headers["Location"] = f"/api/v1/diffs/{job.id}"
    return shown(job, caller, rooms)


@router.get("/changesets/{changeset_id}/diff")
async def list_diffs(
    changeset_id: UUID, caller: Reader, rooms: WithRooms, after: After, limit: Limit = 100
) -> DiffPage:
    """List the comparisons of a changeset, the youngest first, without their reports. They are kept for a week."""
    try:
        jobs = await rooms.diffs.jobs.of(str(changeset_id), limit + 1, after)
    except StoreAway:
        raise AWAY from None
    items = [shown(job, caller, rooms) for job in jobs[:limit]]
    return DiffPage(items=items, next=next_of(jobs, limit, lambda job: job.id))


@router.get("/diffs/{diff_id}")
async def get_diff(diff_id: UUID, caller: Reader, rooms: WithRooms) -> Diff:
    """Tell how a comparison stands, with its report once it is done.

    Texts of statements and of policies are for stewards, and for owners of the tables that they are about.
    """
    return shown(await _found(diff_id, rooms), caller, rooms)


@router.post("/diffs/{diff_id}/cancel", status_code=202)
async def cancel_diff(diff_id: UUID, caller: Author, rooms: WithRooms) -> Diff:
    """End a comparison: its own author, or a steward. It ends within seconds; one that has ended stays as it is."""
    job = await _found(diff_id, rooms)
    if "steward" not in caller.roles and job.author != caller.name:
        raise Problem(403, "forbidden", f"The comparison is {job.author}'s.")
    try:
        ended = await rooms.diffs.jobs.cancel(str(diff_id))
    except StoreAway:
        raise AWAY from None
    return shown(ended or job, caller, rooms)


async def _found(diff_id: UUID, rooms: Rooms) -> Job:
    try:
        job = await rooms.diffs.jobs.get(str(diff_id))
    except StoreAway:
        raise AWAY from None
    if job is None:
        raise Problem(404, "not_found", f"There is no comparison {diff_id}, or it is older than a week.")
    return job


def shown(job: Job, caller: Caller, rooms: Rooms) -> Diff:
    """Return a comparison as a caller may see it."""
    report, hidden = (None, 0) if job.report is None else seen_by(job.report, caller, rooms)
    return Diff(
        id=UUID(job.id),
        changeset=UUID(job.changeset),
        revision=job.revision,
        author=job.author,
        days=job.days,
        sample=job.sample,
        state=job.state,
        done=job.done,
        total=job.total,
        made_at=moment_of(job.made_at),
        error=job.error,
        report=report,
        groups_of_others=hidden,
    )


def seen_by(report: Report, caller: Caller, rooms: Rooms) -> tuple[Report, int]:
    """Return what a caller may see of a report, and how many groups are withheld from him.

    Stewards see all of it, auditors everything but texts, owners the groups of their tables.
    """
    if "steward" in caller.roles:
        return report, 0
    if "auditor" in caller.roles:
        return report.model_copy(update={"groups": [_without_texts(each) for each in report.groups]}), 0
    own = [_own(each, caller, rooms) for each in report.groups if manages(each.table, caller, rooms)]
    return report.model_copy(update={"groups": own}), len(report.groups) - len(own)


def manages(table: str, caller: Caller, rooms: Rooms) -> bool:
    """Tell whether a caller may manage the policies of a table."""
    parts = table.split(".")
    if len(parts) != 3:
        return False
    return rooms.house.policies.current().may_manage(caller.principal.subject, TableName(*parts))


def _own(group: Group, caller: Caller, rooms: Rooms) -> Group:
    """Return an owner's group; of a statement that reads others' tables as well, the text is not his to see."""
    if all(manages(table, caller, rooms) for table in group.example.tables):
        return group
    return group.model_copy(update={"example": group.example.model_copy(update={"sql": None})})


def _without_texts(group: Group) -> Group:
    example = group.example.model_copy(update={"sql": None})
    return group.model_copy(update={"before": "", "after": "", "example": example})
