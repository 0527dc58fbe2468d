"""`/api/v1/views`: materialized views, how they stand, and what is done with them; see docs/materialized-views.md."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import ValidationError

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition, State
from catalog.objects import Table, TableName
from gateway.admin.api.callers import Anyone, Caller, Steward
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Fault, Problem, unfit
from gateway.admin.api.registry import problem_of
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.admin.api.view_forms import (
    Build,
    BuiltShown,
    DefinitionGiven,
    Release,
    StateGiven,
    TriedShown,
    Views,
    ViewShown,
    ViewWhole,
    tried_of,
    versions_of,
    whole_of,
)
from gateway.audit.entries import Kind, entry
from gateway.config.materialized_views import ViewState, staleness_of, table_named
from gateway.partners.database import Refused, RegistryError
from gateway.rewriting.shadow.quarantines import release
from gateway.views.describing import Described, described, visible
from gateway.views.opening import ViewRooms
from gateway.views.trying import try_definition
from policies.decisions import Action, TableDecision

router = APIRouter(prefix="/views", tags=["views"])

VIEW_NAME = r"^[^./A-Z\x00-\x20\x7f]{1,128}(\.[^./A-Z\x00-\x20\x7f]{1,128}){2}$"
ViewName = Annotated[str, Path(pattern=VIEW_NAME, description="The table of the view's rows: catalog.schema.table.")]


@router.get("", operation_id="list_views")
async def list_views(caller: Anyone, rooms: WithRooms, after: After, limit: Limit = 100) -> Views:
    """List views: to stewards and auditors all, to others those whose base tables they may read whole."""
    found = [each for each in _seen(caller, rooms) if str(each.view.name) > after][: limit + 1]
    items = [ViewShown.of(each) for each in found[:limit]]
    return Views(items=items, next=next_of(found, limit, lambda each: str(each.view.name)))


@router.get("/{view}", operation_id="show_view")
async def show_view(view: ViewName, caller: Anyone, rooms: WithRooms) -> ViewWhole:
    """Show one view with its definition, columns, watermark and what moved under it since."""
    return whole_of(_find(view, caller, rooms), _registry(rooms), steward="steward" in caller.roles)


@router.post("/{view}/build", operation_id="build_view")
async def build_view(view: ViewName, body: Build, caller: Steward, rooms: WithRooms) -> BuiltShown:
    """Build a view from its base, or build it again; the old rows stay in use until the new ones are whole."""
    own = _registry(rooms)
    definition = _definition(view, body.definition) if body.definition else _known(view, own)
    try:
        built = await own.maker.build(definition, whole=body.whole)
    except Refusal as refusal:
        _note(rooms, "view.build", caller, view, outcome="failed", detail={"error": refusal.code.name})
        raise _refused(refusal) from None
    mark = built.view.watermark
    watermark = versions_of(mark.versions if mark else {})
    _note(rooms, "view.build", caller, view, detail={"rows": built.fill.rows, "sql": definition.sql})
    return BuiltShown(
        name=view,
        rows=built.fill.rows,
        kept=built.fill.kept,
        scanned_bytes=built.scanned_bytes,
        seconds=round(built.seconds, 3),
        replaced=built.fill.replaced,
        watermark=watermark,
    )


@router.post("/{view}/check", operation_id="check_view")
async def check_view(view: ViewName, body: Build, caller: Steward, rooms: WithRooms) -> TriedShown:
    """Say what would become of a definition; nothing is built."""
    own = _registry(rooms)
    definition = _definition(view, body.definition) if body.definition else _known(view, own)
    try:
        found = await try_definition(definition, rooms.house.catalog)
    except Refusal as refusal:
        raise _refused(refusal) from None
    return tried_of(found)


@router.delete("/{view}", status_code=204, operation_id="drop_view")
async def drop_view(view: ViewName, caller: Steward, rooms: WithRooms) -> None:
    """Drop a view's table; statements that it answered are answered from the base."""
    try:
        dropped = await _registry(rooms).maker.drop(_named(view))
    except Refusal as refusal:
        if refusal.code is ErrorCode.NOT_SUPPORTED:  # its catalog keeps no views, so there is none
            raise Problem(404, "not_found", f"there is no view {view}") from None
        raise _refused(refusal) from None
    if not dropped:
        raise Problem(404, "not_found", f"there is no view {view}")
    _note(rooms, "view.drop", caller, view)


@router.post("/{view}/release", operation_id="release_view")
async def release_view(view: ViewName, body: Release, caller: Steward, rooms: WithRooms) -> ViewShown:
    """Let a view that was found wrong be used again: whoever does so knows why it will not be wrong again."""
    own = _registry(rooms)
    try:
        await own.quarantines.change(release(view, body.reason, by=caller.name, now=time.time()))
    except (Refused, RegistryError) as error:
        raise problem_of(error) from None
    await own.views.fresh()
    return ViewShown.of(_find(view, caller, rooms))


def _registry(rooms: Rooms) -> ViewRooms:
    found = rooms.house.view_rooms
    if found is None or not rooms.house.config.materialized_views.enabled:
        raise Problem(404, "not_found", "materialized views are switched off: materialized_views.enabled")
    return found


def _seen(caller: Caller, rooms: Rooms) -> tuple[Described, ...]:
    known = _registry(rooms).views.known()
    if caller.roles & {"steward", "auditor"}:
        return described(known)
    policies, subject = rooms.house.policies.current(), caller.principal.subject

    def decide(action: Action, table: Table) -> TableDecision:
        return policies.decide(subject, action, table)

    return visible(known, decide)


def _find(view: str, caller: Caller, rooms: Rooms) -> Described:
    """Return a view that a caller may know of. Raises Problem 404: the same for hidden ones and for none."""
    found = next((each for each in _seen(caller, rooms) if str(each.view.name) == view), None)
    if found is None:
        raise Problem(404, "not_found", f"there is no view {view} that you may see")
    return found


def _named(view: str) -> TableName:
    """Return the table of a view. Raises Problem 404: names are in lower case, so no view has another."""
    try:
        return table_named(view)
    except ValueError as error:
        raise Problem(404, "not_found", f"there is no view {view}: {error}") from None


def _known(view: str, own: ViewRooms) -> Definition:
    name = _named(view)
    wanted = own.wanted.get(name)
    if wanted is not None:
        return wanted
    found = next((each for each in own.views.known().views if each.name == name), None)
    if found is None or not found.definition.sql:
        fix = "Send a definition, or write it into the configuration's materialized_views.definitions."
        fault = Fault(field="definition", reason="none is known", fix=fix)
        raise Problem(404, "not_found", f"there is no view {view}", errors=[fault])
    return found.definition


def _definition(view: str, given: DefinitionGiven) -> Definition:
    states = [_state(number, state) for number, state in enumerate(given.states)]
    try:
        staleness = staleness_of(given.max_staleness)
    except ValueError as error:
        raise unfit("definition.max_staleness", str(error)) from None
    return Definition(
        _named(view),
        given.sql,
        given.catalog,
        given.schema_,
        tuple(states),
        integrity=given.integrity,
        max_staleness=staleness,
    )


def _state(number: int, given: StateGiven) -> State:
    try:
        return ViewState(column=given.column, function=given.function, arguments=tuple(given.arguments)).known
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise unfit(f"definition.states.{number}", reason) from None


def _refused(refusal: Refusal) -> Problem:
    fault = Fault(field="definition", reason=refusal.message, fix=refusal.hint or "")
    status = 409 if refusal.code is ErrorCode.ALREADY_EXISTS else 422
    return Problem(status, refusal.code.name.lower(), refusal.message, errors=[fault])


def _note(
    rooms: Rooms,
    kind: Kind,
    caller: Caller,
    view: str,
    *,
    outcome: str = "done",
    detail: dict[str, object] | None = None,
) -> None:
    rooms.house.recorder.note(entry(kind, actor=caller.name, subject=view, outcome=outcome, detail=detail))
