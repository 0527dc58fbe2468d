"""`/api/v1/changesets`: changes of policies, from a draft to what is live and back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Path, Query, Response

from gateway.admin.api.callers import Author, Caller, Reader
from gateway.admin.api.changeset_forms import (
    ChangesetHead,
    Changesets,
    ChangesetShown,
    ChangesetText,
    EditEffects,
    effects_of,
    head_of,
    shown,
)
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.policies import Text, number_of
from gateway.admin.api.preconditions import STALE
from gateway.admin.api.preconditions import Version as Revision
from gateway.admin.api.problems import Problem
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.changesets import lifecycle, promoting
from gateway.changesets.model import (
    MAX_EDITS,
    Changeset,
    Edit,
    State,
)
from gateway.changesets.rights import OWNED, Ground, check_rights, ground_of, touched
from gateway.changesets.rows import Head
from gateway.changesets.steps import answering
from gateway.changesets.store import ChangesetStore, changesets_of

router = APIRouter(tags=["changesets"])
Id = Annotated[UUID, Path(description="The changeset's id.")]
Number = Annotated[int, Path(ge=0, le=MAX_EDITS, description="The edit's place in `edits`, from 0.")]


@router.post("/changesets", status_code=201, operation_id="begin_changeset")
async def begin_changeset(body: ChangesetText, caller: Author, rooms: WithRooms, response: Response) -> ChangesetShown:
    """Begin a draft. With edits, it is made only if the policies would be whole with all of them."""
    made = await lifecycle.begin(rooms, caller, body.title, body.note, body.edits)
    response.headers["Location"] = f"/api/v1/changesets/{made.id}"
    return shown(made, response)


@router.get("/changesets", operation_id="list_changesets")
async def list_changesets(
    caller: Reader,
    rooms: WithRooms,
    after: After,
    state: Annotated[State | None, Query(description="Changesets in this state only.")] = None,
    author: Annotated[Text | None, Query(description="Changesets that this person began only.")] = None,
    limit: Limit = 100,
) -> Changesets:
    """List changesets, the youngest first. Owners see those that they may edit."""
    store, ground, before = changesets_of(rooms.house.policies), ground_of(rooms.house), number_of(after)
    found: list[Head] = []
    async with answering():
        while len(found) <= limit:
            page = await store.heads(state, author, before, limit + 1)
            found += [each for each in page if await _may_list(caller, each, store, ground)]
            if len(page) <= limit:
                break
            before = page[-1].number
    return Changesets(
        items=[ChangesetHead(**head_of(each, each.documents, each.edit_count)) for each in found[:limit]],
        next=next_of(found, limit, lambda each: str(each.number)),
    )


@router.get("/changesets/{changeset_id}", operation_id="get_changeset")
async def get_changeset(changeset_id: Id, caller: Reader, rooms: WithRooms, response: Response) -> ChangesetShown:
    """Show a changeset; its ETag is what changing it asks for."""
    return shown(await changeset_for(caller, rooms, changeset_id), response)


@router.get("/changesets/{changeset_id}/effects", operation_id="get_changeset_effects")
async def get_changeset_effects(changeset_id: Id, caller: Reader, rooms: WithRooms) -> EditEffects:
    """Show each edit of a changeset beside what is there now."""
    seen = await changeset_for(caller, rooms, changeset_id)
    ground = ground_of(rooms.house)
    return EditEffects(items=await asyncio.to_thread(effects_of, seen, ground))


@router.put("/changesets/{changeset_id}", operation_id="replace_changeset", responses=STALE)
async def replace_changeset(
    changeset_id: Id, body: ChangesetText, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Put a whole body in the place of a draft's."""
    edits, words = body.edits, (body.title, body.note)
    made = await lifecycle.edit(rooms, caller, str(changeset_id), revision, lambda _: edits, words)
    return shown(made, response)


@router.post("/changesets/{changeset_id}/edits", operation_id="add_edit", responses=STALE)
async def add_edit(
    changeset_id: Id,
    body: Annotated[Edit, Body()],
    caller: Author,
    rooms: WithRooms,
    revision: Revision,
    response: Response,
) -> ChangesetShown:
    """Add an edit to a draft."""
    made = await lifecycle.edit(rooms, caller, str(changeset_id), revision, lambda edits: (*edits, body))
    return shown(made, response)


@router.put("/changesets/{changeset_id}/edits/{number}", operation_id="replace_edit", responses=STALE)
async def replace_edit(
    changeset_id: Id,
    number: Number,
    body: Annotated[Edit, Body()],
    caller: Author,
    rooms: WithRooms,
    revision: Revision,
    response: Response,
) -> ChangesetShown:
    """Put an edit of a draft in the place of another."""
    made = await lifecycle.edit(rooms, caller, str(changeset_id), revision, lambda edits: _with(edits, number, [body]))
    return shown(made, response)


@router.delete("/changesets/{changeset_id}/edits/{number}", operation_id="remove_edit", responses=STALE)
async def remove_edit(
    changeset_id: Id, number: Number, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Take an edit out of a draft; those behind it move up."""
    made = await lifecycle.edit(rooms, caller, str(changeset_id), revision, lambda edits: _with(edits, number, []))
    return shown(made, response)


@router.post("/changesets/{changeset_id}/submit", operation_id="submit_changeset", responses=STALE)
async def submit_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Let a draft run as a shadow beside what is live, if the policies are whole with it."""
    return shown(await lifecycle.submit(rooms, caller, str(changeset_id), revision), response)


@router.post("/changesets/{changeset_id}/recall", operation_id="recall_changeset", responses=STALE)
async def recall_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Make a shadow a draft again, which can be edited."""
    return shown(await lifecycle.recall(rooms, caller, str(changeset_id), revision), response)


@router.post("/changesets/{changeset_id}/rebase", operation_id="rebase_changeset", responses=STALE)
async def rebase_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Put a draft or shadow on what is live now, if nothing that it edits was changed meanwhile."""
    return shown(await lifecycle.rebase(rooms, caller, str(changeset_id), revision), response)


@router.post("/changesets/{changeset_id}/promote", operation_id="promote_changeset", responses=STALE)
async def promote_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Make a draft or shadow live: all of it, here at once and on every replica within seconds."""
    return shown(await promoting.promote(rooms, caller, str(changeset_id), revision), response)


@router.post("/changesets/{changeset_id}/rollback", operation_id="roll_back_changeset", responses=STALE)
async def roll_back_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """Restore exactly what was before a live changeset, unless something newer stands on it."""
    return shown(await promoting.roll_back(rooms, caller, str(changeset_id), revision), response)


@router.post("/changesets/{changeset_id}/discard", operation_id="discard_changeset", responses=STALE)
async def discard_changeset(
    changeset_id: Id, caller: Author, rooms: WithRooms, revision: Revision, response: Response
) -> ChangesetShown:
    """End a draft or shadow without its ever having acted."""
    return shown(await lifecycle.discard(rooms, caller, str(changeset_id), revision), response)


def _with(edits: tuple[Edit, ...], number: int, instead: Sequence[Edit]) -> tuple[Edit, ...]:
    if number >= len(edits):
        raise Problem(404, "not_found", f"The changeset has {len(edits)} edits, none with the number {number}.")
    return (*edits[:number], *instead, *edits[number + 1 :])


async def changeset_for(caller: Caller, rooms: Rooms, changeset_id: UUID) -> Changeset:
    """Return a changeset to who may see it; to others there is none."""
    async with answering():
        found = await changesets_of(rooms.house.policies).get(str(changeset_id))
    if not _may_see(caller, found, ground_of(rooms.house)):
        raise Problem(404, "not_found", f"There is no changeset {changeset_id}.")
    return found


def _may_see(caller: Caller, seen: Changeset, ground: Ground) -> bool:
    """Tell whether a caller may see a changeset: an owner those of his own tables."""
    if caller.roles & {"steward", "auditor"}:
        return True
    known = bool(seen.edits) and all(touched(edit, ground) for edit in seen.edits)
    if not known and seen.author != caller.name:
        return False  # nobody can tell any more what it was about
    try:
        check_rights(caller, seen.edits, ground)
    except Problem:
        return False
    return True


async def _may_list(caller: Caller, seen: Head, store: ChangesetStore, ground: Ground) -> bool:
    """Tell whether a caller may see a changeset of a list; the edits are read only of those that might be his."""
    if caller.roles & {"steward", "auditor"}:
        return True
    return seen.sections <= OWNED and _may_see(caller, await store.get(seen.id), ground)
