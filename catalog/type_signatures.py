"""What the wire says of a type: its signature, and the form for clients that know fewer types."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from catalog.types import DATETIME_WITH_PRECISION, JSON, UNBOUNDED_LENGTH, VARCHAR, TrinoType


def type_signature(kind: TrinoType) -> dict[str, object]:
    """Return the `typeSignature` object of a column: `rawType` and `arguments`.

    Source: trino-protocol section 7; measured on Trino 476.
    """
    if kind.base == "row":
        return {
            "rawType": "row",
            "arguments": [_named(name, t) for name, t in zip(kind.fields, kind.arguments, strict=True)],
        }
    if kind == VARCHAR:
        return {"rawType": "varchar", "arguments": [{"kind": "LONG", "value": UNBOUNDED_LENGTH}]}
    return {"rawType": kind.base, "arguments": [_argument(p) for p in kind.parameters]}


def _argument(parameter: TrinoType | int) -> dict[str, object]:
    if isinstance(parameter, TrinoType):
        return {"kind": "TYPE", "value": type_signature(parameter)}
    return {"kind": "LONG", "value": parameter}


def _named(name: str | None, kind: TrinoType) -> dict[str, object]:
    value: dict[str, object] = {} if name is None else {"fieldName": {"name": name}}
    return {"kind": "NAMED_TYPE", "value": {**value, "typeSignature": type_signature(kind)}}


def downgrade(kind: TrinoType, capabilities: AbstractSet[str]) -> TrinoType:
    """Return the type as a client with these capabilities is told it; values must then be written to match.

    Without PARAMETRIC_DATETIME times and timestamps lose their precision (values have 3 digits), without NUMBER
    `number` is varchar, without VARIANT and VARIANT_BINARY `variant` is json. Source: trino-protocol section 8.
    """
    if kind.base in DATETIME_WITH_PRECISION:
        return kind if "PARAMETRIC_DATETIME" in capabilities else TrinoType(kind.base)
    if kind.base == "number":
        return kind if "NUMBER" in capabilities else VARCHAR
    if kind.base == "variant":
        return kind if {"VARIANT", "VARIANT_BINARY"} & capabilities else JSON
    if not kind.parameters:
        return kind
    parameters = tuple(downgrade(p, capabilities) if isinstance(p, TrinoType) else p for p in kind.parameters)
    return kind if parameters == kind.parameters else TrinoType(kind.base, parameters, kind.fields)
