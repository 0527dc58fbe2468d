"""Functions of JSON, as far as both engines agree; JSON values are held as their text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog.errors import ErrorCode
from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import case, let, raising, refusing, string, unsupported

_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z_0-9]*)*")
"""Plain member names only: subscripts mean different things on objects."""


def _path(call: Call) -> str:
    text = call.literal(1)
    if not _PATH.fullmatch(text):
        raise unsupported("this JSON path")
    return string(text)


def _extract_scalar(call: Call) -> str:
    """Give strings and booleans; numbers only where their text is the same in both engines: short integers."""
    path = _path(call)

    def write(v: str) -> str:
        found = f"json_extract({v}, {path})"
        kind = f"json_type({v}, {path})"
        text = f"json_extract_string({v}, {path})"
        return case(
            (f"{v} IS NULL OR NOT json_valid({v})", "NULL"),
            (f"{kind} IN ('VARCHAR', 'BOOLEAN')", text),
            (f"{kind} IS NULL OR {kind} IN ('OBJECT', 'ARRAY', 'NULL')", "NULL"),
            (f"regexp_matches(CAST({found} AS VARCHAR), '^(0|-?[1-9][0-9]{{0,17}})$')", text),
            otherwise=refusing("json_extract_scalar() of such a number"),
        )

    return let(call.args[0], "v", write)


def _array_length(call: Call) -> str:
    def write(v: str) -> str:
        return case(
            (f"{v} IS NULL OR NOT json_valid({v})", "NULL"),
            (f"json_type({v}) = 'ARRAY'", f"CAST(json_array_length({v}) AS BIGINT)"),
            otherwise="NULL",
        )

    return let(call.args[0], "v", write)


def _parse(call: Call) -> str:
    """Keep text that is already in Trino's canonical form; refuse the rest."""
    bad = raising(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Cannot convert value to JSON")
    canonical = '^(null|true|false|0|-?[1-9][0-9]{0,17}|"[ !#-\\[\\]-~]*")$'
    return let(
        call.args[0],
        "v",
        lambda v: case(
            (f"{v} IS NULL", "NULL"),
            (f"regexp_matches({v}, {string(canonical)})", v),
            (f"NOT json_valid({v})", bad),
            otherwise=refusing("json_parse() of such text"),
        ),
    )


SCALARS: Mapping[str, Function] = {
    "json_extract_scalar": _extract_scalar,
    "json_array_length": _array_length,
    "json_parse": _parse,
    "json_format": lambda call: call.args[0],
}
