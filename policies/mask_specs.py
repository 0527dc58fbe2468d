"""Masks as a policy writes them: one strict model a kind. What they do to a column is in `policies.masks`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from policies.strict import Strict, Word

Nulls = Literal["keep", "hide"]
Number = Annotated[str, Field(pattern=r"^-?\d{1,38}(\.\d{1,38})?$")] | int


class NullMask(Strict):
    """NULL of the column's type."""

    kind: Literal["null"]


class ConstantMask(Strict):
    """One value for all; NULL stays NULL unless `nulls: hide`."""

    kind: Literal["constant"]
    value: str | int | bool
    nulls: Nulls = "keep"


class RedactMask(Strict):
    """A neutral value of the column's type: `****`, 0, false, 1970-01-01."""

    kind: Literal["redact"]
    nulls: Nulls = "keep"


class EmailMask(Strict):
    """A fixed address in the form of the template, whose stars stay stars; `show: domain` shows the value's domain."""

    kind: Literal["email"]
    template: str = "****@****.com"
    show: Literal["domain"] | None = None
    nulls: Nulls = "keep"


class TailMask(Strict):
    """The last digits behind a template: `***-**-6789` shows four digits of a value that has the form."""

    kind: Literal["ssn", "card", "phone"]
    template: str | None = None


class PartMask(Strict):
    """The first or last `n` characters; values of that length or shorter show nothing."""

    kind: Literal["first_n", "last_n"]
    n: int = Field(ge=1, le=64)
    fill: str = Field(default="****", min_length=1, max_length=32)


class RegexMask(Strict):
    """What `show` makes of values that match the whole pattern (`$1` is a group); all others show `otherwise`."""

    kind: Literal["regexp"]
    pattern: str = Field(min_length=1)
    show: str = Field(default="****", max_length=256)
    otherwise: str = Field(default="****", max_length=256)


class HashMask(Strict):
    """HMAC-SHA-256 in hexadecimal, by a key of `keys`; equal values stay equal within a key and domain."""

    kind: Literal["hash"]
    key: Word
    domain: Word | None = None


class TokenMask(Strict):
    """A short name by a key of `keys`: hexadecimal digits, or a positive number for a bigint."""

    kind: Literal["token"]
    key: Word
    domain: Word | None = None
    length: int = Field(default=32, ge=16, le=64)
    prefix: str = Field(default="", max_length=32)
    vault: bool = False
    """The tokens can be turned back by who has the grant `reveal`: a vault keeps the values, sealed."""


class NoiseMask(Strict):
    """A number up to `to` away, by a key of `keys`; equal numbers stay equal."""

    kind: Literal["noise"]
    key: Word
    domain: Word | None = None
    to: Number


class DateMask(Strict):
    """The first instant of the value's period."""

    kind: Literal["year", "quarter", "month", "week", "day"]


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


class BucketMask(Strict):
    """The lower end of the range that holds the number; `below` (NULL unless given) where no range does."""

    kind: Literal["bucket"]
    bounds: tuple[Number, ...] = Field(min_length=1, max_length=100)
    below: Number | None = None


class LookupMask(Strict):
    """What a closed list gives for a value; `otherwise` for all that it does not name."""

    kind: Literal["lookup"]
    values: dict[str, str] = Field(min_length=1, max_length=1000)
    otherwise: str


class FieldsMask(Strict):
    """Masks for single fields of a row; fields that are not named show NULL unless `others: none`."""

    kind: Literal["fields"]
    fields: dict[Word, Part] = Field(min_length=1, max_length=1000)
    others: Literal["null", "none"] = "null"

    @field_validator("others", mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return "null" if value is None else value


class ElementsMask(Strict):
    """A mask for each element of an array."""

    kind: Literal["elements"]
    mask: Part


class SqlMask(Strict):
    """Any scalar expression over the table's raw columns, cast to the column's type."""

    kind: Literal["sql"]
    expression: str


def kind_written_bare(value: object) -> object:
    """Read YAML's bare `null` as the name of the mask that it is."""
    if isinstance(value, dict) and "kind" in value and value["kind"] is None:
        return {**value, "kind": "null"}
    return value


def named_kind(value: object) -> object:
    """Read a kind alone as a mask of that kind."""
    if value is None:
        return {"kind": "null"}
    return {"kind": value} if isinstance(value, str) else kind_written_bare(value)


PartSpec = (
    NullMask
    | ConstantMask
    | RedactMask
    | EmailMask
    | TailMask
    | PartMask
    | RegexMask
    | HashMask
    | TokenMask
    | NoiseMask
    | DateMask
    | RoundMask
    | BucketMask
    | LookupMask
    | FieldsMask
    | ElementsMask
)
"""Masks that may stand inside of others; custom SQL may not, since it reads columns."""
Part = Annotated[PartSpec, Field(discriminator="kind"), BeforeValidator(named_kind)]
MaskSpec = Annotated[PartSpec | SqlMask, Field(discriminator="kind")]
FieldsMask.model_rebuild()
ElementsMask.model_rebuild()
MASK_KINDS = (
    *("null", "constant", "redact", "email", "ssn", "card", "phone", "first_n", "last_n", "regexp"),
    *("hash", "token", "noise", "year", "quarter", "month", "week", "day", "round", "bucket", "lookup"),
    *("fields", "elements", "sql"),
)
