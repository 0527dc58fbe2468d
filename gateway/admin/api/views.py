"""`/api/v1/views`: materialized views, how they stand, and what is done with them; see docs/materialized-views.md."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from catalog.errors import ErrorCode, Refusal
from catalog.materialized_views import Definition, Integrity
from catalog.objects import Table, TableName
from gateway.admin.api.callers import Anyone, Caller, Steward
from gateway.admin.api.moments import moment_of
from gateway.admin.api.paging import After, Limit, next_of
from gateway.admin.api.problems import Fault, Problem, unfit
from gateway.admin.api.registry import Body, problem_of
from gateway.admin.api.rooms import Rooms, WithRooms
from gateway.audit.entries import Kind, entry
from gateway.config.materialized_views import StateFunction, ViewState, staleness_of, table_named
from gateway.partners.database import Refused, RegistryError
from gateway.rewriting.shadow.quarantines import release
from gateway.views.describing import (
    Described,
    State,
    columns_of,
    described,
    region_text,
    staleness_text,
    visible,
)
from gateway.views.opening import ViewRooms
from gateway.views.trying import Tried, try_definition
from policies.decisions import Action, TableDecision

router = APIRouter(prefix="/views", tags=["views"])

VIEW_NAME = r"^[^\s./A-Z\x00-\x1f\x7f]{1,128}(\.[^\s./A-Z\x00-\x1f\x7f]{1,128}){2}$"
ViewName = Annotated[str, Path(pattern=VIEW_NAME, description="The table of the view's rows: catalog.schema.table.")]
_Text = Annotated[str, Field(min_length=1, max_length=100_000)]
DURATION = r"^[0-9]{1,9}(\.[0-9]{1,9})?(ns|us|ms|s|m|h|d)$"
_Word = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


class StateGiven(Body):
    """A column to keep as a state."""

    column: _Word
    function: StateFunction
    arguments: Annotated[list[_Word], Field(min_length=1, max_length=2)]


class DefinitionGiven(Body):
    """What a view is to hold."""

    sql: _Text = Field(description="One query in Trino's SQL.")
    catalog: _Word | None = Field(default=None, description="Where bare names are looked up.")
    schema_: _Word | None = Field(default=None, alias="schema")
    states: Annotated[list[StateGiven], Field(max_length=200)] = Field(default_factory=list)
    integrity: Integrity = Field(
        default="stale_tolerated", description="The laxest level at which it may be used, whatever a session takes."
    )
    max_staleness: Annotated[str, Field(max_length=32, pattern=DURATION)] | None = Field(
        default=None, description="How far behind its base it may be used where staleness is tolerated: `5m`."
    )


class Build(Body):
    """What to build."""

    definition: DefinitionGiven | None = Field(
        default=None, description="Left out: the configuration's, else the one that the view was built by."
    )
    whole: bool = Field(default=False, description="Build all rows anew, also those that nothing happened to.")


class Release(Body):
    """Why a view may be used again."""

    reason: Annotated[str, Field(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Moved(BaseModel):
    """What happened to a base table since the view was built."""

    table: str
    appended_only: bool
    unknown: str | None = Field(description="Why nobody knows which rows changed; all come from the base then.")
    regions: list[str] | None = Field(description="Where changed rows lie; null for whoever is no steward.")


class ColumnShown(BaseModel):
    """One column of a view."""

    name: str
    type: str
    kind: str = Field(description="key, measure, state, or column where nothing is grouped.")
    expression: str = Field(description="Over base columns: t0 is the first table of the definition, and so on.")


class ViewShown(BaseModel):
    """A view as it stands."""

    name: str
    state: State
    reason: str | None
    base_tables: list[str]
    maintained: str
    integrity: Integrity = Field(description="The laxest level at which it may be used, whatever a session takes.")
    max_staleness: str | None = Field(description="How far behind its base it may be used; null: as sessions say.")
    built_at: datetime | None
    behind_since: datetime | None
    rows: int | None
    bytes: int | None

    @classmethod
    def of(cls, each: Described) -> ViewShown:
        """Return a view as lists show it."""
        view = each.view
        return cls(
            name=str(view.name),
            state=each.state,
            reason=each.reason,
            base_tables=[str(name) for name in each.bases],
            maintained=view.definition.maintained,
            integrity=view.definition.integrity,
            max_staleness=staleness_text(view.definition),
            built_at=_moment(view.watermark.built_at if view.watermark else None),
            behind_since=_moment(view.freshness.behind_since if view.freshness else None),
            rows=view.rows,
            bytes=view.bytes,
        )


class ViewWhole(ViewShown):
    """A view with all that is known of it."""

    sql: str
    catalog: str | None
    schema_: str | None = Field(serialization_alias="schema")
    states: list[StateGiven]
    columns: list[ColumnShown]
    watermark: dict[str, str] = Field(description="The version of each base table that its rows were computed from.")
    moved: list[Moved]
    configured: str = Field(description="same, different, or no: whether the configuration has this definition.")


class Views(BaseModel):
    """A page of views, by name."""

    items: list[ViewShown]
    next: str | None


class BuiltShown(BaseModel):
    """What a building came to."""

    name: str
    rows: int
    kept: int = Field(description="How many of the rows are old ones, that nothing happened to.")
    scanned_bytes: int = Field(description="What was read of the base.")
    seconds: float
    replaced: bool
    watermark: dict[str, str]


class TriedShown(BaseModel):
    """What would become of a definition."""

    usable: bool
    reason: str | None = Field(description="Why a view of it would answer nobody.")
    exact_only: bool = Field(description="Only a query that says the very same is answered.")
    base_tables: list[str]
    columns: list[ColumnShown]
    source: str = Field(description="What is asked of the base to fill it.")


@router.get("", operation_id="list_views")
async def list_views(caller: Anyone, rooms: WithRooms, after: After, limit: Limit = 100) -> Views:
    """List views: to stewards and auditors all, to others those whose base tables they may read whole."""
    found = [each for each in _seen(caller, rooms) if str(each.view.name) > after][: limit + 1]
    items = [ViewShown.of(each) for each in found[:limit]]
    return Views(items=items, next=next_of(found, limit, lambda each: str(each.view.name)))


@router.get("/{view}", operation_id="show_view")
async def show_view(view: ViewName, caller: Anyone, rooms: WithRooms) -> ViewWhole:
    """Show one view with its definition, columns, watermark and what moved under it since."""
    return _whole(_find(view, caller, rooms), _registry(rooms), steward="steward" in caller.roles)


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
    watermark = {} if mark is None else {str(name): version for name, version in mark.versions.items()}
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
    return _tried(found)


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
    try:
        states = [ViewState(column=s.column, function=s.function, arguments=tuple(s.arguments)) for s in given.states]
    except ValueError as error:
        raise unfit("definition.states", str(error).splitlines()[-1].strip()) from None
    try:
        staleness = staleness_of(given.max_staleness)
    except ValueError as error:
        raise unfit("definition.max_staleness", str(error)) from None
    return Definition(
        _named(view),
        given.sql,
        given.catalog,
        given.schema_,
        tuple(state.known for state in states),
        integrity=given.integrity,
        max_staleness=staleness,
    )


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


def _whole(each: Described, own: ViewRooms, *, steward: bool) -> ViewWhole:
    view, definition = each.view, each.view.definition
    wanted = own.wanted.get(view.name)
    configured = "no" if wanted is None else "same" if wanted.form == definition.form else "different"
    return ViewWhole(
        **ViewShown.of(each).model_dump(),
        sql=definition.sql,
        catalog=definition.catalog,
        schema_=definition.schema,
        states=[
            StateGiven(column=s.column, function=cast("StateFunction", s.function), arguments=list(s.arguments))
            for s in definition.states
        ],
        columns=_columns(each),
        watermark=_versions(view.watermark.versions if view.watermark else {}),
        moved=[
            Moved(
                table=str(change.table),
                appended_only=change.appended_only,
                unknown=change.unknown,
                regions=[region_text(region) for region in change.regions] if steward else None,
            )
            for change in (view.freshness.changes if view.freshness else ())
        ],
        configured=configured,
    )


def _columns(each: Described) -> list[ColumnShown]:
    return [ColumnShown(name=c.name, type=c.type, kind=c.kind, expression=c.expression) for c in columns_of(each)]


def _versions(versions: object) -> dict[str, str]:
    return {str(name): version for name, version in dict(versions).items()}  # type: ignore[call-overload]  # JSON


def _tried(found: Tried) -> TriedShown:
    return TriedShown(
        usable=found.described.reason is None,
        reason=found.described.reason,
        exact_only=found.described.prepared is not None and found.described.prepared.exact_only,
        base_tables=[str(name) for name in found.described.bases],
        columns=_columns(found.described),
        source=found.source,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else moment_of(seconds)
