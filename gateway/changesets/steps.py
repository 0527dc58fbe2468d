"""What all steps of changesets share: who saw which revision, what is told of a step, and what a silent store means."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.admin.api.callers import Caller
from gateway.admin.api.problems import Fault, Problem
from gateway.changesets.model import Changeset
from gateway.changesets.store import ChangesetStore, StaleRevision, Step, step_entry
from gateway.events import ChangesetStepped
from gateway.house import House
from gateway.policy_store.store import ChangeUnknown, PolicyStoreError, StaleVersion


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Turn what the store raises into problems that say what was written: nothing, or nobody knows."""
    try:
        yield
    except StaleRevision:
        raise _stale() from None
    except StaleVersion:
        detail = "Other changes of policies came before this one again and again: nothing was changed."
        raise Problem(
            409, "busy", detail, errors=[Fault(field="", reason="others were first", fix="Try again.")]
        ) from None
    except ChangeUnknown:
        detail = "The policy store fell silent in the midst of it: whether the change was made is not known."
        fix = "Look at the changeset again when the store answers: its state and revision tell."
        raise Problem(503, "change_unknown", detail, errors=[Fault(field="", reason="no answer", fix=fix)]) from None
    except PolicyStoreError:
        detail = "The policy store does not answer: nothing was changed, and the policies before stay in force."
        raise Problem(
            503, "store_away", detail, errors=[Fault(field="", reason="no answer", fix="Try again.")]
        ) from None


@asynccontextmanager
async def told(house: House, step: Step, caller: Caller, seen: Changeset) -> AsyncIterator[None]:
    """Tell what became of a step; the audit keeps refusals for lack of rights too."""
    async with answering():
        try:
            yield
        except Problem as problem:
            if problem.status == 403:
                noted = step_entry(step, seen, caller.name, outcome="refused", reason=problem.body.detail)
                house.recorder.note(noted)
                house.bus.publish(ChangesetStepped(seen.id, step, False, caller.name))
            raise
        house.bus.publish(ChangesetStepped(seen.id, step, True, caller.name))


async def seen_as(store: ChangesetStore, changeset_id: str, revision: int) -> Changeset:
    """Return the changeset that somebody saw. Raises Problem 404, or 412 where it has changed since."""
    async with answering():
        found = await store.get(changeset_id)
    if found.revision != revision:
        raise _stale()
    return found


def _stale() -> Problem:
    detail = "Somebody changed the changeset since you read it: nothing was done."
    fault = Fault(field="If-Match", reason="is not its revision any more", fix="Read it again, and send its ETag.")
    return Problem(412, "stale", detail, errors=[fault])
