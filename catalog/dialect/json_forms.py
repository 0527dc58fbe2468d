"""SQL/JSON functions, parsed inside sqlglot's parser and written back word for word.

sqlglot knows part of their syntax: no PASSING, no FORMAT JSON, not every wrapper and behavior. Here each is read by the
rules of Trino's grammar into sqlglot's own nodes, with the arguments that those lack.
"""

# ruff: noqa: SLF001  (sqlglot's parser is extended by functions that call its methods, all private by name)

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.dialect.tokens import TYPE
from catalog.dialect.types import data_type
from catalog.errors import ErrorCode, Location, Refusal

if TYPE_CHECKING:
    Parser = Any
    """sqlglot's compiled parser."""
    Generator = Any
    """sqlglot's compiled generator."""
    Writer = Callable[[Generator, Any], str]

_NO_WORDS = frozenset({TokenType.IDENTIFIER, TokenType.STRING})
_ENCODINGS = ("UTF8", "UTF16", "UTF32")


def words(parser: Parser, *expected: str) -> bool:
    """Step over keywords if all of them stand here; a quoted name is no keyword."""
    start = parser._index
    for word in expected:
        token = parser._curr
        if token.token_type in _NO_WORDS or token.text.upper() != word:
            parser._retreat(start)
            return False
        parser._advance()
    return True


def choice(parser: Parser, *phrases: str) -> str | None:
    """Step over the first of several phrases that stands here and return it."""
    return next((phrase for phrase in phrases if words(parser, *phrase.split())), None)


def expected(parser: Parser, *phrases: str) -> str:
    """Step over one of several phrases and return it, or raise."""
    found = choice(parser, *phrases)
    if found is None:
        parser.raise_error(f"Expected {' or '.join(phrases)}")
        raise AssertionError  # the parser stops at the first error
    return found


def value(parser: Parser) -> exp.Expr:
    """Parse `expression [FORMAT JSON [ENCODING encoding]]`."""
    this: exp.Expr | None = parser._parse_disjunction()
    if this is None:
        parser.raise_error("Expected an expression")
        raise AssertionError
    form = format_json(parser)
    return exp.FormatJson(this=this, format=form) if form else this


def format_json(parser: Parser) -> exp.Var | None:
    """Parse `FORMAT JSON [ENCODING encoding]` if it stands here."""
    if not words(parser, "FORMAT", "JSON"):
        return None
    text = "FORMAT JSON"
    if words(parser, "ENCODING"):
        text += f" ENCODING {expected(parser, *_ENCODINGS)}"
    return exp.Var(this=text)


def path(parser: Parser) -> exp.Expr:
    """Parse a path, which is a string."""
    if parser._curr.token_type is not TokenType.STRING:
        parser.raise_error("Expected a path")
    found: exp.Expr = parser._parse_string()
    return found


def unnamed_path(parser: Parser) -> exp.Expr:
    """Parse a path that has no name of its own: only JSON_TABLE's may. Raises Refusal INVALID_PATH."""
    found = path(parser)
    if parser._curr.token_type is TokenType.ALIAS and parser._next.token_type in (TokenType.VAR, TokenType.IDENTIFIER):
        place = Location(parser._next.line, parser._next.col)
        raise Refusal(ErrorCode.INVALID_PATH, "JSON path name is not allowed in this function", location=place)
    return found


def comma(parser: Parser) -> None:
    """Step over a comma or raise."""
    if not parser._match(TokenType.COMMA):
        parser.raise_error("Expected ,")


def passing(parser: Parser) -> list[exp.Expr] | None:
    """Parse `PASSING value AS name, ...` if it stands here; unquoted names are in upper case, as paths see them."""
    if not words(parser, "PASSING"):
        return None
    arguments = [_argument(parser)]
    while parser._match(TokenType.COMMA):
        arguments.append(_argument(parser))
    return arguments


def _argument(parser: Parser) -> exp.Expr:
    this = value(parser)
    if not parser._match(TokenType.ALIAS):
        parser.raise_error("Expected AS")
    return exp.JSONKeyValue(this=name(parser), expression=this)


def name(parser: Parser) -> exp.Identifier:
    """Parse a name that Trino keeps in upper case unless it is quoted."""
    token = parser._curr
    if token.token_type not in (TokenType.VAR, TokenType.IDENTIFIER):
        parser.raise_error("Expected a name")
    parser._advance()
    quoted = token.token_type is TokenType.IDENTIFIER
    return exp.Identifier(this=token.text if quoted else token.text.upper(), quoted=True)


def returning(parser: Parser) -> exp.DataType | None:
    """Parse `RETURNING type` if it stands here."""
    if not words(parser, "RETURNING"):
        return None
    if not parser._match(TYPE):
        parser.raise_error("Expected a type")
    return data_type(parser._prev.text)


def behaviors(parser: Parser, *phrases: str, default: bool = False) -> exp.OnCondition | None:
    """Parse `... ON EMPTY` and `... ON ERROR`, in this order."""
    empty, error = (_behavior(parser, case, phrases, default) for case in ("EMPTY", "ERROR"))
    return exp.OnCondition(empty=empty, error=error) if empty or error else None


def _behavior(parser: Parser, case: str, phrases: tuple[str, ...], default: bool) -> exp.Expr | str | None:
    found = choice(parser, *(f"{phrase} ON {case}" for phrase in phrases))
    if found is not None or not default:
        return found
    start = parser._index
    if words(parser, "DEFAULT"):
        this: exp.Expr | None = parser._parse_disjunction()
        if this is not None and words(parser, "ON", case):
            return this
        parser._retreat(start)
    return None


def wrapper(parser: Parser) -> exp.Var | None:
    """Parse how JSON_QUERY wraps what it finds."""
    kinds = [
        f"WITH {kind}{array}WRAPPER" for kind in ("", "CONDITIONAL ", "UNCONDITIONAL ") for array in ("", "ARRAY ")
    ]
    found = choice(parser, "WITHOUT WRAPPER", "WITHOUT ARRAY WRAPPER", *kinds)
    return exp.Var(this=found) if found else None


def quotes(parser: Parser) -> exp.Var | None:
    """Parse whether JSON_QUERY keeps the quotes of strings."""
    kinds = [f"{kind} QUOTES{scalar}" for kind in ("KEEP", "OMIT") for scalar in (" ON SCALAR STRING", "")]
    found = choice(parser, *kinds)
    return exp.Var(this=found) if found else None


def json_exists(parser: Parser) -> exp.Expr:
    """Parse `input, path [PASSING ...] [... ON ERROR])`."""
    this = value(parser)
    comma(parser)
    node = exp.JSONExists(this=this, path=unnamed_path(parser), passing=passing(parser))
    found = choice(parser, *(f"{word} ON ERROR" for word in ("TRUE", "FALSE", "UNKNOWN", "ERROR")))
    node.set("on_condition", exp.Var(this=found) if found else None)
    return node


def json_value(parser: Parser) -> exp.Expr:
    """Parse `input, path [PASSING ...] [RETURNING type] [... ON EMPTY] [... ON ERROR])`."""
    this = value(parser)
    comma(parser)
    node = exp.JSONValue(this=this, path=unnamed_path(parser), passing=passing(parser), returning=returning(parser))
    node.set("on_condition", behaviors(parser, "ERROR", "NULL", default=True))
    return node


def json_query(parser: Parser) -> exp.Expr:
    """Parse `input, path [PASSING ...] [RETURNING ...] [... WRAPPER] [... QUOTES] [... ON EMPTY] [... ON ERROR])`."""
    this = value(parser)
    comma(parser)
    node = exp.JSONExtract(this=this, expression=unnamed_path(parser), json_query=True, passing=passing(parser))
    _result(parser, node)
    node.set("option", wrapper(parser))
    node.set("quote", quotes(parser))
    node.set("on_condition", behaviors(parser, "ERROR", "NULL", "EMPTY ARRAY", "EMPTY OBJECT"))
    return node


def _result(parser: Parser, node: exp.Expr) -> None:
    """Parse `RETURNING type [FORMAT JSON [ENCODING encoding]]`."""
    node.set("return_type", returning(parser))
    if node.args.get("return_type") is not None:
        node.set("format", format_json(parser))


def json_array(parser: Parser) -> exp.Expr:
    """Parse `value, ... [NULL | ABSENT ON NULL] [RETURNING ...])`."""
    node = exp.JSONArray(expressions=[] if _is_over(parser) else _listed(parser, value))
    _constructed(parser, node)
    return node


def json_object(parser: Parser) -> exp.Expr:
    """Parse `key : value, ... [NULL | ABSENT ON NULL] [WITH | WITHOUT UNIQUE [KEYS]] [RETURNING ...])`."""
    node = exp.JSONObject(expressions=[] if _is_over(parser) else _listed(parser, _member))
    _constructed(parser, node, unique=True)
    return node


def _is_over(parser: Parser) -> bool:
    """Tell whether a constructor has no members."""
    token, following = parser._curr, parser._next
    return token.token_type is TokenType.R_PAREN or (
        token.text.upper() == "RETURNING" and following is not None and following.token_type is TYPE
    )


def _listed(parser: Parser, item: Callable[[Parser], exp.Expr]) -> list[exp.Expr]:
    items = [item(parser)]
    while parser._match(TokenType.COMMA):
        items.append(item(parser))
    return items


def _member(parser: Parser) -> exp.Expr:
    key: exp.Expr | None = parser._parse_disjunction()
    if key is None or not parser._match(TokenType.COLON):
        parser.raise_error("Expected :")
    return exp.JSONKeyValue(this=key, expression=value(parser))


def _constructed(parser: Parser, node: exp.Expr, *, unique: bool = False) -> None:
    """Parse what may follow the members of a constructor."""
    if node.expressions:
        nulls = choice(parser, "NULL ON NULL", "ABSENT ON NULL")
        node.set("null_handling", exp.Var(this=nulls) if nulls else None)
        kinds = [f"{kind} UNIQUE{keys}" for kind in ("WITH", "WITHOUT") for keys in (" KEYS", "")]
        keys = choice(parser, *kinds) if unique else None
        node.set("unique_keys", exp.Var(this=keys) if keys else None)
    _result(parser, node)


def _spaced(self: Generator, node: exp.Expr, *keys: str) -> str:
    """Write the arguments that are there, a blank before each."""
    return "".join(f" {text}" for key in keys if (text := self.sql(node, key)))


def _path_call(word: str, path_key: str, *keys: str) -> Writer:
    def write(self: Generator, node: exp.Expr) -> str:
        result = f" RETURNING {text}" if (text := self.sql(node, "returning") or self.sql(node, "return_type")) else ""
        return (
            f"{word}({self.sql(node, 'this')}, {self.sql(node, path_key)}{passing_sql(self, node)}{result}"
            f"{_spaced(self, node, *keys)})"
        )

    return write


def passing_sql(self: Generator, node: exp.Expr) -> str:
    """Write the PASSING clause, with a blank before it."""
    arguments = node.args.get("passing")
    if not arguments:
        return ""
    return " PASSING " + ", ".join(f"{self.sql(a, 'expression')} AS {self.sql(a, 'this')}" for a in arguments)


def _constructor(word: str) -> Writer:
    def write(self: Generator, node: exp.Expr) -> str:
        text = self.expressions(node, flat=True) + _spaced(self, node, "null_handling", "unique_keys")
        returned = self.sql(node, "return_type")
        text += f" RETURNING {returned}{_spaced(self, node, 'format')}" if returned else ""
        return f"{word}({text.strip()})"

    return write


def _key_value(self: Generator, node: exp.JSONKeyValue) -> str:
    return f"{self.sql(node, 'this')} : {self.sql(node, 'expression')}"


def _format_json(self: Generator, node: exp.FormatJson) -> str:
    return f"{self.sql(node, 'this')} {self.sql(node, 'format')}"


def _on_condition(self: Generator, node: exp.OnCondition) -> str:
    parts = []
    for key in ("empty", "error"):
        found = node.args.get(key)
        if found:
            parts.append(f"DEFAULT {self.sql(found)} ON {key.upper()}" if isinstance(found, exp.Expr) else found)
    return " ".join(parts)


HOOKS: dict[str, Callable[[Parser], exp.Expr]] = {
    "JSON_ARRAY": json_array,
    "JSON_EXISTS": json_exists,
    "JSON_OBJECT": json_object,
    "JSON_QUERY": json_query,
    "JSON_VALUE": json_value,
}
"""How each function is read; entered behind the opening bracket."""

WRITERS: dict[type[exp.Expr], Writer] = {
    exp.FormatJson: _format_json,
    exp.JSONArray: _constructor("JSON_ARRAY"),
    exp.JSONExists: _path_call("JSON_EXISTS", "path", "on_condition"),
    exp.JSONExtract: _path_call("JSON_QUERY", "expression", "format", "option", "quote", "on_condition"),
    exp.JSONKeyValue: _key_value,
    exp.JSONObject: _constructor("JSON_OBJECT"),
    exp.JSONValue: _path_call("JSON_VALUE", "path", "on_condition"),
    exp.OnCondition: _on_condition,
}
"""How each is written."""
