"""Parts that many entries of the policy language share: whom a rule is about, when it holds, what it is about."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field, field_validator, model_validator

from policies.bounds import ALWAYS, FOREVER, Bounds
from policies.strict import Strict, Word

_PATTERN = re.compile(r"\*|[^.*\s]+(\.[^.*\s]+){0,2}(\.\*)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TAG = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+){0,7}")


class Named(Strict):
    """The principals that a rule may name: roles, groups, single users, or everybody (`roles: all`)."""

    roles: tuple[Word, ...] | Literal["all"] = ()
    groups: tuple[Word, ...] = ()
    users: tuple[Word, ...] = ()


class Whom(Named):
    """Say whom a rule is about."""

    @model_validator(mode="after")
    def _somebody(self) -> Whom:
        if not self.roles and not self.users and not self.groups:
            raise ValueError("say whom this is about: `roles: [...]`, `roles: all`, `groups: [...]` or `users: [...]`")
        return self


class Lasting(Strict):
    """Say from when to when a rule holds; the end itself is outside."""

    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    @field_validator("valid_from", "valid_until", mode="before")
    @classmethod
    def _midnight(cls, value: object) -> object:
        """Read a bare day as its first moment in UTC."""
        if isinstance(value, str) and _DAY.fullmatch(value):
            return f"{value}T00:00:00Z"
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if isinstance(value, str | datetime) or value is None:
            return value
        raise ValueError("write a day, or a moment with its zone: 2027-01-31T18:00:00Z")

    @model_validator(mode="after")
    def _in_order(self) -> Lasting:
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise ValueError("`valid_until` must lie after `valid_from`")
        return self


def check_conditions(value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Check conditions on attributes: each lists at least one value."""
    if not value or not all(value.values()):
        raise ValueError("`when` lists at least one attribute, and each at least one value")
    return value


def listed(value: object) -> object:
    """Read a single value of a condition as a list of one."""
    if isinstance(value, dict):
        return {name: [found] if isinstance(found, str) else found for name, found in value.items()}
    return value


class Conditional(Lasting):
    """Say for which callers a rule holds, by their verified attributes, and when."""

    when: dict[Word, tuple[Word, ...]] | None = None

    _listed = field_validator("when", mode="before")(listed)

    @field_validator("when")
    @classmethod
    def _values(cls, value: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
        return None if value is None else check_conditions(value)


def bounds_of(lasting: Lasting, when: dict[str, tuple[str, ...]] | None) -> Bounds:
    """Return the bounds that an entry states."""
    start = -FOREVER if lasting.valid_from is None else lasting.valid_from.timestamp()
    end = FOREVER if lasting.valid_until is None else lasting.valid_until.timestamp()
    conditions = tuple(sorted((name, frozenset(values)) for name, values in (when or {}).items()))
    found = Bounds(conditions, start, end)
    return ALWAYS if found == ALWAYS else found


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


def check_table(value: str) -> str:
    """Check a table's name: three parts, none a wildcard."""
    if value.count(".") != 2 or not _PATTERN.fullmatch(value) or "*" in value:
        raise ValueError(f"`{value}` must name one table: catalog.schema.table")
    return value


def check_tag(value: str) -> str:
    """Check a tag: lower-case words, joined by dots from the general to the particular."""
    if not _TAG.fullmatch(value):
        raise ValueError(f"`{value}` is no tag: write lower-case words joined by dots, as in pii.email")
    return value


Tags = tuple[Word, ...]


class Tagged(Strict):
    """Tags of a table and of its columns; several entries for one table add up."""

    table: str
    tags: Tags = ()
    columns: dict[Word, Tags] = Field(default_factory=dict)

    _table = field_validator("table")(check_table)

    @field_validator("tags")
    @classmethod
    def _each(cls, value: Tags) -> Tags:
        return tuple(check_tag(tag) for tag in value)

    @field_validator("columns", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return listed(value)

    @field_validator("columns")
    @classmethod
    def _of_columns(cls, value: dict[str, Tags]) -> dict[str, Tags]:
        return {name: tuple(check_tag(tag) for tag in tags) for name, tags in value.items()}

    @model_validator(mode="after")
    def _something(self) -> Tagged:
        if not self.tags and not any(self.columns.values()):
            raise ValueError("list at least one tag, under `tags:` or by column under `columns:`")
        return self
