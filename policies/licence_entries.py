"""Licence terms, residency and minimum groups as a policy file writes them: restrictions that no grant overrides."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from policies.strict import Strict, Word
from policies.whom import Whom, check_pattern, check_table, check_tag

_DELAY = re.compile(r"([1-9]\d{0,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Embargo(Strict):
    """Hide the rows whose moment lies less than `delay` back; `column` is a timestamp."""

    column: Word
    delay: str

    @field_validator("delay")
    @classmethod
    def _readable(cls, value: str) -> str:
        if not _DELAY.fullmatch(value):
            raise ValueError("write a number and a unit: 90s, 15m, 24h, 3d")
        return value

    @property
    def seconds(self) -> int:
        """Return the delay in seconds."""
        found = _DELAY.fullmatch(self.delay)
        return int(found[1]) * _SECONDS[found[2]] if found else 0


class DisplayOnly(Strict):
    """Show the data in listed applications only.

    An application is known by X-Trino-Source, which anybody can send: it counts only from the principals listed as
    trusted, by the name that they proved to bear.
    """

    sources: tuple[Word, ...] = Field(min_length=1)
    trusted: tuple[Word, ...] = Field(min_length=1)


class Licence(Strict):
    """Terms of a dataset: a table, all below a schema or catalog, or whatever carries a tag."""

    id: Word | None = None
    table: str | None = None
    tag: str | None = None
    no_partner: bool = False
    no_export: bool = False
    display_only: DisplayOnly | None = None
    embargo: Embargo | None = None
    allowed_regions: tuple[Word, ...] | None = None

    @field_validator("table")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        return None if value is None else check_pattern(value)

    @field_validator("tag")
    @classmethod
    def _known_form(cls, value: str | None) -> str | None:
        return None if value is None else check_tag(value)

    @model_validator(mode="after")
    def _whole(self) -> Licence:
        if (self.table is None) == (self.tag is None):
            raise ValueError("write either `table:` or `tag:`")
        if not (self.no_partner or self.no_export or self.display_only or self.embargo or self.allowed_regions):
            raise ValueError("state at least one term: no_partner, no_export, display_only, embargo, allowed_regions")
        if self.embargo is not None and self.table is not None and self.table.endswith("*"):
            raise ValueError("an embargo is for a single table or a tag: it names a column")
        return self


class AggregateOnly(Whom):
    """Let the named readers have aggregates over at least so many rows of a table, and never a row."""

    id: Word | None = None
    table: str
    min_group_size: Annotated[int, Field(ge=2, le=1_000_000)]

    _table = field_validator("table")(check_table)
