"""JSON_TABLE, parsed inside sqlglot's parser by the rules of Trino's grammar and written back word for word."""

# ruff: noqa: SLF001  (sqlglot's parser is extended by functions that call its methods, all private by name)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.dialect import json_forms as forms
from catalog.dialect.tokens import TYPE
from catalog.dialect.types import data_type

if TYPE_CHECKING:
    from collections.abc import Callable

    Parser = Any
    """sqlglot's compiled parser."""
    Generator = Any
    """sqlglot's compiled generator."""


def json_table(parser: Parser) -> exp.Expr:
    """Parse `input, path [AS name] [PASSING ...] COLUMNS (...) [PLAN ...] [ERROR | EMPTY ON ERROR])`."""
    this = forms.value(parser)
    forms.comma(parser)
    node = exp.JSONTable(this=this, path=forms.path(parser), path_name=_path_name(parser))
    node.set("passing", forms.passing(parser))
    node.set("schema", _columns(parser))
    if forms.words(parser, "PLAN"):
        default = "DEFAULT " if forms.words(parser, "DEFAULT") else ""
        if not parser._match(TYPE):
            parser.raise_error("Expected (")
        node.set("plan", exp.Var(this=f"PLAN {default}{parser._prev.text}"))
    handling = forms.choice(parser, "ERROR ON ERROR", "EMPTY ON ERROR")
    node.set("error_handling", exp.Var(this=handling) if handling else None)
    return exp.TableFromRows(this=node)


def _path_name(parser: Parser) -> exp.Identifier | None:
    return forms.name(parser) if parser._match(TokenType.ALIAS) else None


def _columns(parser: Parser) -> exp.JSONSchema:
    forms.expected(parser, "COLUMNS")
    if not parser._match(TokenType.L_PAREN):
        parser.raise_error("Expected (")
    columns = [_column(parser)]
    while parser._match(TokenType.COMMA):
        columns.append(_column(parser))
    if not parser._match(TokenType.R_PAREN):
        parser.raise_error("Expected )")
    return exp.JSONSchema(expressions=columns)


def _column(parser: Parser) -> exp.Expr:
    following = parser._next.token_type
    if following is TokenType.STRING or (parser._next.text.upper() == "PATH" and following is TokenType.VAR):
        forms.expected(parser, "NESTED")
        forms.words(parser, "PATH")
        node = exp.JSONColumnDef(path=forms.path(parser), path_name=_path_name(parser))
        node.set("nested_schema", _columns(parser))
        return node
    node = exp.JSONColumnDef(this=forms.name(parser))
    if forms.words(parser, "FOR", "ORDINALITY"):
        node.set("ordinality", True)
        return node
    if not parser._match(TYPE):
        parser.raise_error("Expected a type")
    node.set("kind", data_type(parser._prev.text))
    node.set("format_json", forms.format_json(parser))
    node.set("path", forms.path(parser) if forms.words(parser, "PATH") else None)
    if node.args.get("format_json"):
        node.set("option", forms.wrapper(parser))
        node.set("quote", forms.quotes(parser))
        node.set("on_condition", forms.behaviors(parser, "ERROR", "NULL", "EMPTY ARRAY", "EMPTY OBJECT"))
    else:
        node.set("on_condition", forms.behaviors(parser, "ERROR", "NULL", default=True))
    return node


def _json_table_sql(self: Generator, node: exp.JSONTable) -> str:
    name = f" AS {text}" if (text := self.sql(node, "path_name")) else ""
    rest = "".join(f" {text}" for key in ("plan", "error_handling") if (text := self.sql(node, key)))
    head = f"{self.sql(node, 'this')}, {self.sql(node, 'path')}{name}{forms.passing_sql(self, node)}"
    return f"JSON_TABLE({head} {self.sql(node, 'schema')}{rest})"


def _schema_sql(self: Generator, node: exp.JSONSchema) -> str:
    return f"COLUMNS ({self.expressions(node, flat=True)})"


def _column_sql(self: Generator, node: exp.JSONColumnDef) -> str:
    path = self.sql(node, "path")
    nested = self.sql(node, "nested_schema")
    if nested:
        name = f" AS {text}" if (text := self.sql(node, "path_name")) else ""
        return f"NESTED PATH {path}{name} {nested}"
    if node.args.get("ordinality"):
        return f"{self.sql(node, 'this')} FOR ORDINALITY"
    parts = [self.sql(node, key) for key in ("this", "kind", "format_json")]
    parts += [f"PATH {path}" if path else "", *(self.sql(node, key) for key in ("option", "quote", "on_condition"))]
    return " ".join(part for part in parts if part)


WRITERS: dict[type[exp.Expr], Callable[[Generator, Any], str]] = {
    exp.JSONColumnDef: _column_sql,
    exp.JSONSchema: _schema_sql,
    exp.JSONTable: _json_table_sql,
}
