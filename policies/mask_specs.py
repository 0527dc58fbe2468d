"""Masks as a policy writes them: one strict model a kind. What they do to a column is in `policies.masks`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from policies.strict import Strict, Word


class NullMask(Strict):
    """NULL of the column's type."""

    kind: Literal["null"]


class ConstantMask(Strict):
    """One value for all; NULL stays NULL unless `nulls: hide`."""

    kind: Literal["constant"]
    value: str | int | bool
    nulls: Literal["keep", "hide"] = "keep"


class RedactMask(Strict):
    """A neutral value of the column's type: `****`, 0, false, 1970-01-01."""

    kind: Literal["redact"]
    nulls: Literal["keep", "hide"] = "keep"


class EmailMask(Strict):
    """A fixed address in the form of the template; its stars stay stars."""

    kind: Literal["email"]
    template: str = "****@****.com"
    nulls: Literal["keep", "hide"] = "keep"


class TailMask(Strict):
    """The last digits behind a template: `***-**-6789` shows four digits of a value that has the form."""

    kind: Literal["ssn", "card", "phone"]
    template: str | None = None


class PartMask(Strict):
    """The first or last `n` characters; values of that length or shorter show nothing."""

    kind: Literal["first_n", "last_n"]
    n: int = Field(ge=1, le=64)
    fill: str = Field(default="****", min_length=1, max_length=32)


class HashMask(Strict):
    """HMAC-SHA-256 in hexadecimal, by a key of `keys`; equal values stay equal."""

    kind: Literal["hash"]
    key: Word


class DateMask(Strict):
    """The first instant of the value's year or month."""

    kind: Literal["year", "month"]


class RoundMask(Strict):
    """The value brought toward zero to a multiple of `to`."""

    kind: Literal["round"]
    to: Annotated[str, Field(pattern=r"^\d{1,18}(\.\d{1,18})?$")] | int

    @field_validator("to")
    @classmethod
    def _positive(cls, value: str | int) -> str | int:
        if not any(c in "123456789" for c in str(value)) or str(value).startswith("-"):
            raise ValueError("must be a positive number")
        return value


class SqlMask(Strict):
    """Any scalar expression over the table's raw columns, cast to the column's type."""

    kind: Literal["sql"]
    expression: str


def kind_written_bare(value: object) -> object:
    """Read YAML's bare `null` as the name of the mask that it is."""
    if isinstance(value, dict) and "kind" in value and value["kind"] is None:
        return {**value, "kind": "null"}
    return value


MaskSpec = Annotated[
    NullMask | ConstantMask | RedactMask | EmailMask | TailMask | PartMask | HashMask | DateMask | RoundMask | SqlMask,
    Field(discriminator="kind"),
]
MASK_KINDS = (
    *("null", "constant", "redact", "email", "ssn", "card", "phone", "first_n", "last_n"),
    *("hash", "year", "month", "round", "sql"),
)
