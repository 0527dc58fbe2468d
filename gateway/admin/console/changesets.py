"""Pages of changesets: what each would change, how far it has come, and its next steps, each asked for once more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, cast, get_args
from uuid import UUID

from starlette.responses import Response

from gateway.admin.api import changesets as api
from gateway.admin.api.callers import Caller
from gateway.admin.api.changeset_forms import ChangesetShown, EditEffect
from gateway.admin.api.problems import Problem, unfit
from gateway.admin.api.rooms import Rooms
from gateway.admin.console.differences import by_lines
from gateway.admin.console.documents import Part, Parts, changed_parts, yaml_of
from gateway.admin.console.visiting import Visit, see_other
from gateway.changesets.model import OPEN, State

_PAGE = 50
_EDITS = 200
"""How many edits a page shows."""
Operation = Callable[[UUID, Caller, Rooms, int, Response], Awaitable[ChangesetShown]]


class Step(NamedTuple):
    """What can be done with a changeset, in which states, and what that means."""

    name: str
    title: str
    told: str
    states: frozenset[State]
    do: Operation


_DRAFT: frozenset[State] = frozenset({"draft"})
_SHADOW: frozenset[State] = frozenset({"shadow"})
_LIVE: frozenset[State] = frozenset({"live"})
STEPS = (
    Step(
        "promote",
        "Make it live",
        "All of it acts here at once, and on every replica within seconds.",
        OPEN,
        api.promote_changeset,
    ),
    Step(
        "submit",
        "Run it as a shadow",
        "It runs beside what is live and reports differences; it changes no answer.",
        _DRAFT,
        api.submit_changeset,
    ),
    Step(
        "recall",
        "Make it a draft again",
        "It stops running as a shadow, and can be edited.",
        _SHADOW,
        api.recall_changeset,
    ),
    Step(
        "rebase",
        "Rebase it",
        "It is put on what is live now, if nothing that it edits has changed.",
        OPEN,
        api.rebase_changeset,
    ),
    Step("discard", "Discard it", "It ends without its ever having acted.", OPEN, api.discard_changeset),
    Step(
        "rollback",
        "Roll it back",
        "Exactly what was before it is put in force again, on every replica within seconds.",
        _LIVE,
        api.roll_back_changeset,
    ),
)


class Shown(NamedTuple):
    """An edit, and what it changes of what is there now; of a changeset that has ended, what it says."""

    effect: EditEffect
    parts: Parts | None
    text: str


async def listing(visit: Visit) -> Response:
    """Show changesets, the youngest first."""
    asked = {name: visit.asked(name) for name in ("state", "author")}
    states = get_args(State)
    if asked["state"] and asked["state"] not in states:
        raise unfit("state", "there is no such", f"Choose one of {', '.join(states)}.")
    state = cast("State | None", asked["state"] or None)
    found = await api.list_changesets(
        visit.caller, visit.rooms, visit.position("after"), state, asked["author"] or None, _PAGE
    )
    return visit.page(
        "changesets.html", changesets=found.items, next=visit.address(after=found.next), asked=asked, states=states
    )


async def one(visit: Visit) -> Response:
    """Show a changeset, each edit against what is there now, and what can be done with it."""
    found = await _found(visit)
    effects = (await api.get_changeset_effects(found.id, visit.caller, visit.rooms)).items[:_EDITS]
    steps = [each for each in STEPS if found.state in each.states] if visit.is_a("owner", "steward") else []
    shown = await asyncio.to_thread(_shown, effects, found.state in OPEN)
    return visit.page("changeset.html", found=found, steps=steps, effects=shown)


def _shown(effects: Sequence[EditEffect], is_open: bool) -> list[Shown]:
    """Return edits for the eye. What was there when a changeset ended is not there any more to compare with."""
    if is_open:
        return [Shown(each, _against_now(each), "") for each in effects]
    return [_said(each) for each in effects]


def _said(effect: EditEffect) -> Shown:
    """Return what an edit says; of a whole document, which may hold thousands, the first entries."""
    if effect.after is None:
        return Shown(effect, None, "")
    if not effect.section:
        return Shown(effect, changed_parts(None, _document(effect.after)), "")
    return Shown(effect, None, yaml_of(effect.after))


def _against_now(effect: EditEffect) -> Parts:
    if not effect.section:
        return changed_parts(_document(effect.before), _document(effect.after))
    texts = [yaml_of(each) if each is not None else "" for each in (effect.before, effect.after)]
    lines = by_lines(*texts)
    return Parts([Part(effect.section, effect.key, lines)] if lines else [], 0)


def _document(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


async def confirm(visit: Visit) -> Response:
    """Ask once more before a step."""
    return visit.page("step.html", found=await _found(visit), step=_step(visit))


async def act(visit: Visit) -> Response:
    """Take a step with the changeset as it was seen, and show what became of it."""
    step, revision = _step(visit), visit.form.get("revision", "")
    if not (revision.isascii() and revision.isdigit() and len(revision) <= 18):
        raise unfit("revision", "is no revision of a changeset", "Open the changeset again.")
    done = await step.do(_id(visit), visit.caller, visit.rooms, int(revision), Response())
    return see_other(f"/ui/changesets/{done.id}")


async def _found(visit: Visit) -> ChangesetShown:
    return await api.get_changeset(_id(visit), visit.caller, visit.rooms, Response())


def _id(visit: Visit) -> UUID:
    try:
        return UUID(visit.request.path_params["id"])
    except ValueError:
        raise Problem(404, "not_found", "There is no such changeset.") from None


def _step(visit: Visit) -> Step:
    found = next((each for each in STEPS if each.name == visit.request.path_params["step"]), None)
    if found is None:
        raise Problem(404, "not_found", "There is no such step.")
    return found
