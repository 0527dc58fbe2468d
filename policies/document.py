"""The policy language: what a policy file may say, as strict models. Unknown keys are errors.

Nothing here decides; `policies.compile` turns documents into the index that does.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from policies.budgets.entries import BudgetEntry, CapEntry
from policies.decisions import Action
from policies.licence_entries import AggregateOnly, Licence
from policies.mask_entries import ColumnMask, PlatformPart, Transformation
from policies.strict import Strict, Word
from policies.whom import Conditional, Tagged, Whom, check_pattern, check_table, check_tag

ActionWord = Literal[
    "select",
    "insert",
    "update",
    "delete",
    "create_table",
    "drop_table",
    "create_view",
    "drop_view",
    "create_schema",
    "drop_schema",
    "show_create",
    "show_stats",
    "explain",
    "manage_policies",
    "reveal",
    "read",
    "write",
    "all",
]
READ = frozenset({Action.SELECT, Action.EXPLAIN})
WRITE = frozenset({Action.INSERT, Action.UPDATE, Action.DELETE, Action.CREATE_TABLE, Action.DROP_TABLE})


def actions_of(words: tuple[ActionWord, ...]) -> frozenset[Action]:
    """Return the actions that a list of words grants; `read`, `write` and `all` stand for several.

    Who may do all with a table may not lift the policies on it: `manage_policies` and `reveal` are given by their own
    names only.
    """
    meant: set[Action] = set()
    for word in words:
        if word == "all":
            meant |= set(Action) - {Action.KILL, Action.MANAGE_POLICIES, Action.REVEAL}
        elif word == "read":
            meant |= READ
        elif word == "write":
            meant |= WRITE
        else:
            meant.add(Action(word))
    return frozenset(meant)


class Role(Strict):
    """A role; whoever holds it holds the roles it inherits too."""

    description: str | None = None
    inherits: tuple[Word, ...] = ()


class Group(Strict):
    """A group, known by name so that a misspelt one is noticed; tokens and `users` say who is in it."""

    description: str | None = None


class User(Strict):
    """A known user: roles, groups and attributes that hold without any claim; claims add to them."""

    roles: tuple[Word, ...] = ()
    groups: tuple[Word, ...] = ()
    attributes: dict[Word, str] = Field(default_factory=dict)


class Grant(Whom, Conditional):
    """Allow or deny actions on assets. Nothing is allowed that no grant allows; a deny wins over every allow.

    With a `tag` the rule is about what carries it, within `assets`: of a tagged table all, else the tagged columns.
    """

    id: Word | None = None
    assets: tuple[str, ...] = ()
    tag: str | None = None
    allow: tuple[ActionWord, ...] = ()
    deny: tuple[ActionWord, ...] = ()
    columns: tuple[Word, ...] | None = None
    """Limit the rule to these columns; only for single tables."""

    @field_validator("assets", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("assets")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(check_pattern(v) for v in value)

    @field_validator("tag")
    @classmethod
    def _known_form(cls, value: str | None) -> str | None:
        return None if value is None else check_tag(value)

    @model_validator(mode="after")
    def _whole(self) -> Grant:
        if bool(self.allow) == bool(self.deny):
            raise ValueError("write either `allow: [...]` or `deny: [...]`")
        if not self.assets and self.tag is None:
            raise ValueError("name at least one asset, or a `tag`")
        if self.tag is not None and (
            self.columns is not None or not set(self.allow or self.deny) <= {"select", "read"}
        ):
            raise ValueError("`tag` goes with `select` or `read` only, and without `columns`")
        if self.columns is not None and (not self.columns or any(p.endswith("*") for p in self.assets)):
            raise ValueError("`columns` must be non-empty and needs `assets` to name single tables")
        if self.columns is not None and set(self.allow or self.deny) != {"select"}:
            raise ValueError("`columns` goes with `select` only")
        return self


class Protected(Strict):
    """Mark a table (or everything in a schema or catalog) as protected.

    Of a protected table nothing is readable by omission: whoever reads it needs a row filter statement that names
    him (`filter: none` is one), and only classified columns exist. `open` columns are for everybody with a grant;
    `sensitive` ones need a mask statement that names the reader (`mask: none` is one).
    """

    table: str
    open: tuple[Word, ...] = ()
    sensitive: tuple[Word, ...] = ()

    @field_validator("table")
    @classmethod
    def _pattern(cls, value: str) -> str:
        return check_pattern(value)

    @model_validator(mode="after")
    def _whole(self) -> Protected:
        if self.table.endswith("*") and (self.open or self.sensitive):
            raise ValueError("columns can be classified for single tables only")
        twice = set(self.open) & set(self.sensitive)
        if twice:
            raise ValueError(f"both open and sensitive: {', '.join(sorted(twice))}")
        return self


class RowFilter(Whom, Conditional):
    """Show the named readers only the rows for which an SQL condition holds.

    All filters that name a reader must hold (AND). Filters with the same `group` form one alternative (OR) among
    themselves. `filter: none` says on purpose that this reader is not filtered by this statement.
    """

    id: Word | None = None
    table: str
    filter: str
    group: Word | None = None
    guard: bool | Literal["auto"] = "auto"
    """Whether conditions wait behind this filter on Trino: those that could fail on a value (auto), all, or none."""

    _table = field_validator("table")(check_table)


class Defaults(Strict):
    """Complete the short table names of the platform's form."""

    catalog: Word | None = None
    schema_: Word | None = Field(default=None, alias="schema")


class Impersonation(Whom):
    """Let the named principals act for others."""

    id: Word | None = None
    may_act_as: Acted


class Acted(Strict):
    """For whom a principal may act: single users, everybody with a role, or all."""

    users: tuple[Word, ...] | Literal["all"] = ()
    groups: tuple[Word, ...] = ()
    roles: tuple[Word, ...] = ()


class SessionProperties(Whom):
    """Let the named readers set session properties; `catalog.*` stands for all of a catalog's."""

    id: Word | None = None
    allow: tuple[Word, ...]


class Queries(Whom):
    """Let the named people see or cancel the queries of others."""

    id: Word | None = None
    allow: tuple[Literal["view", "kill"], ...]


class Administration(Whom):
    """Let the named people govern through the admin API."""

    id: Word | None = None
    allow: tuple[Literal["owner", "steward", "auditor"], ...] = Field(min_length=1)


class MaskKey(Strict):
    """A key for hashes: the environment variable that holds it, and the engines that can take it safely.

    A hash puts a key derived from this one into the engine's SQL text. List only engines whose query text nobody but
    the gateway's operators can read. `tenant` is the attribute of the caller that names his tenant: each has keys of
    its own, and a caller without it sees no such column.
    """

    env: Word
    engines: tuple[Word, ...]
    tenant: Word | None = None


class Document(Strict):
    """One policy file; several files together form one policy."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    roles: dict[Word, Role | None] = Field(default_factory=dict)
    groups: dict[Word, Group | None] = Field(default_factory=dict)
    users: dict[Word, User] = Field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    unclassified: Literal["deny", "mask", "allow"] | None = None
    """What becomes of a protected table's columns that nobody classified; `deny` where no file says otherwise."""
    protected: tuple[Protected, ...] = ()
    tags: tuple[Tagged, ...] = ()
    licences: tuple[Licence, ...] = ()
    partners: Whom | None = None
    """Who is meant by `no_partner`."""
    engine_regions: dict[Word, Word] = Field(default_factory=dict)
    """Where engines run, by the configuration's names: what `allowed_regions` is held against besides the caller."""
    aggregate_only: tuple[AggregateOnly, ...] = ()
    row_filters: tuple[RowFilter, ...] = ()
    column_masks: tuple[ColumnMask, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    clickhouse: PlatformPart = PlatformPart()
    impersonation: tuple[Impersonation, ...] = ()
    session_properties: tuple[SessionProperties, ...] = ()
    queries: tuple[Queries, ...] = ()
    administration: tuple[Administration, ...] = ()
    keys: dict[Word, MaskKey] = Field(default_factory=dict)
    budgets: tuple[BudgetEntry, ...] = ()
    caps: tuple[CapEntry, ...] = ()


Impersonation.model_rebuild()
