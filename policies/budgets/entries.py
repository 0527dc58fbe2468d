"""Budgets and caps as a policy file writes them."""

from __future__ import annotations

import difflib
import math
import re
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, field_validator, model_validator

from policies.budgets.amounts import Size, Soft, Usd, nano, size, soft_of
from policies.budgets.model import Mode, Unit
from policies.budgets.periods import Period
from policies.strict import Word
from policies.whom import Conditional, Named

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PATHS = {"mine", "overrides"}
"""What the admin API has its own paths for."""
_EACH = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,127}")
_SEVERAL = {"role", "roles", "group", "groups"}
_OF_THE_HOST = {"localtime", "posixrules", "Factory"}
"""Names that mean something else on each host: an account would begin at another time on each replica."""
_ROWS = re.compile(r"[0-9]{1,18}")


def _check_id(value: str) -> str:
    """Check an id: it is a part of paths, commands and metrics."""
    if not _ID.fullmatch(value) or value in _PATHS:
        raise ValueError(f"{value!r} is no id here: write letters, digits, dots, dashes and underscores, 64 at most")
    return value


LimitId = Annotated[str, AfterValidator(_check_id)]


class Spenders(Named, Conditional):
    """Say who spends: any of those named, when they come from these sources and have these attributes.

    Sources and attributes alone are about everybody who has them.
    """

    partners: tuple[Word, ...] | Literal["all"] = ()
    sources: tuple[Word, ...] = ()
    """What clients call themselves (X-Trino-Source): a claim of theirs. `superset*` is all that begins so."""
    owner: Word | None = None
    """The user who may see and override it, besides stewards."""
    mode: Mode = "enforce"

    @field_validator("sources")
    @classmethod
    def _stars_last(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for source in value:
            if "*" in source[:-1]:
                raise ValueError(f"`{source}`: a star stands at the end only")
        return value

    @model_validator(mode="after")
    def _somebody(self) -> Spenders:
        if not (self.roles or self.users or self.groups or self.partners or self.sources or self.when):
            raise ValueError(
                "say whom this is about: `roles: [...]`, `roles: all`, `groups: [...]`, `users: [...]`, "
                "`partners: [...]`, `sources: [...]` or `when: {...}`"
            )
        return self


class BudgetEntry(Spenders):
    """Say how much may be spent over a period: by each holder of an account, or by all together."""

    id: LimitId
    each: str
    """Who holds an account: `user`, `source`, `partner`, `all` together, or each value of an attribute (`desk`)."""
    period: Period
    zone: str = "UTC"
    usd: Usd | None = None
    bytes: Size | None = None
    soft: Soft | None = None

    @field_validator("each")
    @classmethod
    def _holders(cls, value: str) -> str:
        if value in _SEVERAL:
            raise ValueError(
                f"each: people have several {value.rstrip('s')}s, so that none can hold the account; name them under "
                f"`{value.rstrip('s')}s` and write `each: all`"
            )
        if not _EACH.fullmatch(value):
            raise ValueError("each: write `user`, `source`, `partner`, `all`, or the name of an attribute")
        return value

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zones = available_timezones() - _OF_THE_HOST
        if value not in zones:
            near = difflib.get_close_matches(value, zones, n=1)
            mend = f"did you mean {near[0]}?" if near else "write a name as America/Los_Angeles"
            raise ValueError(f"unknown time zone {value!r}; {mend}")
        return value

    @model_validator(mode="after")
    def _one_limit(self) -> BudgetEntry:
        if (self.usd is None) == (self.bytes is None):
            raise ValueError("write either `usd:` or `bytes:`; who is limited in both has two budgets")
        if self.soft is not None:
            soft_of(self.soft, self.unit, self.hard)
        return self

    @property
    def unit(self) -> Unit:
        """Return what is counted."""
        return "usd" if self.usd is not None else "bytes"

    @property
    def hard(self) -> int:
        """Return the limit in nanodollars or bytes."""
        return nano(self.usd) if self.usd is not None else size(self.bytes or "0")


class CapEntry(Spenders):
    """Say what a single statement may take at most."""

    id: LimitId
    usd: Usd | None = None
    bytes: Size | None = None
    rows: int | None = Field(default=None, ge=0, le=10**18)
    """Of the operator that makes the most, whatever the result's size."""
    seconds: float | None = Field(default=None, gt=0, le=86_400 * 31)

    @field_validator("rows", mode="before")
    @classmethod
    def _whole(cls, value: object) -> object:
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and _ROWS.fullmatch(value):
            return int(value)
        raise ValueError(f"{value!r} is no number of rows; write a whole number: 1000000")

    @field_validator("seconds", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
            return value
        raise ValueError(f"{value!r} is no number of seconds; write one above zero: 600")

    @model_validator(mode="after")
    def _something(self) -> CapEntry:
        if self.usd is None and self.bytes is None and self.rows is None and self.seconds is None:
            raise ValueError("cap at least one of `usd:`, `bytes:`, `rows:`, `seconds:`")
        return self
