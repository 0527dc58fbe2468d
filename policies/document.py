"""The policy language: what a policy file may say, as strict models. Unknown keys are errors.

Nothing here decides; `policies.compile` turns documents into the index that does.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from policies.decisions import Action
from policies.mask_specs import MaskSpec, kind_written_bare
from policies.strict import Strict, Word

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
    "read",
    "write",
    "all",
]
READ = frozenset({Action.SELECT, Action.EXPLAIN})
WRITE = frozenset({Action.INSERT, Action.UPDATE, Action.DELETE, Action.CREATE_TABLE, Action.DROP_TABLE})
_PATTERN = re.compile(r"\*|[^.*\s]+(\.[^.*\s]+){0,2}(\.\*)?")


def actions_of(words: tuple[ActionWord, ...]) -> frozenset[Action]:
    """Return the actions that a list of words grants; `read`, `write` and `all` stand for several."""
    meant: set[Action] = set()
    for word in words:
        if word == "all":
            meant |= set(Action) - {Action.KILL}
        elif word == "read":
            meant |= READ
        elif word == "write":
            meant |= WRITE
        else:
            meant.add(Action(word))
    return frozenset(meant)


class Whom(Strict):
    """Say whom a rule is about: roles, single users, or everybody (`roles: all`)."""

    roles: tuple[Word, ...] | Literal["all"] = ()
    users: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _somebody(self) -> Whom:
        if not self.roles and not self.users:
            raise ValueError("say whom this is about: `roles: [...]`, `roles: all` or `users: [...]`")
        return self


class Role(Strict):
    """A role; whoever holds it holds the roles it inherits too."""

    description: str | None = None
    inherits: tuple[Word, ...] = ()


class User(Strict):
    """A known user: roles and attributes that hold without any claim; claims add to them."""

    roles: tuple[Word, ...] = ()
    attributes: dict[Word, str] = Field(default_factory=dict)


def check_pattern(value: str) -> str:
    """Check an asset pattern: `*`, `catalog.*`, `catalog.schema.*` or `catalog.schema.table`."""
    if not _PATTERN.fullmatch(value):
        raise ValueError(f"`{value}` is no asset: write *, catalog.*, catalog.schema.* or catalog.schema.table")
    parts = value.split(".")
    if len(parts) < 3 and parts[-1] != "*":
        raise ValueError(f"`{value}` names no table; for all that it contains write `{value}.*`")
    if len(parts) == 4:
        raise ValueError(f"`{value}` is too deep; columns are listed under `columns:`")
    return value


class Grant(Whom):
    """Allow or deny actions on assets. Nothing is allowed that no grant allows; a deny wins over every allow."""

    id: Word | None = None
    assets: tuple[str, ...]
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
        if not value:
            raise ValueError("name at least one asset")
        return tuple(check_pattern(v) for v in value)

    @model_validator(mode="after")
    def _whole(self) -> Grant:
        if bool(self.allow) == bool(self.deny):
            raise ValueError("write either `allow: [...]` or `deny: [...]`")
        if self.columns is not None and (not self.columns or any(p.endswith("*") for p in self.assets)):
            raise ValueError("`columns` must be non-empty and needs `assets` to name single tables")
        if self.columns is not None and set(self.allow or self.deny) != {"select"}:
            raise ValueError("`columns` goes with `select` only")
        return self


def check_table(value: str) -> str:
    """Check a table's name: three parts, none a wildcard."""
    if value.count(".") != 2 or not _PATTERN.fullmatch(value) or "*" in value:
        raise ValueError(f"`{value}` must name one table: catalog.schema.table")
    return value


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


class RowFilter(Whom):
    """Show the named readers only the rows for which an SQL condition holds.

    All filters that name a reader must hold (AND). Filters with the same `group` form one alternative (OR) among
    themselves. `filter: none` says on purpose that this reader is not filtered by this statement.
    """

    id: Word | None = None
    table: str
    filter: str
    group: Word | None = None

    _table = field_validator("table")(check_table)


class ColumnMask(Strict):
    """Show the named readers a masked value instead of a column's.

    A mask for a role goes before those for the roles that it inherits. `mask: none` shows the value in the clear.
    The platform's form is understood as well: `mask_type` (a transformation's name, a kind, or a literal) and
    `apply_to_roles`.
    """

    id: Word | None = None
    table: str
    column: Word
    roles: tuple[Word, ...] | Literal["all"] = ()
    users: tuple[Word, ...] = ()
    mask: MaskSpec | Literal["none"] | None = None
    mask_type: str | None = None
    apply_to_roles: tuple[Word, ...] = ()

    @field_validator("mask", mode="before")
    @classmethod
    def _bare_kind(cls, value: object) -> object:
        if value is None:
            return {"kind": "null"}
        if isinstance(value, str) and value != "none":
            return {"kind": value}
        return kind_written_bare(value)

    @model_validator(mode="after")
    def _whole(self) -> ColumnMask:
        if (self.mask is None) == (self.mask_type is None):
            raise ValueError("write either `mask:` or, in the platform's form, `mask_type:`")
        if self.mask is None and (self.roles or self.users):
            raise ValueError("`mask_type` goes with `apply_to_roles`")
        if self.mask is not None and self.apply_to_roles:
            raise ValueError("`mask` goes with `roles` or `users`")
        if not self.roles and not self.users and not self.apply_to_roles:
            raise ValueError("say whom this is about: `roles: [...]`, `roles: all` or `users: [...]`")
        return self


class Transformation(Strict):
    """A named mask in the platform's form: a template whose stars hide and whose trailing digits show."""

    name: Word
    type: Literal["masking"]
    template: str = Field(min_length=1, max_length=128)


class PlatformPart(Strict):
    """What may stand under `clickhouse:`: the platform's form for tables of one catalog."""

    catalog: Word = "clickhouse"
    transformations: tuple[Transformation, ...] = ()
    column_masks: tuple[ColumnMask, ...] = ()


class Defaults(Strict):
    """Complete the short table names of the platform's form."""

    catalog: Word | None = None
    schema_: Word | None = Field(default=None, alias="schema")


class Impersonation(Whom):
    """Let the named principals act for others."""

    may_act_as: Acted


class Acted(Strict):
    """For whom a principal may act: single users, everybody with a role, or all."""

    users: tuple[Word, ...] | Literal["all"] = ()
    roles: tuple[Word, ...] = ()


class SessionProperties(Whom):
    """Let the named readers set session properties; `catalog.*` stands for all of a catalog's."""

    allow: tuple[Word, ...]


class Queries(Whom):
    """Let the named people see or cancel the queries of others."""

    allow: tuple[Literal["view", "kill"], ...]


class MaskKey(Strict):
    """A key for hashes: the environment variable that holds it, and the engines that can take it safely.

    A hash puts its key into the engine's SQL text. List only engines whose query text nobody but the gateway's
    operators can read.
    """

    env: Word
    engines: tuple[Word, ...]


class Document(Strict):
    """One policy file; several files together form one policy."""

    version: Literal[1]
    defaults: Defaults = Defaults()
    roles: dict[Word, Role | None] = Field(default_factory=dict)
    users: dict[Word, User] = Field(default_factory=dict)
    grants: tuple[Grant, ...] = ()
    protected: tuple[Protected, ...] = ()
    row_filters: tuple[RowFilter, ...] = ()
    column_masks: tuple[ColumnMask, ...] = ()
    transformations: tuple[Transformation, ...] = ()
    clickhouse: PlatformPart = PlatformPart()
    impersonation: tuple[Impersonation, ...] = ()
    session_properties: tuple[SessionProperties, ...] = ()
    queries: tuple[Queries, ...] = ()
    keys: dict[Word, MaskKey] = Field(default_factory=dict)


Impersonation.model_rebuild()
