"""The sections of materialized views: which there are, how they are kept, and what is declared of tables under them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from catalog.materialized_views import Definition, ForeignKey, Integrity, Key, State
from catalog.objects import TableName
from engines.limits import seconds_of
from gateway.config.section import Section


def table_named(text: str) -> TableName:
    """Read `catalog.schema.table`. Raises ValueError."""
    parts = text.split(".")
    if len(parts) != 3 or not all(parts) or text != text.lower():
        raise ValueError(f"`{text}` must be catalog.schema.table, in lower case")
    return TableName(*parts)


def staleness_of(text: str | None) -> float | None:
    """Read a duration such as `5m`. Raises ValueError."""
    seconds = None if text is None else seconds_of(text)
    if text is not None and seconds is None:
        raise ValueError(f"`{text}` is no duration: write 30s, 5m or 2h")
    return seconds


StateFunction = Literal["uniqExact", "uniq", "quantileExact", "quantileTDigest", "argMax", "argMin"]
"""Aggregates of ClickHouse whose states views keep."""


class ViewState(Section):
    """A column that is kept as a state of an aggregate."""

    column: str
    function: StateFunction
    arguments: tuple[str, ...] = Field(min_length=1, max_length=2)
    """Trino expressions over the base tables."""

    @model_validator(mode="after")
    def _arguments(self) -> ViewState:
        wanted = 2 if self.function in ("argMax", "argMin") else 1
        if len(self.arguments) != wanted:
            raise ValueError(f"states of {self.function} have {wanted} arguments")
        return self

    @property
    def known(self) -> State:
        """Return it as all others know it."""
        return State(self.column, self.function, self.arguments)


class ViewDefinition(Section):
    """One view to build."""

    name: str
    """The table of its rows, in a catalog of ClickHouse: catalog.schema.table."""
    sql: str = Field(min_length=1)
    catalog: str | None = None
    schema_: str | None = Field(default=None, alias="schema")
    """Where bare names of `sql` are looked up."""
    states: tuple[ViewState, ...] = ()
    rebuild: Literal["manual", "on_change"] = "manual"
    rebuild_seconds: float = Field(default=60.0, ge=1, allow_inf_nan=False)
    """`on_change`: no more often than this."""
    integrity: Integrity = "stale_tolerated"
    """The laxest level at which it may be used, whatever a session takes."""
    max_staleness: str | None = None
    """How far behind its base it may be used where staleness is tolerated, as `5m`; null: as far as a session says."""

    @field_validator("max_staleness")
    @classmethod
    def _duration(cls, value: str | None) -> str | None:
        staleness_of(value)
        return value

    @field_validator("name")
    @classmethod
    def _whole(cls, value: str) -> str:
        table_named(value)
        return value

    @field_validator("states")
    @classmethod
    def _once(cls, value: tuple[ViewState, ...]) -> tuple[ViewState, ...]:
        columns = [state.column for state in value]
        for column in columns:
            if columns.count(column) > 1:
                raise ValueError(f"two states are of the column `{column}`")
        return value

    @property
    def definition(self) -> Definition:
        """Return it as all others know it."""
        states = tuple(state.known for state in self.states)
        maintained: Literal["none", "full"] = "full" if self.rebuild == "on_change" else "none"
        return Definition(
            table_named(self.name),
            self.sql,
            self.catalog,
            self.schema_,
            states,
            maintained=maintained,
            integrity=self.integrity,
            max_staleness=staleness_of(self.max_staleness),
        )


class Shadow(Section):
    """How much of what views answer is compared with the base, after it was answered."""

    share: float = Field(default=0.01, ge=0, le=1, allow_inf_nan=False)
    """Of the statements answered from views."""
    first: int = Field(default=20, ge=0, le=100_000)
    """So many statements are compared in any case after a view was built; each worker counts for itself."""
    bytes_a_day: int = Field(default=50 * 1024**3, ge=0)
    """How much of the base each worker may read for it."""
    rows: int = Field(default=100_000, ge=1, le=10_000_000)
    """A result with more is not compared."""
    seconds: float = Field(default=300.0, gt=0, le=86_400, allow_inf_nan=False)
    """A comparison that takes longer is given up."""


class MaterializedViews(Section):
    """How views are found, kept fresh and used."""

    enabled: bool = True
    """Whether statements are answered from views at all; a session may still say no."""
    refresh_seconds: float = Field(default=5.0, ge=0.5, le=3600, allow_inf_nan=False)
    """How often it is looked whether tables under views changed."""
    verify_seconds: float = Field(default=60.0, ge=1, allow_inf_nan=False)
    """How often, at most, a constraint is tested again on data that changed."""
    cost_margin: float | None = Field(default=0.8, gt=0, le=10, allow_inf_nan=False)
    """A view is read where it takes less than this share of the bytes that the base takes; null: always."""
    staged_rows: int = Field(default=10_000, ge=0, le=1_000_000)
    """How many rows of views are written into a statement of the engine that has the base; more: the base is read."""
    staged_characters: int = Field(default=800_000, ge=0, le=100_000_000)
    """How long their text may be. Trino takes a million characters in all."""
    staged_seconds: float = Field(default=10.0, gt=0, le=600, allow_inf_nan=False)
    """How long such readings may take, before the base is read."""
    shadow: Shadow = Shadow()
    discover: bool = True
    """Whether ClickHouse's own materialized views are found; one is used only once it was compared with its base."""
    discover_bytes: int = Field(default=1024**3, ge=0)
    """A view over a base table with more bytes is not compared, and so not used."""
    definitions: tuple[ViewDefinition, ...] = ()

    @field_validator("definitions")
    @classmethod
    def _named_once(cls, value: tuple[ViewDefinition, ...]) -> tuple[ViewDefinition, ...]:
        names = [each.name for each in value]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two views are named `{name}`")
        return value


class KeyOf(Section):
    """No two rows of a table have the same values in these columns, NULLs aside."""

    table: str
    columns: tuple[str, ...] = Field(min_length=1)

    @field_validator("table")
    @classmethod
    def _whole(cls, value: str) -> str:
        table_named(value)
        return value


class ForeignKeyOf(Section):
    """Each row of a table has its row in another, by these columns, NULLs aside."""

    table: str
    columns: tuple[str, ...] = Field(min_length=1)
    references: str
    referenced: tuple[str, ...] = Field(min_length=1)

    @field_validator("table", "references")
    @classmethod
    def _whole(cls, value: str) -> str:
        table_named(value)
        return value

    @model_validator(mode="after")
    def _pairs(self) -> ForeignKeyOf:
        if len(self.columns) != len(self.referenced):
            raise ValueError("`columns` and `referenced` must be pairs")
        return self


class Constraints(Section):
    """What is declared of tables; it counts as proved only once it was tested on the data."""

    keys: tuple[KeyOf, ...] = ()
    foreign_keys: tuple[ForeignKeyOf, ...] = ()

    @property
    def declared(self) -> tuple[Key | ForeignKey, ...]:
        """Return them as the catalog knows them."""
        keys = [Key(table_named(each.table), each.columns) for each in self.keys]
        foreign = [
            ForeignKey(table_named(e.table), e.columns, table_named(e.references), e.referenced)
            for e in self.foreign_keys
        ]
        return (*keys, *foreign)
