"""MERGE INTO."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.statements import Merge, MergeCase, QualifiedName, Statement
from catalog.dialect.syntax import mismatched, not_supported
from catalog.dialect.trees import query_tree
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor


def merge(cursor: Cursor) -> Statement:
    """Read MERGE INTO table [AS alias] USING source ON condition, then its cases."""
    cursor.expect("MERGE", "INTO")
    table = cursor.name()
    alias = _alias(cursor)
    cursor.expect("USING")
    source = _source(cursor)
    cursor.expect("ON")
    condition = cursor.expression("WHEN")
    cases = [_case(cursor)]
    while cursor.here.upper == "WHEN":
        cases.append(_case(cursor))
    return Merge(table, alias, source, condition, tuple(cases))


def _alias(cursor: Cursor) -> str | None:
    if cursor.accept("AS") or (cursor.here.is_name and cursor.here.upper not in RESERVED):
        return cursor.identifier()
    return None


def _source(cursor: Cursor) -> exp.Expr:
    """Read a table by name or a query in brackets, as a relation with an alias of its own."""
    if cursor.here.text == "(":
        relation: exp.Expr = exp.Subquery(this=_query(cursor))
    elif cursor.here.upper in RESERVED or not cursor.here.is_name:
        raise not_supported("MERGE from a source that is neither a table nor a query in brackets", cursor.here)
    else:
        relation = _table(cursor.name())
    alias = _alias(cursor)
    if alias is not None:
        columns = cursor.names() if cursor.here.text == "(" else ()
        named = [exp.to_identifier(column, quoted=True) for column in columns]
        relation.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True), columns=named))
    return relation


def _table(name: QualifiedName) -> exp.Expr:
    parts = zip(("this", "db", "catalog"), reversed(name.parts), strict=False)
    return exp.Table(**{key: exp.to_identifier(part, quoted=True) for key, part in parts})


def _query(cursor: Cursor) -> exp.Expr:
    """Read a query up to the bracket that closes it."""
    start, depth = cursor.at + 1, 0
    while True:
        text = cursor.here.text
        depth += (text == "(") - (text == ")")
        if depth == 0:
            break
        if cursor.at == len(cursor.lexemes) - 1:
            raise mismatched(cursor.here, "')'")
        cursor.at += 1
    tree = query_tree(cursor.cut(start, cursor.at), cursor.sql, cursor.limits)
    cursor.at += 1
    return tree


def _case(cursor: Cursor) -> MergeCase:
    cursor.expect("WHEN")
    matched = not cursor.accept("NOT")
    cursor.expect("MATCHED")
    condition = cursor.expression("THEN") if cursor.accept("AND") else None
    cursor.expect("THEN")
    if not matched:
        return _insert(cursor, condition)
    if cursor.accept("DELETE"):
        return MergeCase("delete", condition)
    cursor.expect("UPDATE", "SET")
    names: list[str] = []
    values: list[exp.Expr] = []
    while not names or cursor.accept(","):
        names.append(cursor.identifier())
        cursor.expect("=")
        values.append(cursor.expression("WHEN"))
    return MergeCase("update", condition, tuple(names), tuple(values))


def _insert(cursor: Cursor, condition: exp.Expr | None) -> MergeCase:
    cursor.expect("INSERT")
    names = cursor.names() if cursor.here.text == "(" else None
    cursor.expect("VALUES", "(")
    values = cursor.expressions()
    cursor.expect(")")
    return MergeCase("insert", condition, names, values)
