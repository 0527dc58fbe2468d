"""The platform's form of masking: `transformations[]` and `column_masks[]`, turned into the language of documents."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from policies.document import Defaults
from policies.faults import Unfit
from policies.mask_entries import ColumnMask, Transformation
from policies.mask_specs import MASK_KINDS, ConstantMask, EmailMask, MaskSpec, TailMask

_SPEC: TypeAdapter[MaskSpec] = TypeAdapter(MaskSpec)
_SSN = re.compile(r"\*{3}-\*{2}-\d{4}")
_CARD = re.compile(r"\*{4}([- ]?)\*{4}\1\*{4}\1\d{4}")


def template_spec(template: str) -> MaskSpec:
    """Read a template: an `@` makes it an e-mail, digits at its end are how many characters may show.

    Anything else is the constant that it looks like.
    """
    if "@" in template:
        return EmailMask(kind="email", template=template)
    if _SSN.fullmatch(template):
        return TailMask(kind="ssn", template=template)
    if _CARD.fullmatch(template):
        return TailMask(kind="card", template=template)
    if "*" in template and template[-1].isdigit():
        return TailMask(kind="phone", template=template)
    return ConstantMask(kind="constant", value=template)


def mask_spec(mask_type: str, transformations: Mapping[str, Transformation]) -> MaskSpec:
    """Read `mask_type`: the name of a transformation, a kind of mask, or else the literal to show."""
    named = transformations.get(mask_type)
    if named is not None:
        return template_spec(named.template)
    if mask_type not in MASK_KINDS:
        return ConstantMask(kind="constant", value=mask_type)
    try:
        return _SPEC.validate_python({"kind": mask_type})
    except ValidationError:
        raise Unfit(f"the mask {mask_type} needs parameters", "Write it as `mask: {kind: ...}`.") from None


def full_name(table: str, defaults: Defaults) -> str:
    """Complete `table` or `schema.table` by the defaults. Raises Unfit where one is missing."""
    parts = table.split(".")
    if len(parts) < 2:
        if defaults.schema_ is None:
            raise Unfit(f"`{table}` lacks a schema", "Write catalog.schema.table, or set `defaults.schema`.")
        parts = [defaults.schema_, *parts]
    if len(parts) < 3:
        if defaults.catalog is None:
            raise Unfit(f"`{table}` lacks a catalog", "Write catalog.schema.table, or set `defaults.catalog`.")
        parts = [defaults.catalog, *parts]
    return ".".join(parts)


def plain_spec(mask: ColumnMask, transformations: Mapping[str, Transformation]) -> MaskSpec | None:
    """Return what a column mask shows; None is `mask: none`. Raises Unfit."""
    if mask.mask_type is not None:
        return mask_spec(mask.mask_type, transformations)
    return None if mask.mask == "none" else mask.mask
