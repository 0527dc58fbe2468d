"""Make a changeset live, and take it back: one transaction over its documents, in force here before the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from gateway.admin.api.callers import Caller
from gateway.admin.api.problems import Fault, Problem
from gateway.admin.api.rooms import Rooms
from gateway.changesets.compiling import Proposal, compiled
from gateway.changesets.lifecycle import check_open, check_touch, proposed
from gateway.changesets.model import Changeset
from gateway.changesets.proposing import Write
from gateway.changesets.rights import Ground, check_no_raise, check_rights, ground_of
from gateway.changesets.steps import seen_as, told
from gateway.changesets.store import ChangesetStore, Done, changesets_of
from gateway.house import House
from gateway.policy_files import PolicyFiles
from gateway.policy_store.store import StaleVersion, Version

_TRIES = 8
"""How often a step is made anew because another change of policies came first."""


async def promote(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """Make a draft or a shadow live, here at once and everywhere within seconds.

    Raises Problem 409 where a document that it edits has moved since it was begun, 403, 412; PolicyError with every
    fault. Nothing has changed then.
    """
    house = rooms.house
    store = changesets_of(house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(house, "promote", caller, seen):
        check_open(seen)
        _check_eyes(house, caller, seen)
        async with house.policies.lock:
            for _ in range(_TRIES):
                await house.policies.follow_store()
                try:
                    done = await _promoted(house, store, caller, seen)
                    break
                except StaleVersion:
                    continue
            else:
                raise StaleVersion
    await rooms.announce()  # who does not answer finds the change in the store soon
    return done


async def _promoted(house: House, store: ChangesetStore, caller: Caller, seen: Changeset) -> Changeset:
    start = time.monotonic()
    proposal = await proposed(house, store, seen)
    ground = _ground(house, proposal.heads)
    check_touch(caller, seen, house)
    _check_unmoved(seen, proposal.live)
    await check_no_raise(house, caller, seen.edits, ground, proposal.policies)
    made = replace(seen, state="live", promoted_by=caller.name)
    done = await store.apply(seen, made, "promote", caller.name, proposal.writes, proposal.heads)
    await _put_in_force(house.policies, proposal, done, start)
    return done.changeset


async def roll_back(rooms: Rooms, caller: Caller, changeset_id: str, revision: int) -> Changeset:
    """Restore exactly what was before a changeset was live. Raises Problem 409 where something newer stands on it."""
    house = rooms.house
    store = changesets_of(house.policies)
    seen = await seen_as(store, changeset_id, revision)
    async with told(house, "roll back", caller, seen):
        if seen.state != "live":
            fault = Fault(field="state", reason=f"it is {seen.state}", fix="Only what is live can be rolled back.")
            raise Problem(409, "wrong_state", f"The changeset is {seen.state}, not live.", errors=[fault])
        before = await _versions(store, {name: its.before for name, its in seen.moved.items()})
        made = await _versions(store, {name: its.after for name, its in seen.moved.items()})
        async with house.policies.lock:
            for _ in range(_TRIES):
                await house.policies.follow_store()
                try:
                    done = await _rolled_back(house, store, caller, seen, before, made)
                    break
                except StaleVersion:
                    continue
            else:
                raise StaleVersion
    await rooms.announce()
    return done


async def _rolled_back(
    house: House,
    store: ChangesetStore,
    caller: Caller,
    seen: Changeset,
    before: Mapping[str, Version],
    made: Mapping[str, Version],
) -> Changeset:
    start, live = time.monotonic(), await store.policies.live()
    now = {each.name: each for each in live}
    _check_newest(seen, made, now)
    texts = {name: before[name].document if name in before else None for name in seen.moved}
    writes = tuple(Write(name, now.get(name), text) for name, text in sorted(texts.items()))
    policies = await compiled(house.policies, (seen.id, seen.revision, "back"), live, writes)
    proposal = Proposal(seen, live, writes, policies)
    ground = _ground(house, proposal.heads)
    for each in (ground, replace(ground, live={**ground.live, **before})):
        check_rights(caller, seen.edits, each)
        if {seen.author, seen.promoted_by} != {caller.name}:  # else he only goes back to where he was
            await check_no_raise(house, caller, seen.edits, each, policies)
    undone = replace(seen, state="rolled_back")
    done = await store.apply(seen, undone, "roll back", caller.name, writes, proposal.heads)
    await _put_in_force(house.policies, proposal, done, start)
    return done.changeset


def _ground(house: House, heads: Mapping[str, str]) -> Ground:
    """Return what rights are judged against, if it is what the store has live. Raises StaleVersion."""
    ground = ground_of(house)
    if {name: each.id for name, each in ground.live.items()} != dict(heads):
        raise StaleVersion
    return ground


def _check_eyes(house: House, caller: Caller, seen: Changeset) -> None:
    if house.config.governing.four_eyes and caller.name == seen.edited_by:
        reason = "you edited it last, and it takes a second pair of eyes"
        fault = Fault(field="edited_by", reason=reason, fix="Have somebody else look at it and promote it.")
        raise Problem(403, "four_eyes", reason[0].upper() + reason[1:] + ".", errors=[fault])


def _check_unmoved(seen: Changeset, live: tuple[Version, ...]) -> None:
    """Refuse a changeset whose documents are not those that it was begun with."""
    now = {each.name: each for each in live}
    moved = [name for name in seen.documents if seen.base.get(name) != (now[name].id if name in now else None)]
    if moved:
        faults = [Fault(field=name, reason=_since(now.get(name)), fix="Rebase the changeset.") for name in moved]
        detail = f"What it was made of has moved: {', '.join(moved)}. Rebase the changeset, look, and promote it then."
        raise Problem(409, "moved", detail, errors=faults)


def _check_newest(seen: Changeset, made: Mapping[str, Version], now: Mapping[str, Version]) -> None:
    """Refuse to take back what something newer stands on: what is live says something else than the changeset made.

    Where the newer change was rolled back itself, another version says the same.
    """
    newer = [name for name in seen.moved if _text(made.get(name)) != _text(now.get(name))]
    if newer:
        fix = "Roll the newer change back first, or make a changeset that undoes this one."
        faults = [Fault(field=name, reason=_since(now.get(name)), fix=fix) for name in newer]
        detail = f"Something newer stands on it: {', '.join(newer)}. Nothing was rolled back."
        raise Problem(409, "newer", detail, errors=faults)


def _text(version: Version | None) -> str | None:
    return version.document if version is not None else None


def _since(version: Version | None) -> str:
    if version is None:
        return "it was taken out of force meanwhile"
    return f"its version {version.version} is live, by {version.author}: {version.note}"


async def _versions(store: ChangesetStore, ids: Mapping[str, str | None]) -> dict[str, Version]:
    """Return versions of documents by the documents' names; none where there was none."""
    found: dict[str, Version] = {}
    for name, version_id in ids.items():
        version = await store.policies.version(version_id) if version_id is not None else None
        if version is not None:
            found[name] = version
        elif version_id is not None:
            raise Problem(
                409, "gone", f"A version of {name} that the changeset was about is not in the store any more."
            )
    return found


async def _put_in_force(files: PolicyFiles, proposal: Proposal, done: Done, start: float) -> None:
    """Let what was written act here, for who holds the lock."""
    if len(done.made) < sum(each.text is not None for each in proposal.writes):
        await files.follow_store()  # only the store knows what was written: its answer was lost
        return
    changed = {each.name for each in proposal.writes}
    live = (*(each for each in proposal.live if each.name not in changed), *done.made)
    ordered = tuple(sorted(live, key=lambda each: each.name))
    await files.accept(ordered, proposal.policies, time.monotonic() - start)
