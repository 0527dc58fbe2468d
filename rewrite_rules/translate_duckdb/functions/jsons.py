"""Functions of JSON; values are held as their canonical text and read by the engine's own functions."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.errors import ErrorCode, Refusal
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import case, let, string


def _at_path(function: str) -> Function:
    """Return the writer of a function of JSON and a path, which must be a literal."""

    def write(call: Call) -> str:
        path = call.literal(1)
        if not path.startswith("$"):
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Invalid JSON path: '{path}'")
        return f"{function}({call.args[0]}, {string(path)})"

    return write


def _array_length(call: Call) -> str:
    def write(v: str) -> str:
        return case(
            (f"{v} IS NULL OR NOT json_valid({v})", "NULL"),
            (f"json_type({v}) = 'ARRAY'", f"CAST(json_array_length({v}) AS BIGINT)"),
            otherwise="NULL",
        )

    return let(call.args[0], "v", write)


SCALARS: Mapping[str, Function] = {
    "json_extract_scalar": _at_path("penstock_json_scalar"),
    "json_extract": _at_path("penstock_json_extract"),
    "json_size": _at_path("penstock_json_size"),
    "json_array_length": _array_length,
    "json_parse": lambda call: f"penstock_json_parse({call.args[0]})",
    "json_format": lambda call: call.args[0],
}
