"""Rows that one engine gave, as a relation in the text of another: every value is text, and cast to its very type.

    (SELECT CAST("c0" AS varchar) AS "c0", CAST("c1" AS decimal(38, 2)) AS "c1"
     FROM (VALUES ('CAISO', '20.00'), ('MISO', NULL)) AS "rows" ("c0", "c1"))

Values come in the form of Trino's wire, which is exact for every type that is let through here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from catalog.errors import Refusal
from catalog.names import quoted
from catalog.types import TrinoType, type_text
from engines.base import OutputColumn
from rewrite_rules.translate_duckdb.text import duckdb_type

Row = Sequence[object]
_AS_TEXT = frozenset(
    {"varchar", "boolean", "tinyint", "smallint", "integer", "bigint", "decimal", "date", "timestamp", "uuid"}
)
_FLOATS = frozenset({"double", "real"})
_ZONED = "timestamp with time zone"
_ALIKE = _AS_TEXT | _FLOATS | {_ZONED, "varbinary"}
_MICROS = 6
"""Digits of a second that DuckDB keeps in a plain timestamp."""


class Unwritable(Exception):  # noqa: N818  (named for what it says of a value)
    """Say that a value or a type cannot be written exactly."""


def check_types(columns: Sequence[OutputColumn], kind: str) -> None:
    """Raise Unwritable for a column whose values another engine of this kind could not take over exactly."""
    for column in columns:
        base, numbers = column.type.base, column.type.numbers
        if base not in _ALIKE or (kind == "lake" and base in ("timestamp", _ZONED) and numbers[0] > _MICROS):
            raise Unwritable(f"values of the type {column.type} are not handed from one engine to another")


def relation(columns: Sequence[OutputColumn], rows: Sequence[Row], kind: str) -> str:
    """Write rows as a relation in brackets, for an engine of a kind. Raises Unwritable."""
    names = [quoted(column.name) for column in columns]
    cast = _CASTS[kind]
    if not rows:
        nothing = ", ".join(f"{cast('NULL', c.type)} AS {n}" for c, n in zip(columns, names, strict=True))
        return f"(SELECT {nothing} WHERE FALSE)"
    writers = [_writer(column.type) for column in columns]
    lines = (", ".join(write(value) for write, value in zip(writers, row, strict=True)) for row in rows)
    shown = ", ".join(f"{cast(n, c.type)} AS {n}" for c, n in zip(columns, names, strict=True))
    values = ", ".join(f"({line})" for line in lines)
    return f'(SELECT {shown} FROM (VALUES {values}) AS "rows" ({", ".join(names)}))'  # noqa: S608  (quoted throughout)


def _for_trino(sql: str, kind: TrinoType) -> str:
    if kind.base == "varbinary":
        return f"from_base64(CAST({sql} AS varchar))"
    return f"CAST({sql} AS {type_text(kind)})"


def _for_lake(sql: str, kind: TrinoType) -> str:
    if kind.base == "varbinary":
        return f"from_base64(CAST({sql} AS VARCHAR))"
    try:
        return f"CAST({sql} AS {duckdb_type(kind)})"
    except Refusal as refusal:
        raise Unwritable(refusal.text) from None


_CASTS: dict[str, Callable[[str, TrinoType], str]] = {"trino": _for_trino, "lake": _for_lake}
KINDS = frozenset(_CASTS)
"""The kinds of engines that can be handed rows."""


def _writer(kind: TrinoType) -> Callable[[object], str]:
    if kind.base in _FLOATS:
        return _number
    return _moment if kind.base == _ZONED else _text


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "'true'" if value else "'false'"
    if not isinstance(value, str | int):
        raise Unwritable("a value in an unknown form")
    written = str(value)
    if "\0" in written:
        raise Unwritable("text with a zero byte")
    return "'" + written.replace("'", "''") + "'"


def _number(value: object) -> str:
    """Write a float by its shortest digits that give it again; the wire has NaN and infinities as text."""
    if value is None:
        return "NULL"
    number = float(value) if isinstance(value, str | int | float) else math.nan
    if math.isnan(number):
        return "'NaN'"
    if math.isinf(number):
        return "'Infinity'" if number > 0 else "'-Infinity'"
    return f"'{number!r}'"


def _moment(value: object) -> str:
    """Write a moment with its zone; in zones other than UTC an hour comes twice a year, and its text names both."""
    if isinstance(value, str) and not value.endswith(" UTC"):
        raise Unwritable("a moment in a zone other than UTC")
    return _text(value)
