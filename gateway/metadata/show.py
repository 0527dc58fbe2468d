"""SHOW and DESCRIBE, answered from what the caller may see, in Trino's own columns and wording."""

from __future__ import annotations

import re
from collections.abc import Iterable

from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino
from catalog.objects import TableName
from catalog.types import VARCHAR, TrinoType, display_text
from engines.base import OutputColumn
from gateway.metadata.visible import View, VisibleTable
from gateway.models import LocalAnswer
from gateway.usage_tables.layouts import CATALOG as PENSTOCK

BOOLEAN = TrinoType("boolean")


def like(pattern: str | None, escape: str | None = None) -> re.Pattern[str]:
    """Compile a LIKE pattern; None matches everything. Raises Refusal for a bad ESCAPE."""
    if pattern is None:
        return re.compile(r"(?s).*")
    if escape is not None and len(escape) != 1:
        raise Refusal(ErrorCode.INVALID_FUNCTION_ARGUMENT, "Escape string must be a single character")
    parts = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == escape:
            position += 1
            if position >= len(pattern) or pattern[position] not in ("%", "_", escape):
                raise Refusal(
                    ErrorCode.INVALID_FUNCTION_ARGUMENT,
                    "Escape character must be followed by '%', '_' or the escape character itself",
                )
            parts.append(re.escape(pattern[position]))
        else:
            parts.append({"%": ".*", "_": "."}.get(char, re.escape(char)))
        position += 1
    return re.compile("(?s)" + "".join(parts))


def _strings(heading: str, values: Iterable[str]) -> LocalAnswer:
    return LocalAnswer((OutputColumn(heading, VARCHAR),), tuple((value,) for value in values))


def show_catalogs(view: View, pattern: re.Pattern[str]) -> LocalAnswer:
    """Answer SHOW CATALOGS."""
    catalogs = view.catalogs()
    answer = _strings("Catalog", (c for c in catalogs if pattern.fullmatch(c)))
    # The type is as wide as the longest name that Trino would know; what it does not know widens it where it is shown.
    known = [c for c in catalogs if c != PENSTOCK or pattern.fullmatch(c)]
    return LocalAnswer((OutputColumn("Catalog", as_long_as(known)),), answer.rows)


def as_long_as(values: Iterable[str]) -> TrinoType:
    """Return the type of a VALUES list of texts, which is what Trino answers with."""
    return TrinoType("varchar", (max((len(value) for value in values), default=0),))


def check_catalog(view: View, catalog: str | None, location: Location | None = None) -> str:
    """Return the folded catalog if the caller may know it. Raises CATALOG_NOT_FOUND or MISSING_CATALOG_NAME."""
    if catalog is None:
        raise Refusal(
            ErrorCode.MISSING_CATALOG_NAME,
            "Catalog must be specified when session catalog is not set",
            location=location or Location(1, 1),
        )
    folded = fold_trino(catalog)
    if folded not in view.catalogs():
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, f"Catalog '{folded}' not found", location=location)
    return folded


def show_schemas(view: View, catalog: str | None, pattern: re.Pattern[str]) -> LocalAnswer:
    """Answer SHOW SCHEMAS."""
    return _strings("Schema", (s for s in view.schemas(check_catalog(view, catalog)) if pattern.fullmatch(s)))


def check_schema(view: View, catalog: str | None, schema: str | None) -> tuple[str, str]:
    """Return the folded names of a schema the caller may know; a hidden one and a missing one answer alike."""
    if schema is None:
        raise Refusal(
            ErrorCode.MISSING_SCHEMA_NAME,
            "Schema must be specified when session schema is not set",
            location=Location(1, 1),
        )
    known = check_catalog(view, catalog)
    folded = fold_trino(schema)
    if folded not in view.schemas(known):
        raise Refusal(ErrorCode.SCHEMA_NOT_FOUND, f"Schema '{folded}' does not exist", location=Location(1, 1))
    return known, folded


def show_tables(view: View, catalog: str | None, schema: str | None, pattern: re.Pattern[str]) -> LocalAnswer:
    """Answer SHOW TABLES."""
    known, folded = check_schema(view, catalog, schema)
    return _strings(
        "Table", (v.table.name.table for v in view.tables(known, folded) if pattern.fullmatch(v.table.name.table))
    )


def table_not_found(name: TableName, location: Location | None) -> Refusal:
    """Return the refusal for a table that is missing or hidden: both read the same."""
    return Refusal(ErrorCode.TABLE_NOT_FOUND, f"Table '{name}' does not exist", location=location)


def show_columns(visible: VisibleTable, pattern: re.Pattern[str]) -> LocalAnswer:
    """Answer SHOW COLUMNS and DESCRIBE."""
    headings = ("Column", "Type", "Extra", "Comment")
    rows = (
        (column.name, display_text(column.type), "", column.comment or "")
        for column in visible.columns
        if pattern.fullmatch(column.name)
    )
    return LocalAnswer(tuple(OutputColumn(heading, VARCHAR) for heading in headings), tuple(rows))


def one_text(heading: str, text: str) -> LocalAnswer:
    """Answer with one text."""
    return LocalAnswer((OutputColumn(heading, as_long_as([text])),), ((text,),))
