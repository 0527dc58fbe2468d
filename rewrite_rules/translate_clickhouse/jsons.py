"""JSON in text: single keys of objects, and scalars whose text both engines write alike.

Everything doubtful raises for the row that holds it: invalid JSON that may hold the key (Trino reads until it finds
the error), numbers that are not plain integers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_text
from rewrite_rules.translate_clickhouse.scope import Handler, Scope
from rewrite_rules.translate_clickhouse.text import call, operator, string, unsupported_value

_PATH = re.compile(r"\$((?:\.[A-Za-z_][A-Za-z0-9_]*)+)")
_PLAIN_NUMBER = "^(-?[1-9][0-9]{0,17}|0)$"


def _keys(node: exp.Expr) -> list[str]:
    """Read a path of plain keys. Raises Refusal NOT_SUPPORTED for any other."""
    text = literal_text(node, "A JSON path")
    match = _PATH.fullmatch(text.removeprefix("lax "))
    if match is None:
        raise unsupported(f"The JSON path {text}", node)
    return match[1][1:].split(".")


def _extract_scalar(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, keys = _json_text(arguments[0], scope), _keys(arguments[1])
    path = [string(key) for key in keys]
    raw, kind = call("JSONExtractRaw", value, *path), call("JSONType", value, *path)
    number = f"toString({kind}) IN ('Int64', 'UInt64', 'Double')"
    result = call(
        "multiIf",
        call("isNull", value),
        "NULL",
        f"toString({kind}) = 'String'",
        call("JSONExtractString", value, *path),
        operator("OR", (number, f"toString({kind}) = 'Bool'")),
        raw,
        "NULL",
    )
    doubtful = operator("OR", (_unclean(value, keys), f"({number} AND NOT match({raw}, {string(_PLAIN_NUMBER)}))"))
    return unsupported_value(doubtful, "Reading this JSON text", result)


def _unclean(value: str, keys: Sequence[str]) -> str:
    """Write the condition that a text is no valid JSON and yet may hold the key, which Trino finds on its way."""
    found = f"position({value}, {string(chr(34) + keys[0] + chr(34))}) > 0"
    return f"(NOT isValidJSON({value}) AND ({found} OR position({value}, {string(chr(92) + 'u')}) > 0))"


def _json_text(node: exp.Expr, scope: Scope) -> str:
    if scope.type_of(node).base != "varchar":
        raise unsupported(f"Reading JSON from {scope.type_of(node)}", node)
    return scope.value(node)


def _array_length(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value = _json_text(arguments[0], scope)
    result = call(
        "multiIf", f"isValidJSON({value}) AND JSONType({value}) = 'Array'", f"toInt64(JSONLength({value}))", "NULL"
    )
    doubtful = f"(NOT isValidJSON({value}) AND match({value}, {string('^[^ -~]*[ ]*[[].*[]]')}))"
    return unsupported_value(doubtful, "Reading this JSON text", result)


def _exists(node: exp.Expr, scope: Scope) -> str:
    if node.args.get("passing") or node.args.get("on_condition"):
        raise unsupported("JSON_EXISTS with PASSING or ON ERROR", node)
    value, path = _json_text(node.this, scope), node.args["path"]
    text = literal_text(path, "A JSON path")
    keys = _keys(path)
    if not text.startswith("lax ") or len(keys) != 1:
        raise unsupported(f"The JSON path {text}", node)
    doubtful = operator("OR", (f"NOT isValidJSON({value})", f"toString(JSONType({value})) != 'Object'"))
    return unsupported_value(doubtful, "Reading this JSON text", call("JSONHas", value, string(keys[0])))


FUNCTIONS: Mapping[str, Function] = {
    "json_extract_scalar": _extract_scalar,
    "json_array_length": _array_length,
}
HANDLERS: Mapping[type[exp.Expr], Handler] = {exp.JSONExists: _exists}
