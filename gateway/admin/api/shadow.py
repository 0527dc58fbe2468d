"""`/api/v1/changesets/{id}/shadow`: what a changeset in shadow would have made of what was asked since."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from gateway.admin.api.callers import Caller, Reader
from gateway.admin.api.diff import AWAY, manages
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, cursor, no_such_page
from gateway.admin.api.problems import PROBLEMS
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.changesets.model import State
from gateway.changesets.steps import answering
from gateway.changesets.store import changesets_of
from gateway.recording.bounded import StoreAway
from gateway.replay.differences import Kind
from gateway.replay.shadow_store import MOST_ROWS, Row, ShadowStore, Totals

router = APIRouter(tags=["comparison"], responses=PROBLEMS)


class ShadowDifference(BaseModel):
    """Statements of one user and one shape that the changeset would have made otherwise, all in the same way."""

    kind: Kind
    table: str = Field(description="The table that is shown otherwise; empty where it is the statement as a whole.")
    columns: list[str]
    user: str
    fingerprint: str = Field(description="The statements' shape: equal for texts that differ in literals only.")
    reason: str
    count: int
    first_seen: datetime
    last_seen: datetime
    example: str = Field(description="The id of one of the queries.")


class ShadowReport(BaseModel):
    """What a changeset's time in shadow came to so far; what was asked just now may follow within seconds."""

    changeset: UUID
    revision: int = Field(description="Of the changeset while it was in shadow; 0 where nothing was compared yet.")
    state: State
    running: bool = Field(description="It is in shadow now.")
    compared: int = Field(description="Statements that were planned again.")
    failed: int = Field(
        description="Those of them of which nothing can be said: an engine did not describe its tables."
    )
    dropped: int = Field(description="Statements that there was no room for.")
    first_seen: datetime | None
    last_seen: datetime | None
    kinds: dict[str, int] = Field(description="Differing statements by what is different.")
    full: bool = Field(description=f"There are {MOST_ROWS} differences: others are not kept any more.")
    items: list[ShadowDifference] = Field(description="Those seen most often first; an owner sees those of his tables.")
    next: str | None


@router.get("/changesets/{changeset_id}/shadow")
async def get_shadow(
    changeset_id: Annotated[UUID, Path(description="The changeset's id.")],
    caller: Reader,
    rooms: WithRooms,
    after: After,
    limit: Limit = 100,
) -> ShadowReport:
    """Tell in what a changeset in shadow differs from the policies in force, by the statements of all workers."""
    async with answering():
        changeset = await changesets_of(rooms.house.policies).get(str(changeset_id))
    start = _offset(after)
    try:
        totals, rows = await _read(rooms.shadows, caller, rooms, changeset.id, start, limit + 1)
    except StoreAway:
        raise AWAY from None
    return ShadowReport(
        changeset=changeset_id,
        revision=totals.revision if totals else 0,
        state=changeset.state,
        running=changeset.state == "shadow",
        compared=totals.compared if totals else 0,
        failed=totals.failed if totals else 0,
        dropped=totals.dropped if totals else 0,
        first_seen=moment_of(totals.first_seen) if totals else None,
        last_seen=moment_of(totals.last_seen) if totals else None,
        kinds=dict(totals.kinds) if totals else {},
        full=totals is not None and totals.rows >= MOST_ROWS,
        items=[_shown(row) for row in rows[:limit]],
        next=cursor(str(start + limit)) if len(rows) > limit else None,
    )


async def _read(
    store: ShadowStore, caller: Caller, rooms: Rooms, changeset: str, start: int, limit: int
) -> tuple[Totals | None, list[Row]]:
    totals = await store.totals(changeset)
    if totals is None:
        return None, []
    tables = None
    if not caller.roles & {"steward", "auditor"}:
        found = await store.tables(changeset, totals.revision)
        tables = [table for table in found if manages(table, caller, rooms)]
    return totals, list(await store.rows(changeset, totals.revision, limit, start, tables))


def _offset(after: str) -> int:
    if not after:
        return 0
    if not after.isascii() or not after.isdigit() or len(after) > 6:
        raise no_such_page()
    return int(after)


def _shown(row: Row) -> ShadowDifference:
    return ShadowDifference(
        kind=row.kind,  # type: ignore[arg-type]  # checked by the model: the store keeps text
        table=row.table,
        columns=list(row.columns),
        user=row.user,
        fingerprint=row.fingerprint,
        reason=row.reason,
        count=row.count,
        first_seen=moment_of(row.first_seen),
        last_seen=moment_of(row.last_seen),
        example=row.example,
    )
