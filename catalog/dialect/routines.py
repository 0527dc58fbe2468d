"""Functions of the caller's: `WITH FUNCTION name(...) RETURNS type ... body`, read by the rules of Trino's grammar.

sqlglot has no such syntax; its nodes hold what is read. Expressions inside are parsed and checked like any other, and
hold no queries, so that a function sees its arguments and variables and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches.strings import string_value
from catalog.dialect.routine_bodies import Body
from catalog.dialect.routine_source import Source
from catalog.dialect.syntax import mismatched, not_supported, place, syntax_error
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.routine_source import ReadExpression

_TRAITS = (
    ("NOT", "DETERMINISTIC"),
    ("DETERMINISTIC",),
    ("RETURNS", "NULL", "ON", "NULL", "INPUT"),
    ("CALLED", "ON", "NULL", "INPUT"),
    ("SECURITY", "DEFINER"),
    ("SECURITY", "INVOKER"),
)
_ONCE = {
    "NOT DETERMINISTIC": "deterministic",
    "DETERMINISTIC": "deterministic",
    "RETURNS NULL ON NULL INPUT": "null-call",
    "CALLED ON NULL INPUT": "null-call",
}
_UNTOLD = frozenset({"exists", "json_table", "try_cast"})
"""Names whose calls are not told apart from the syntax of that name."""


def declares_functions(lexemes: list[Lexeme]) -> bool:
    """Tell whether a query begins with functions; `WITH function AS (...)` is a common table expression."""
    first, word, name = lexemes[0], lexemes[1 % len(lexemes)], lexemes[2 % len(lexemes)]
    return first.upper == "WITH" and word.upper == "FUNCTION" and name.is_name and name.upper != "AS"


def read_functions(lexemes: list[Lexeme], read_expression: ReadExpression) -> tuple[list[exp.Expr], int]:
    """Read the functions before a query; return their nodes and the index at which the query begins.

    Raises Refusal SYNTAX_ERROR, NOT_SUPPORTED, INVALID_ARGUMENTS.
    """
    source = Source(lexemes, read_expression)
    source.expect("WITH")
    functions = [_function(source)]
    while source.accept(","):
        functions.append(_function(source))
    return functions, source.at


def _function(source: Source) -> exp.Expr:
    """Read `FUNCTION name(parameters) RETURNS type characteristics body`."""
    source.expect("FUNCTION")
    name = source.name()
    if source.here.text == ".":
        raise syntax_error("Inline function names cannot be qualified", source.here)
    if name.name.lower() in _UNTOLD:
        raise not_supported(f"A function that is called '{name.name.lower()}', as syntax is,", source.here)
    return read_definition(source, name, stored=False)


def read_definition(source: Source, name: exp.Identifier, *, stored: bool) -> exp.Expr:
    """Read what follows a function's name; one that is `stored` may say whose rights it has.

    Raises Refusal as `read_functions` does, and INVALID_FUNCTION_PROPERTY.
    """
    parameters = _parameters(source)
    source.expect("RETURNS")
    returns = source.type()
    traits = _traits(source, stored=stored)
    return exp.UserDefinedFunction(
        this=name, expressions=parameters, returns=returns, traits=traits, body=_body(source)
    )


def _parameters(source: Source) -> list[exp.Expr]:
    source.expect("(")
    found: list[exp.Expr] = []
    while source.here.text != ")" or found:
        if source.ahead().text in (")", ",", "("):  # a type alone
            what = "Function parameters must have a name"
            raise Refusal(ErrorCode.INVALID_ARGUMENTS, what, location=place(source.here))
        found.append(exp.ColumnDef(this=source.name(), kind=source.type()))
        if not source.accept(","):
            break
    source.expect(")")
    return found


def _traits(source: Source, *, stored: bool) -> list[exp.Expr]:
    """Read the characteristics, each as the text it is written as; none may be there twice."""
    found: list[str] = []
    taken: set[str] = set()
    while True:
        lexeme = source.here
        text = _trait(source)
        if text is None:
            return [exp.Var(this=each) for each in found]
        kind = _ONCE.get(text, text.split(" ", 1)[0].lower())
        if kind in taken:
            raise syntax_error(f"Multiple {kind} clauses specified", lexeme)
        if kind == "security" and not stored:
            raise not_supported("A security mode of an inline function", lexeme)
        taken.add(kind)
        found.append(text)


def _trait(source: Source) -> str | None:
    lexeme = source.here
    if source.accept("LANGUAGE"):
        language = source.name().name
        if language.upper() != "SQL":
            raise not_supported(f"Function language {language}", lexeme)
        return "LANGUAGE SQL"
    if source.accept("COMMENT"):
        text, source.at = string_value(source.lexemes, source.at)
        return "COMMENT '" + text.replace("'", "''") + "'"
    for words in _TRAITS:
        if source.accept(*words):
            return " ".join(words)
    if lexeme.kind is Kind.WORD and lexeme.upper == "WITH":
        what = "Function language 'SQL' does not support properties"
        raise Refusal(ErrorCode.INVALID_FUNCTION_PROPERTY, what, location=place(source.ahead(2)))
    if lexeme.kind is Kind.WORD and lexeme.upper == "AS":
        raise syntax_error("Functions using language 'SQL' must be defined using SQL", source.ahead())
    return None


def _body(source: Source) -> exp.Expr:
    """Read `RETURN value` or `BEGIN ... END`."""
    if source.here.upper == "RETURN":
        return Body(source).returned("SELECT", "WITH", "VALUES", "TABLE")
    if source.here.upper == "BEGIN":
        return Body(source).statement(0)
    raise mismatched(source.here, "'BEGIN', 'RETURN'")
