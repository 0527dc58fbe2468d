"""Masks inside of values: fields of rows, elements of arrays. The row or array is built again around what is masked."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from catalog.names import fold_trino
from catalog.types import TrinoType
from policies.faults import Unfit
from policies.mask_specs import ElementsMask, FieldsMask, MaskSpec, NullMask
from policies.masks.parts import Value, call, identifier, is_null

Inner = Callable[[MaskSpec, Value], exp.Expr]
"""Masks a part of a value, always to the part's own type."""
_ELEMENT = "penstock_element"


def fields(spec: FieldsMask, value: Value, inner: Inner) -> exp.Expr:
    """Build a row again with its fields masked; what the mask does not name is `others`."""
    if value.type.base != "row":
        raise Unfit(f"fields masks rows; `{value.name}` is {value.type}")
    masks: dict[str, MaskSpec] = {fold_trino(name): mask for name, mask in spec.fields.items()}
    built = [_field(name, kind, value, masks, spec, inner) for name, kind in _named_fields(value)]
    if masks:
        raise Unfit(f"`{value.name}` has no field `{next(iter(masks))}`")
    # ClickHouse has no NULL of a row's type, so it is the raw value that stands for a row that is NULL.
    return exp.Case(ifs=[exp.If(this=is_null(value), true=value.raw)], default=call("ROW", *built))


def elements(spec: ElementsMask, value: Value, inner: Inner) -> exp.Expr:
    """Mask each element of an array; how many there are still shows."""
    if value.type.base != "array":
        raise Unfit(f"elements masks arrays; `{value.name}` is {value.type}")
    depth = value.name.count("[*]")
    name = f"{_ELEMENT}{depth or ''}"
    element = Value(f"{value.name}[*]", value.type.arguments[0], identifier(name))
    body = inner(spec.mask, element)
    return call("transform", value.raw, exp.Lambda(this=body, expressions=[identifier(name)]))


def _named_fields(value: Value) -> list[tuple[str, TrinoType]]:
    named = []
    for name, kind in zip(value.type.fields, value.type.arguments, strict=True):
        if name is None:
            raise Unfit(f"a field of `{value.name}` has no name, so that no mask can reach it")
        named.append((name, kind))
    if len({fold_trino(name) for name, _ in named}) != len(named):
        raise Unfit(f"two fields of `{value.name}` have the same name")
    return named


def _field(
    name: str, kind: TrinoType, value: Value, masks: dict[str, MaskSpec], spec: FieldsMask, inner: Inner
) -> exp.Expr:
    """Return a field's raw value or mask, and strike the mask from those still to be used."""
    row = exp.Paren(this=value.raw) if isinstance(value.tree, exp.Column) else value.raw
    part = Value(f"{value.name}.{name}", kind, exp.Dot(this=row, expression=identifier(name)))
    mask = masks.pop(fold_trino(name), None)
    if mask is None:
        return part.raw if spec.others == "none" else inner(NullMask(kind="null"), part)
    return inner(mask, part)
