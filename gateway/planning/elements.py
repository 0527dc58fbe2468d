"""The elements of CREATE TABLE: columns, and those of the tables that it is to be like."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Location, Refusal
from catalog.names import fold_trino, quoted
from catalog.objects import Column, Table
from catalog.types import parse_type, type_text
from gateway.planning.context import Planning
from gateway.planning.properties import refuse_column_properties
from gateway.planning.shows import qualify
from gateway.planning.writing import changeable, known_table, text_literal
from policies.decisions import Action


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements in Trino's text, and the columns that they come to."""

    written: tuple[str, ...]
    columns: tuple[Column, ...]


async def table_elements(statement: st.CreateTable, planning: Planning) -> Elements:
    """Return the elements of a new table. Raises Refusal, DUPLICATE_COLUMN_NAME for a column that comes twice."""
    written: list[str] = []
    columns: list[Column] = []
    for element in statement.elements:
        if isinstance(element, st.LikeClause):
            liked = await _liked(element, planning)
            given = tuple(Column(each.name, each.type, each.comment, each.nullable) for each in liked.columns)
            location = element.table.location
            written += [_written(column) for column in given]
        else:
            given = (_column(element),)
            location = element.location
            written.append(_written(given[0]))
        for column in given:
            if any(column.name == each.name for each in columns):
                message = f"Column name '{column.name}' specified more than once"
                raise Refusal(ErrorCode.DUPLICATE_COLUMN_NAME, message, location=location)
            columns.append(column)
    return Elements(tuple(written), tuple(columns))


def _column(element: st.ColumnDefinition) -> Column:
    refuse_column_properties(element.properties, element.location)
    return Column(fold_trino(element.name), parse_type(element.type), element.comment, element.nullable)


def _written(column: Column) -> str:
    null = "" if column.nullable else " NOT NULL"
    return f"{quoted(column.name)} {type_text(column.type)}{null}{comment_clause(column.comment)}"


def comment_clause(text: str | None) -> str:
    """Return the COMMENT clause of a new table, view or column, nothing for none."""
    return f" COMMENT {text_literal(text)}" if text is not None else ""


async def _liked(clause: st.LikeClause, planning: Planning) -> Table:
    """Return a table to be like: one that the caller sees whole, since the copy tells of all its columns.

    Its properties stay its own: they may name the place of its files, which would get a second name, out of the
    policies' sight (policy-semantics section 4).
    """
    name = qualify(clause.table, planning)
    if name.catalog not in planning.view.catalogs():
        message = f"LIKE table catalog '{name.catalog}' not found"
        raise Refusal(ErrorCode.CATALOG_NOT_FOUND, message, location=Location(1, 1))
    table = await known_table(clause.table, planning)
    if table is None:
        message = f"LIKE table '{name}' does not exist"
        raise Refusal(ErrorCode.TABLE_NOT_FOUND, message, location=Location(1, 1))
    if clause.including:
        message = "LIKE with INCLUDING PROPERTIES is not supported by this gateway."
        hint = "Leave INCLUDING PROPERTIES away and write the properties that are needed in WITH (...)."
        raise Refusal(ErrorCode.NOT_SUPPORTED, message, hint=hint, location=clause.table.location)
    return changeable(table, planning, Action.SELECT)
