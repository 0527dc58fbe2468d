"""From a mask's spec and a column to the expression that stands for the column."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.objects import Column
from policies.mask_specs import (
    ConstantMask,
    DateMask,
    EmailMask,
    HashMask,
    MaskSpec,
    NullMask,
    PartMask,
    RedactMask,
    RoundMask,
    SqlMask,
    TailMask,
)
from policies.masks.coarse import period, rounded
from policies.masks.constants import constant, email, null, redact
from policies.masks.keyed import HashKey, keyed_hash
from policies.masks.partial import part, tail
from policies.masks.parts import exact_type

_BUILDERS: dict[type, Callable[..., exp.Expr]] = {
    NullMask: null,
    ConstantMask: constant,
    RedactMask: redact,
    EmailMask: email,
    TailMask: tail,
    PartMask: part,
    DateMask: period,
    RoundMask: rounded,
}


def build_mask(
    spec: MaskSpec,
    column: Column,
    engine: str,
    keys: Mapping[str, HashKey],
    custom: exp.Expr | None = None,
) -> exp.Expr:
    """Return the expression that stands for a column, always of the column's own type.

    `custom` is the bound SQL of a mask of kind `sql`. Raises Unfit where a mask does not fit the column or engine.
    """
    to = exact_type(column.type)
    if isinstance(spec, SqlMask):
        value = exp.Null() if custom is None else custom.copy()
    elif isinstance(spec, HashMask):
        value = keyed_hash(spec, column, engine, keys)
    else:
        value = _BUILDERS[type(spec)](spec, column)
    return exp.Cast(this=value, to=to)
