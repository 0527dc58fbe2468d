"""Expressions with a syntax of their own, parsed inside sqlglot's parser by its table of function parsers.

sqlglot accepts more than Trino in each of them or loses part of what was written; plain calls stay `exp.Anonymous`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokens import TokenType

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
    return parser.expression(exp.Cast(this=this, to=_type(parser)))


def try_cast(parser: Parser) -> exp.Expr:
    """Parse the same for TRY_CAST."""
    this = parser._parse_disjunction()
    _keyword(parser, TokenType.ALIAS, "AS")
    return parser.expression(exp.TryCast(this=this, to=_type(parser)))


def if_(parser: Parser) -> exp.Expr:
    """Parse `condition, value [, value])`."""
    arguments = parser._parse_csv(parser._parse_disjunction)
    if len(arguments) not in (2, 3):
        parser.raise_error("Invalid number of arguments for 'if' function")
    return parser.expression(exp.If(this=arguments[0], true=arguments[1], false=(*arguments, None)[2]))


def extract(parser: Parser) -> exp.Expr:
    """Parse `field FROM expression)`."""
    this = parser._parse_var(upper=True)
    _keyword(parser, TokenType.FROM, "FROM")
    return parser.expression(exp.Extract(this=this, expression=parser._parse_bitwise()))


def position(parser: Parser) -> exp.Expr:
    """Parse `needle IN haystack)`."""
    needle = parser._parse_bitwise()
    _keyword(parser, TokenType.IN, "IN")
    return parser.expression(exp.StrPosition(this=parser._parse_bitwise(), substr=needle))


def substring(parser: Parser) -> exp.Expr:
    """Parse `text FROM start [FOR length])`, or the arguments of the plain call."""
    name = parser._tokens[parser._index - 2].text
    this = parser._parse_bitwise()
    if not parser._match(TokenType.FROM):
        return _plain_call(parser, name, this)
    start = parser._parse_bitwise()
    length = parser._parse_bitwise() if parser._match(TokenType.FOR) else None
    return parser.expression(exp.Substring(this=this, start=start, length=length))


def trim(parser: Parser) -> exp.Expr:
    """Parse `[LEADING | TRAILING | BOTH] [characters] FROM text)`, or the arguments of the plain call."""
    name = parser._tokens[parser._index - 2].text
    position = None
    if parser._next.text not in (")", ",", ".") and parser._match_texts(("LEADING", "TRAILING", "BOTH")):
        position = parser._prev.text.upper()
    this = None if parser._match(TokenType.FROM, advance=False) else parser._parse_bitwise()
    if parser._match(TokenType.FROM):
        return parser.expression(exp.Trim(this=parser._parse_bitwise(), expression=this, position=position))
    if position:
        parser.raise_error("Expected FROM")
    return _plain_call(parser, name, this)


def json_value(parser: Parser) -> exp.Expr:
    """Parse `input, path [RETURNING type] [... ON EMPTY] [... ON ERROR])`."""
    this, path = _json_input(parser)
    returning = _type(parser) if parser._match_text_seq("RETURNING") else None
    return parser.expression(
        exp.JSONValue(this=this, path=path, returning=returning, on_condition=_on_condition(parser))
    )


def json_query(parser: Parser) -> exp.Expr:
    """Parse `input, path [... WRAPPER] [... QUOTES] [... ON EMPTY] [... ON ERROR])`."""
    return parser._parse_json_query()


def json_object(parser: Parser) -> exp.Expr:
    """Parse `key : value, ... [NULL | ABSENT ON NULL])`."""
    return parser._parse_json_object()


def precise(node: type[exp.Expr]) -> Hook:
    """Return the hook for a current-time word with a precision in brackets."""

    def parse(parser: Parser) -> exp.Expr:
        return parser.expression(node(this=parser._parse_number()))

    return parse


def _json_input(parser: Parser) -> tuple[exp.Expr, exp.Expr]:
    this = parser._parse_bitwise()
    _keyword(parser, TokenType.COMMA, ",")
    if parser._curr.token_type is not TokenType.STRING:
        parser.raise_error("Expected a path")
    return this, parser._parse_string()


def _on_condition(parser: Parser) -> exp.OnCondition | None:
    """Parse `... ON EMPTY` and `... ON ERROR`, in this order."""
    empty, error = _behavior(parser, "EMPTY"), _behavior(parser, "ERROR")
    return parser.expression(exp.OnCondition(empty=empty, error=error)) if empty or error else None


def _behavior(parser: Parser, case: str) -> exp.Expr | str | None:
    for text in ("ERROR", "NULL"):
        if parser._match_text_seq(text, "ON", case):
            return f"{text} ON {case}"
    index = parser._index
    if parser._match_text_seq("DEFAULT"):
        default = parser._parse_bitwise()
        if parser._match_text_seq("ON", case):
            return default
        parser._retreat(index)
    return None


def _plain_call(parser: Parser, name: str, first: exp.Expr | None) -> exp.Expr:
    arguments = [first] if first is not None else []
    if parser._match(TokenType.COMMA):
        arguments += parser._parse_csv(parser._parse_lambda)
    return parser.expression(exp.Anonymous(this=name, expressions=arguments))


def _keyword(parser: Parser, token_type: TokenType, text: str) -> None:
    if not parser._match(token_type):
        parser.raise_error(f"Expected {text}")


def _type(parser: Parser) -> exp.DataType:
    if not parser._match(TYPE):
        parser.raise_error("Expected a type")
    return data_type(parser._prev.text)


HOOKS: dict[str, Hook] = {
    "CAST": cast,
    "TRY_CAST": try_cast,
    "IF": if_,
    "EXTRACT": extract,
    "POSITION": position,
    "SUBSTRING": substring,
    "TRIM": trim,
    "JSON_VALUE": json_value,
    "JSON_QUERY": json_query,
    "JSON_OBJECT": json_object,
    "NORMALIZE": lambda parser: parser._parse_normalize(),
    "LISTAGG": lambda parser: parser._parse_string_agg(),
    "CURRENT_TIME": precise(exp.CurrentTime),
    "CURRENT_TIMESTAMP": precise(exp.CurrentTimestamp),
    "LOCALTIME": precise(exp.Localtime),
    "LOCALTIMESTAMP": precise(exp.Localtimestamp),
}
"""Hooks by upper-case name; each is entered behind the opening bracket and leaves the closing one."""
