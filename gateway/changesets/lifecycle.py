"""The way of a changeset until it is live: begun, edited, set beside what is live, discarded; each step whole."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.admin.api.callers import Caller
from gateway.admin.api.problems import Fault, Problem
from gateway.admin.api.rooms import Rooms
from gateway.changesets.checking import checked
from gateway.changesets.compiling import Proposal, based_on, propose
from gateway.changesets.model import MAX_EDITS, OPEN, Changeset, Edit, State
from gateway.changesets.proposing import conflicts
from gateway.changesets.rights import check_no_raise, check_rights, ground_of, is_steward
from gateway.changesets.steps import seen_as, told
from gateway.changesets.store import ChangesetStore, Step, changesets_of
from gateway.house import House

Change = Callable[[tuple[Edit, ...]], Sequence[Edit]]


async def begin(rooms: Rooms, caller: Caller, title: str, note: str, edits: Sequence[Edit]) -> Changeset:
    """Begin a draft; with edits, only if the policies would be whole with all of them. Raises Problem, PolicyError."""
    house = rooms.house
    store, now = changesets_of(house.policies), time.time()
    found = checked(_not_too_many(edits))
    made = Changeset(str(uuid.uuid4()), 0, 1, "draft", title, note, caller.name, caller.name, now, now, edits=found)
    async with told(house, "begin", caller, made):
        live = await store.policies.live()
        made = replace(made, base={each.name: each.id for each in live})
        check_rights(caller, made.edits, ground_of(house))
        if made.edits:
            await propose(house, store, made, live)
        return await store.begin(made)


async def edit(
    rooms: Rooms, caller: Caller, changeset_id: str, revision: int, change: Change, words: tuple[str, str] | None = None
) -> Changeset:
    """Change a draft's edits, and its title and note. What it says together is checked when it is submitted."""
    store = changesets_of(rooms.house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(rooms.house, "edit", caller, seen):
        check_touch(caller, seen, rooms.house)
        if seen.state != "draft":
            fix = "Recall it first." if seen.state == "shadow" else "Begin another one."
            raise _not(seen, "a draft", fix)
        edits = checked(_not_too_many(change(seen.edits)))
        check_rights(caller, edits, ground_of(rooms.house))
        title, note = words or (seen.title, seen.note)
        made = replace(seen, edits=edits, title=title, note=note, edited_by=caller.name)
        return await store.change(seen, made, "edit", caller.name)


async def submit(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """Let a draft run as a shadow beside what is live, if the policies are whole with it."""
    return await _turn(rooms, caller, changeset_id, revision, "submit", "draft", "shadow")


async def recall(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """Make a shadow a draft again."""
    return await _turn(rooms, caller, changeset_id, revision, "recall", "shadow", "draft")


async def discard(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """End a draft or a shadow without its ever having acted."""
    store = changesets_of(rooms.house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(rooms.house, "discard", caller, seen):
        check_touch(caller, seen, rooms.house)
        check_open(seen)
        return await store.change(seen, replace(seen, state="discarded"), "discard", caller.name)


async def rebase(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """Put an open changeset on what is live now. Raises Problem 409 with each edit of what was changed meanwhile."""
    house = rooms.house
    store = changesets_of(house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(house, "rebase", caller, seen):
        check_touch(caller, seen, house)
        check_open(seen)
        live = await store.policies.live()
        now = {each.name: each for each in live}
        moved = conflicts(seen, await based_on(store, seen, now), now)
        if moved:
            raise Problem(409, "changed_meanwhile", f"{moved[0].field}: {moved[0].reason}", errors=moved)
        made = replace(seen, base={name: each.id for name, each in now.items()})
        if made.edits:
            await propose(house, store, made, live)
        return await store.change(seen, made, "rebase", caller.name)


async def _turn(
    rooms: Rooms, caller: Caller, changeset_id: str, revision: int, step: Step, before: State, after: State
) -> Changeset:
    house = rooms.house
    store = changesets_of(house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(house, step, caller, seen):
        check_touch(caller, seen, house)
        if seen.state != before:
            raise _not(seen, f"a {before}", "Look at what became of it.")
        if step == "submit":
            proposal = await proposed(house, store, seen)
            await check_no_raise(house, caller, seen.edits, ground_of(house), proposal.policies)
        return await store.change(seen, replace(seen, state=after), step, caller.name)


async def proposed(house: House, store: ChangesetStore, seen: Changeset) -> Proposal:
    """Compile a changeset over what the store has live. Raises Problem 409 for one that changes nothing."""
    proposal = await propose(house, store, seen, await store.policies.live())
    if not proposal.writes:
        raise Problem(409, "changes_nothing", "The changeset changes nothing of what is live.")
    return proposal


def check_touch(caller: Caller, seen: Changeset, house: House) -> None:
    """Refuse whoever may not make what the changeset says. Raises Problem 403."""
    ground = ground_of(house)
    if not seen.edits and caller.name != seen.author and not is_steward(caller, ground.policies):
        raise Problem(403, "forbidden", f"The changeset is {seen.author}'s, and empty.")
    check_rights(caller, seen.edits, ground)


def check_open(seen: Changeset) -> None:
    """Refuse a changeset that has ended. Raises Problem 409."""
    if seen.state not in OPEN:
        raise _not(seen, "a draft or a shadow", "Begin another one.")


def _not(seen: Changeset, wanted: str, fix: str) -> Problem:
    detail = f"The changeset is {seen.state}, not {wanted}."
    return Problem(409, "wrong_state", detail, errors=[Fault(field="state", reason=f"it is {seen.state}", fix=fix)])


def _not_too_many(edits: Sequence[Edit]) -> Sequence[Edit]:
    if len(edits) > MAX_EDITS:
        reason = f"{len(edits)} are more than the {MAX_EDITS} that a changeset holds"
        fault = Fault(field="edits", reason=reason, fix="Put a whole document instead, or use several changesets.")
        raise Problem(422, "invalid", f"edits: {reason}", errors=[fault])
    return edits
