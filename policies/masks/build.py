"""From a mask's spec and a column to the expression that stands for the column."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from catalog.objects import Column
from policies import mask_specs as specs
from policies.masks import coarse, constants, keyed, matching, nested, partial
from policies.masks.keyed import HashKey, Keyring
from policies.masks.parts import Value, exact_type, of_column

_PLAIN: dict[type, Callable[..., exp.Expr]] = {
    specs.NullMask: constants.null,
    specs.ConstantMask: constants.constant,
    specs.RedactMask: constants.redact,
    specs.EmailMask: partial.email,
    specs.TailMask: partial.tail,
    specs.PartMask: partial.part,
    specs.RegexMask: matching.matching,
    specs.DateMask: coarse.period,
    specs.RoundMask: coarse.rounded,
    specs.BucketMask: coarse.bucket,
    specs.LookupMask: coarse.lookup,
}
_KEYED: dict[type, Callable[..., exp.Expr]] = {
    specs.HashMask: keyed.keyed_hash,
    specs.TokenMask: keyed.token,
    specs.NoiseMask: keyed.noise,
}
_NESTED: dict[type, Callable[..., exp.Expr]] = {
    specs.FieldsMask: nested.fields,
    specs.ElementsMask: nested.elements,
}


def build_mask(
    spec: specs.MaskSpec,
    column: Column,
    engine: str,
    keys: Mapping[str, HashKey],
    custom: exp.Expr | None = None,
    attributes: tuple[tuple[str, str], ...] = (),
) -> exp.Expr:
    """Return the expression that stands for a column, always of the column's own type.

    `custom` is the bound SQL of a mask of kind `sql`; `attributes` are the caller's, of which keys may take the
    tenant. Raises Unfit where a mask does not fit the column, the engine or the caller.
    """
    value = of_column(column)
    if isinstance(spec, specs.SqlMask):
        return _exactly(exp.Null() if custom is None else custom.copy(), value)
    return _mask(spec, value, Keyring(engine, keys, attributes))


def _mask(spec: specs.MaskSpec, value: Value, keys: Keyring) -> exp.Expr:
    kind = type(spec)
    if kind in _KEYED:
        return _exactly(_KEYED[kind](spec, value, keys), value)
    if kind in _NESTED:
        return _exactly(_NESTED[kind](spec, value, lambda part, of: _mask(part, of, keys)), value)
    return _exactly(_PLAIN[kind](spec, value), value)


def _exactly(shown: exp.Expr, value: Value) -> exp.Expr:
    return exp.Cast(this=shown, to=exact_type(value.type))
