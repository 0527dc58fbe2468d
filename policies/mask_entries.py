"""Column masks as a policy file writes them, in the form of this language and in the platform's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from policies.mask_specs import MaskSpec, SqlMask, kind_written_bare
from policies.strict import Strict, Word
from policies.whom import Lasting, Named, check_conditions, check_tag, listed


class ColumnMask(Named, Lasting):
    """Show the named readers a masked value instead of a column's, or of every column's that carries a tag.

    A mask for a role goes before those for the roles that it inherits. `mask: none` shows the value in the clear.
    The platform's form is understood as well: `mask_type` (a transformation's name, a kind, or a literal) and
    `apply_to_roles`.
    """

    id: Word | None = None
    table: str | None = None
    column: Word | None = None
    tag: str | None = None
    when: dict[Word, tuple[Word, ...]] | str | None = None
    """Attributes of the callers it is for; or SQL over a row: rows for which it is not surely false are masked."""
    unless: str | None = None
    """SQL over a row: only rows for which it surely holds are shown as they are."""
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

    _listed = field_validator("when", mode="before")(listed)

    @field_validator("when")
    @classmethod
    def _values(cls, value: dict[str, tuple[str, ...]] | str | None) -> dict[str, tuple[str, ...]] | str | None:
        return check_conditions(value) if isinstance(value, dict) else value

    @field_validator("tag")
    @classmethod
    def _known_form(cls, value: str | None) -> str | None:
        return None if value is None else check_tag(value)

    @property
    def conditions(self) -> dict[str, tuple[str, ...]] | None:
        """Return the conditions on the caller's attributes."""
        return self.when if isinstance(self.when, dict) else None

    @model_validator(mode="after")
    def _target(self) -> ColumnMask:
        if self.tag is not None and (self.table is not None or self.column is not None):
            raise ValueError("write either `tag:` or `table:` and `column:`")
        if self.tag is None and (self.table is None or self.column is None):
            raise ValueError("say what to mask: `table:` and `column:`, or `tag:`")
        if self.tag is not None and isinstance(self.mask, SqlMask):
            raise ValueError("a mask of kind sql names columns: write it for a table's column")
        if isinstance(self.when, str) and self.unless is not None:
            raise ValueError("write the condition on a row once: `when:` or `unless:`")
        if self.mask == "none" and (isinstance(self.when, str) or self.unless is not None):
            raise ValueError("`mask: none` masks no row: a condition on rows goes with the mask that holds otherwise")
        return self

    @model_validator(mode="after")
    def _whole(self) -> ColumnMask:
        if (self.mask is None) == (self.mask_type is None):
            raise ValueError("write either `mask:` or, in the platform's form, `mask_type:`")
        if self.mask is None and (self.roles or self.groups or self.users):
            raise ValueError("`mask_type` goes with `apply_to_roles`")
        if self.mask is not None and self.apply_to_roles:
            raise ValueError("`mask` goes with `roles` or `users`")
        if not self.roles and not self.groups and not self.users and not self.apply_to_roles:
            raise ValueError("say whom this is about: `roles: [...]`, `roles: all`, `groups: [...]` or `users: [...]`")
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
