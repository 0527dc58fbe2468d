"""format(): Java's Formatter by a literal format, one field at a time."""

from __future__ import annotations

import re

from catalog.errors import ErrorCode, Refusal
from catalog.types import INTEGRAL, TrinoType
from rewrite_rules.translate_duckdb.casts import cast
from rewrite_rules.translate_duckdb.functions.call import Call
from rewrite_rules.translate_duckdb.text import case, let, refusing, string, unsupported

_FIELD = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(]*)(\d*)(\.\d+)?([a-zA-Z%])")
_VARCHAR = TrinoType("varchar")


def java_format(call: Call) -> str:
    """Write a call of format(). Raises Refusal, also for what Java's Formatter itself refuses."""
    text, parts, at, following = call.literal(0), list[str](), 0, 1
    for match in _FIELD.finditer(text):
        if "%" in text[at : match.start()]:
            raise unsupported("format() with this format")
        parts.append(string(text[at : match.start()]))
        at = match.end()
        index, flags, width, precision, kind = match.groups()
        if kind == "%" and match[0] == "%%":
            parts.append("'%'")
            continue
        place = int(index) if index else following
        following += 0 if index else 1
        if not 0 < place < len(call.args):
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, f"Invalid format string: {text} (MissingFormatArgument)")
        _check_flags(flags, width, precision or "", kind)
        field = string(f"%{flags}{width}{precision or ''}{kind}")
        parts.append(f"penstock_format({field}, {_text(call, place, kind)})")
    if "%" in text[at:]:
        raise unsupported("format() with this format")
    return f"({' || '.join([*parts, string(text[at:])])})"


def _check_flags(flags: str, width: str, precision: str, kind: str) -> None:
    """Refuse what Java refuses, or may, and what is not written here."""
    allowed = {"d": "-,0+ (", "f": "-,0+ (", "s": "-", "S": "-"}.get(kind)
    odd = allowed is None or len(set(flags)) < len(flags) or not set(flags) <= set(allowed)
    apart = {"-", "0"} <= set(flags) or {"+", " "} <= set(flags)
    if odd or apart or (set(flags) & {"-", "0"} and not width) or (kind == "d" and precision):
        raise unsupported("format() with this format")


def _text(call: Call, place: int, kind: str) -> str:
    """Write the text of a value that the formatter is given; for `%f` any text of the number will do."""
    type_, sql, zone = call.types[place], call.args[place], call.context.time_zone
    if type_.base == "unknown":
        return "CAST(NULL AS VARCHAR)"
    if kind in "df":
        wanted = INTEGRAL if kind == "d" else ("double", "real", "decimal")
        if type_.base not in wanted:
            message = f"Invalid format string: %{kind} (IllegalFormatConversion: {kind} of {type_})"
            raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, message)
        return f"CAST({f'CAST({sql} AS DOUBLE)' if type_.base == 'real' else sql} AS VARCHAR)"
    if type_.base == "double":
        odd = refusing("format() of such a number")
        text = "penstock_json_double(CAST({0} AS VARCHAR))"
        return let(sql, "v", lambda v: case((f"NOT isfinite({v})", odd), otherwise=text.format(v)))
    if type_.base in (*INTEGRAL, "decimal", "boolean", "varchar", "date"):
        return cast(sql, type_, _VARCHAR, zone)
    raise unsupported(f"format() of {type_}")
