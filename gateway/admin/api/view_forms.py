"""What is said about materialized views at `/api/v1/views`: bodies and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast

from pydantic import BaseModel, Field

from catalog.materialized_views import Integrity
from gateway.admin.api.moments import moment_of
from gateway.admin.api.registry import Body
from gateway.config.materialized_views import StateFunction
from gateway.views.describing import Described, State, columns_of, region_text, staleness_text
from gateway.views.opening import ViewRooms
from gateway.views.trying import Tried

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
    whole: bool = Field(
        default=False, strict=True, description="Build all rows anew, also those that nothing happened to."
    )


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


def whole_of(each: Described, own: ViewRooms, *, steward: bool) -> ViewWhole:
    """Return a view with all that a caller may know of it."""
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
        watermark=versions_of(view.watermark.versions if view.watermark else {}),
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


def versions_of(versions: object) -> dict[str, str]:
    """Return versions of base tables by name, as JSON has them."""
    return {str(name): version for name, version in dict(versions).items()}  # type: ignore[call-overload]  # JSON


def tried_of(found: Tried) -> TriedShown:
    """Return what would become of a definition."""
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
