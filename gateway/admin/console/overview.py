"""The first page: is the gateway well, which policies are in force, what waits for somebody."""

from __future__ import annotations

from starlette.responses import Response

from gateway.admin.api.changesets import list_changesets
from gateway.admin.api.partners import list_partners
from gateway.admin.console.visiting import Visit, problem_of
from gateway.admin.health import run_all
from gateway.changesets.index import index_of
from gateway.changesets.model import State

_COUNTED = 100
_WAITING: tuple[State, ...] = ("draft", "shadow")


async def page(visit: Visit) -> Response:
    """Show the state of the gateway in a few figures. A store that is away leaves out what only it knows."""
    files = visit.rooms.house.policies
    keeps = visit.is_a("auditor", "steward")
    checks, problem, waiting, partners = await run_all(visit.console.checks), None, [""] * len(_WAITING), ""
    try:
        if files.store is not None:
            waiting = [await _waiting(visit, state) for state in _WAITING]
        partners = await _partners(visit) if keeps else ""
    except Exception as error:  # noqa: BLE001  (the page is there to say what is wrong)
        problem = problem_of(error).body
    return visit.page(
        "overview.html",
        checks=checks,
        problem=problem,
        version=files.current().version,
        policies=sum(item.standing == "live" for item in (await index_of(files)).items) if keeps else None,
        warnings=files.current().warnings if keeps else (),
        waiting=dict(zip(_WAITING, waiting, strict=True)),
        partners=partners,
    )


async def _waiting(visit: Visit, state: State) -> str:
    found = await list_changesets(visit.caller, visit.rooms, "", state, None, _COUNTED)
    return f"{len(found.items)}{'+' if found.next else ''}"


async def _partners(visit: Visit) -> str:
    found = await list_partners(visit.caller, visit.rooms, "", _COUNTED)
    return f"{len(found.items)}{'+' if found.next else ''}"
