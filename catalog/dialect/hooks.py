"""Expressions with a syntax of their own, parsed inside sqlglot's parser by its table of function parsers.

sqlglot accepts more than Trino in each of them or loses part of what was written; plain calls stay `exp.Anonymous`.
"""

# ruff: noqa: SLF001  (sqlglot's parser is extended by functions that call its methods, all private by name)

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.dialect import json_forms, json_tables, table_functions
from catalog.dialect.tokens import TYPE
from catalog.dialect.types import data_type

if TYPE_CHECKING:
    Parser = Any
    """sqlglot's compiled parser; its methods are private by name and the documented way to extend it."""
    Hook = Callable[[Parser], exp.Expr]


def cast(parser: Parser) -> exp.Expr:
    """Parse `expression AS type)`."""
    this = parser._parse_disjunction()
    _keyword(parser, TokenType.ALIAS, "AS")
    return _made(parser, exp.Cast(this=this, to=_type(parser)))


def try_cast(parser: Parser) -> exp.Expr:
    """Parse the same for TRY_CAST."""
    this = parser._parse_disjunction()
    _keyword(parser, TokenType.ALIAS, "AS")
    return _made(parser, exp.TryCast(this=this, to=_type(parser)))


def if_(parser: Parser) -> exp.Expr:
    """Parse `condition, value [, value])`."""
    arguments = parser._parse_csv(parser._parse_disjunction)
    if len(arguments) not in (2, 3):
        parser.raise_error("Invalid number of arguments for 'if' function")
    return _made(parser, exp.If(this=arguments[0], true=arguments[1], false=(*arguments, None)[2]))


def extract(parser: Parser) -> exp.Expr:
    """Parse `field FROM expression)`."""
    this = parser._parse_var(upper=True)
    _keyword(parser, TokenType.FROM, "FROM")
    return _made(parser, exp.Extract(this=this, expression=_operand(parser)))


def position(parser: Parser) -> exp.Expr:
    """Parse `needle IN haystack)`, or the arguments of a plain call."""
    name = parser._tokens[parser._index - 2].text
    needle = _operand(parser)
    if parser._match(TokenType.COMMA, advance=False):
        return _plain_call(parser, name, needle)
    _keyword(parser, TokenType.IN, "IN")
    return _made(parser, exp.StrPosition(this=_operand(parser), substr=needle))


def substring(parser: Parser) -> exp.Expr:
    """Parse `text FROM start [FOR length])`, or the arguments of the plain call."""
    name = parser._tokens[parser._index - 2].text
    this = _operand(parser)
    if not parser._match(TokenType.FROM):
        return _plain_call(parser, name, this)
    start = _operand(parser)
    length = _operand(parser) if parser._match(TokenType.FOR) else None
    return _made(parser, exp.Substring(this=this, start=start, length=length))


def trim(parser: Parser) -> exp.Expr:
    """Parse `[LEADING | TRAILING | BOTH] [characters] FROM text)`, or the arguments of the plain call."""
    name = parser._tokens[parser._index - 2].text
    position = None
    if parser._next.text not in (")", ",", ".") and parser._match_texts(("LEADING", "TRAILING", "BOTH")):
        position = parser._prev.text.upper()
    this = None if parser._match(TokenType.FROM, advance=False) else _operand(parser)
    if parser._match(TokenType.FROM):
        return _made(parser, exp.Trim(this=_operand(parser), expression=this, position=position))
    if position:
        parser.raise_error("Expected FROM")
    call = _plain_call(parser, name, this)
    if len(call.expressions) not in (1, 2):
        parser.raise_error("Invalid number of arguments for 'trim' function")
    return call


def like(parser: Parser, this: exp.Expr | None) -> exp.Expr:
    """Parse `pattern [ESCAPE character]`, both any value; sqlglot's own rule takes a literal behind ESCAPE."""
    node = _made(parser, exp.Like(this=this, expression=parser._parse_bitwise()))
    if not parser._match(TokenType.ESCAPE):
        return node
    return _made(parser, exp.Escape(this=node, expression=_operand(parser)))


def lambda_(parser: Parser, names: list[exp.Expr]) -> exp.Expr:
    """Parse the body of a lambda; one that takes nothing is a lambda too, if one that no function takes."""
    body = parser._replace_lambda(parser._parse_disjunction(), names)
    if names:
        return _made(parser, exp.Lambda(this=body, expressions=names))
    if body is None:
        parser.raise_error("Expected an expression")
    return exp.Lambda(this=body, expressions=[])


PLUS = "plus"
"""The note on what stands behind a unary plus, which leaves no node: it has to be a number."""


def plus(parser: Parser) -> exp.Expr | None:
    """Parse what a unary plus stands before."""
    operand: exp.Expr | None = parser._parse_unary()
    if operand is not None:
        operand.meta[PLUS] = True
    return operand


def precise(node: type[exp.Expr]) -> Hook:
    """Return the hook for a current-time word with a precision in brackets."""

    def parse(parser: Parser) -> exp.Expr:
        return _made(parser, node(this=parser._parse_number()))

    return parse


def _made(parser: Parser, node: exp.Expr) -> exp.Expr:
    """Return a node after the parser has counted and checked it."""
    return _built(parser.expression(node))


def _built(node: Any) -> exp.Expr:
    built: exp.Expr = node
    return built


def _operand(parser: Parser) -> exp.Expr:
    """Parse a value that has to be there."""
    value: exp.Expr | None = parser._parse_bitwise()
    if value is None:
        parser.raise_error("Expected an expression")
        raise AssertionError  # raise_error raises: the parser stops at the first error
    return value


def _plain_call(parser: Parser, name: str, first: exp.Expr | None) -> exp.Expr:
    arguments = [first] if first is not None else []
    if parser._match(TokenType.COMMA):
        arguments += parser._parse_csv(parser._parse_lambda)
    return _made(parser, exp.Anonymous(this=name, expressions=arguments))


def _keyword(parser: Parser, token_type: TokenType, text: str) -> None:
    if not parser._match(token_type):
        parser.raise_error(f"Expected {text}")


def _type(parser: Parser) -> exp.DataType:
    if not parser._match(TYPE):
        parser.raise_error("Expected a type")
    return data_type(parser._prev.text)


def _closed(hook: Hook) -> Hook:
    """Return a hook after which the closing bracket has to stand: sqlglot's parser does not ask for it.

    A name in quotes begins no syntax: `"trim"(x)` is a call of a function like any other.
    """

    def parse(parser: Parser) -> exp.Expr:
        quoted = hook is not if_ and parser._tokens[parser._index - 2].token_type is TokenType.IDENTIFIER
        node = _quoted_call(parser) if quoted else hook(parser)
        if parser._curr.token_type is not TokenType.R_PAREN:
            parser.raise_error("Expected )")
        return node

    return parse


def _quoted_call(parser: Parser) -> exp.Expr:
    name = exp.Identifier(this=parser._tokens[parser._index - 2].text, quoted=True)
    return _made(parser, exp.Anonymous(this=name, expressions=parser._parse_csv(parser._parse_lambda)))


_HOOKS: dict[str, Hook] = {
    "CAST": cast,
    "TRY_CAST": try_cast,
    "IF": if_,
    "EXTRACT": extract,
    "POSITION": position,
    "SUBSTRING": substring,
    "TRIM": trim,
    **json_forms.HOOKS,
    "JSON_TABLE": json_tables.json_table,
    "TABLE": table_functions.table_function,
    "NORMALIZE": lambda parser: _built(parser._parse_normalize()),
    "LISTAGG": lambda parser: _built(parser._parse_string_agg()),
    "CURRENT_TIME": precise(exp.CurrentTime),
    "CURRENT_TIMESTAMP": precise(exp.CurrentTimestamp),
    "LOCALTIME": precise(exp.Localtime),
    "LOCALTIMESTAMP": precise(exp.Localtimestamp),
}
HOOKS: dict[str, Hook] = {name: _closed(hook) for name, hook in _HOOKS.items()}
"""Hooks by upper-case name; each is entered behind the opening bracket and leaves the closing one."""
