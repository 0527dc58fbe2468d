"""Calls of table functions, parsed inside sqlglot's parser by the rules of Trino's grammar and written back.

A table argument is kept as its query (an InputModelProperty), a descriptor as its fields (Tags): sqlglot has neither.
"""

# ruff: noqa: SLF001  (sqlglot's parser is extended by functions that call its methods, all private by name)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.dialect.json_forms import choice, words
from catalog.dialect.json_forms import name as argument_name
from catalog.dialect.tokens import TYPE
from catalog.dialect.types import data_type, type_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    Parser = Any
    """sqlglot's compiled parser."""
    Generator = Any
    """sqlglot's compiled generator."""

_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


def table_function(parser: Parser) -> exp.Expr:
    """Parse `name(arguments) )`, behind `TABLE (`."""
    name: exp.Expr | None = None
    while parser._next.token_type is TokenType.DOT:
        part = _identifier(parser)
        name = exp.Dot(this=name, expression=part) if name is not None else exp.Column(this=part)
        parser._advance()
    called = _identifier(parser)
    _token(parser, TokenType.L_PAREN)
    call: exp.Expr = exp.Anonymous(this=called.name, expressions=[])
    if parser._curr.token_type is not TokenType.R_PAREN:
        call.set("expressions", _listed(parser, _argument))
    node = exp.TableFromRows(this=exp.Dot(this=name, expression=call) if name is not None else call)
    if words(parser, "COPARTITION"):
        node.set("copartition", _listed(parser, _copartition))
    _token(parser, TokenType.R_PAREN)
    return node


def _argument(parser: Parser) -> exp.Expr:
    named = parser._next.token_type is TokenType.FARROW
    name = argument_name(parser) if named else None
    if named:
        parser._advance()
    value = _value(parser)
    return exp.Kwarg(this=name, expression=value) if name is not None else value


def _value(parser: Parser) -> exp.Expr:
    """Parse a table, a descriptor or an expression."""
    bracket = parser._next.token_type is TokenType.L_PAREN
    if bracket and parser._match(TokenType.TABLE):
        return _table(parser)
    if bracket and words(parser, "DESCRIPTOR"):
        _token(parser, TokenType.L_PAREN)
        node = exp.Tags(expressions=_listed(parser, _field))
        _token(parser, TokenType.R_PAREN)
        return node
    value: exp.Expr | None = parser._parse_disjunction()
    if value is None:
        parser.raise_error("Expected an argument")
        raise AssertionError  # the parser stops at the first error
    return value


def _table(parser: Parser) -> exp.Expr:
    """Parse `(query) [AS name [(columns)]] [PARTITION BY ...] [PRUNE | KEEP WHEN EMPTY] [ORDER BY ...]`."""
    _token(parser, TokenType.L_PAREN)
    node = exp.InputModelProperty(this=parser._parse_statement())
    _token(parser, TokenType.R_PAREN)
    if parser._match(TokenType.ALIAS) or (parser._curr.token_type in _NAMES and not _goes_on(parser)):
        columns = []
        name = _identifier(parser)
        if parser._match(TokenType.L_PAREN):
            columns = _listed(parser, _identifier)
            _token(parser, TokenType.R_PAREN)
        node.set("alias", exp.TableAlias(this=name, columns=columns))
    if parser._match(TokenType.PARTITION_BY):
        node.set("partition_by", _bracketed(parser))
        node.set("alone", not node.args["partition_by"])
    found = choice(parser, "PRUNE WHEN EMPTY", "KEEP WHEN EMPTY")
    node.set("empty", exp.Var(this=found) if found else None)
    if parser._match(TokenType.ORDER_BY):
        bracket = parser._match(TokenType.L_PAREN)
        items = parser._parse_csv(parser._parse_ordered) if bracket else [parser._parse_ordered()]
        node.set("order", exp.Order(expressions=items))
        if bracket:
            _token(parser, TokenType.R_PAREN)
    return node


def _goes_on(parser: Parser) -> bool:
    """Tell whether a word belongs to the argument, or begins the last part of the call, and is no alias."""
    word, following = parser._curr.text.upper(), parser._next
    if parser._curr.token_type is not TokenType.VAR:
        return False
    if word == "COPARTITION":
        return bool(following.token_type is TokenType.L_PAREN)
    return word in ("PRUNE", "KEEP") and following.token_type is TokenType.WHEN


def _bracketed(parser: Parser) -> list[exp.Expr]:
    if not parser._match(TokenType.L_PAREN):
        return [parser._parse_disjunction()]
    found: list[exp.Expr] = []
    if parser._curr.token_type is not TokenType.R_PAREN:
        found = parser._parse_csv(parser._parse_disjunction)
    _token(parser, TokenType.R_PAREN)
    return found


def _copartition(parser: Parser) -> exp.Expr:
    """Parse `(name, name, ...)`: the tables that are partitioned alike."""
    _token(parser, TokenType.L_PAREN)
    names = _listed(parser, _dotted)
    _token(parser, TokenType.R_PAREN)
    return exp.Tags(expressions=names)


def _dotted(parser: Parser) -> exp.Expr:
    name: exp.Expr = _identifier(parser)
    while parser._match(TokenType.DOT):
        name = exp.Dot(this=name, expression=_identifier(parser))
    return name


def _field(parser: Parser) -> exp.Expr:
    """Parse a field of a descriptor: a name, and perhaps a type."""
    name = _identifier(parser)
    return exp.ColumnDef(this=name, kind=data_type(parser._prev.text)) if parser._match(TYPE) else name


def _identifier(parser: Parser) -> exp.Identifier:
    token = parser._curr
    if token.token_type not in _NAMES:
        parser.raise_error("Expected a name")
    parser._advance()
    return exp.Identifier(this=token.text, quoted=True)


def _listed(parser: Parser, item: Callable[[Parser], exp.Expr]) -> list[exp.Expr]:
    items = [item(parser)]
    while parser._match(TokenType.COMMA):
        items.append(item(parser))
    return items


def _token(parser: Parser, token_type: TokenType) -> None:
    if not parser._match(token_type):
        parser.raise_error(f"Expected {token_type.name}")


def _input_sql(self: Generator, node: exp.InputModelProperty) -> str:
    parts = [f"TABLE({self.sql(node, 'this')})"]
    if node.args.get("alias"):
        parts.append(f"AS {self.sql(node, 'alias')}")
    keys = node.args.get("partition_by")
    if keys or node.args.get("alone"):  # one partition: PARTITION BY ()
        parts.append(f"PARTITION BY ({', '.join(map(self.sql, keys or ()))})")
    if node.args.get("empty"):
        parts.append(self.sql(node, "empty"))
    if node.args.get("order"):
        parts.append(f"ORDER BY ({self.expressions(node.args['order'], flat=True)})")
    return " ".join(parts)


def _tags_sql(self: Generator, node: exp.Tags) -> str:
    word = "" if node.arg_key == "copartition" else "DESCRIPTOR"
    return f"{word}({', '.join(_field_sql(self, each) for each in node.expressions)})"


def _field_sql(self: Generator, node: exp.Expr) -> str:
    if isinstance(node, exp.ColumnDef):
        return f"{self.sql(node, 'this')} {type_sql(node.args['kind'])}"
    return str(self.sql(node))


def call_sql(self: Generator, node: exp.TableFromRows) -> str:
    """Write `TABLE(name(arguments))`."""
    text = str(self.sql(node, "this"))
    tables = node.args.get("copartition")
    text = f"{text[:-1]} COPARTITION {', '.join(map(self.sql, tables))})" if tables else text
    alias = self.sql(node, "alias")
    return f"TABLE({text}){f' AS {alias}' if alias else ''}{self.sql(node, 'sample')}"


WRITERS: dict[type[exp.Expr], Callable[[Generator, Any], str]] = {
    exp.InputModelProperty: _input_sql,
    exp.Tags: _tags_sql,
}
"""How each is written."""
