"""Lexemes to trees: sqlglot's parser between a strict reading and a strict look at the result."""

# ruff: noqa: SLF001  (sqlglot's parser has no public entry for one rule over given tokens)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.allowed import check_allowed
from catalog.dialect.configure import PARSER, READING
from catalog.dialect.faithful import check_faithful
from catalog.dialect.generate import generate
from catalog.dialect.hooks import PLUS
from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.limits import Limits
from catalog.dialect.own_text import read_own
from catalog.dialect.patches import to_tokens
from catalog.dialect.routine_names import tell_apart
from catalog.dialect.routines import declares_functions, read_functions
from catalog.dialect.scan import scan_depth
from catalog.dialect.syntax import mismatched, not_supported
from catalog.errors import ErrorCode, Location, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = Limits(max_bytes=16_777_216, max_depth=150, max_nodes=200_000, max_tokens=1_000_000)
"""Limits for text the gateway wrote: governing adds levels and nodes to what the user was allowed."""
NO_SESSION_VALUES = "no session values"
"""The note on a tree from whose text it is plain that no `current_user` or its like is in it."""
_SESSION_WORDS = ("current_", "version")
_QUERY_STARTS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})


def query_tree(lexemes: list[Lexeme], sql: str, limits: Limits) -> exp.Expr:
    """Parse lexemes (the last is END) that are one query.

    Raises Refusal SYNTAX_ERROR, NOT_SUPPORTED or, for invalid literals and types, what Trino answers.
    """
    if lexemes[0].upper not in _QUERY_STARTS:
        raise mismatched(lexemes[0])
    if (
        lexemes[0].upper == "WITH"
        and lexemes[1].upper in ("FUNCTION", "SESSION")
        and lexemes[2].is_name
        and lexemes[2].upper != "AS"
    ):
        raise Refusal(
            ErrorCode.NOT_SUPPORTED,
            f"WITH {lexemes[1].upper} is not supported",
            location=Location(lexemes[0].line, lexemes[0].column),
        )
    tree = _tree(lexemes, sql, limits, _query)
    if not isinstance(tree, (exp.Query, exp.Values)) or (isinstance(tree, exp.Subquery) and tree.alias):
        raise mismatched(lexemes[0])
    text = sql.lower()
    if not any(word in text for word in _SESSION_WORDS):
        tree.meta[NO_SESSION_VALUES] = True
    return tree


def root_tree(lexemes: list[Lexeme], sql: str, limits: Limits) -> exp.Expr:
    """Parse lexemes that are one whole query, which may begin with functions; these are its argument `functions`.

    Raises Refusal as `query_tree` does.
    """
    if not declares_functions(lexemes):
        return query_tree(lexemes, sql, limits)
    functions, at = read_functions(lexemes, lambda part: expression_tree(part, sql, limits))
    tree = query_tree(lexemes[at:], sql, limits)
    full = next((lexeme for lexeme in lexemes if lexeme.is_name and lexeme.identifier.lower() == "builtin"), None)
    if tell_apart(tree, functions) and full is not None:  # `system.builtin.abs` was cut to `abs`, which means another
        raise not_supported("A function with the name of a built-in one beside full names of those", full)
    tree.set("functions", functions)
    return tree


def expression_tree(lexemes: list[Lexeme], sql: str, limits: Limits) -> exp.Expr:
    """Parse lexemes (the last is END) that are one scalar expression. Raises Refusal as `query_tree` does."""
    if lexemes[0].kind is Kind.END:
        raise mismatched(lexemes[0])
    return _tree(lexemes, sql, limits, _expression)


def reread(sql: str) -> exp.Expr:
    """Parse a query that the gateway wrote itself, to be compared with what was meant. Raises as `query_tree` does."""
    lexemes, tokens = read_own(sql, _OWN)
    if sql.count("(") + sql.count("[") + sql.count("CASE") > _OWN.max_depth:  # else it cannot be that deep
        scan_depth(lexemes, _OWN)
    if tokens is not None:
        return _parsed(tokens, sql, _OWN, _query, lexemes[-1])
    if not declares_functions(lexemes):
        return _reread(lexemes, sql, _query)
    functions, at = read_functions(lexemes, lambda part: _reread(part, sql, _expression))
    tree = _reread(lexemes[at:], sql, _query)
    tree.set("functions", functions)
    return tree


def _reread(lexemes: list[Lexeme], sql: str, rule: Callable[[Any], Any]) -> exp.Expr:
    return _parsed(to_tokens(lexemes), sql, _OWN, rule, lexemes[-1])


def _tree(lexemes: list[Lexeme], sql: str, limits: Limits, rule: Callable[[Any], Any]) -> exp.Expr:
    tokens = to_tokens(lexemes)
    tree = _parsed(tokens, sql, limits, rule, lexemes[-1])
    check_allowed(tree, parsed=True)
    check_faithful(tokens, generate(tree))
    if any(token.token_type is TokenType.PLUS and not token.text for token in tokens):
        _keep_plus(tree)
    return tree


def _keep_plus(tree: exp.Expr) -> None:
    """Let `+a` stay without a name, and `+1` without an ordinal's meaning, where the sign itself leaves no trace."""
    for node in [each for each in tree.walk() if PLUS in each.meta and isinstance(each.parent, _NAMING)]:
        node.replace(exp.If(this=exp.true(), true=node.copy()))


_NAMING = (exp.Select, exp.Ordered, exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup, exp.Tuple, exp.Paren)
"""What takes a bare column's name, or a bare number for a column's place."""


def _query(parser: Any) -> Any:
    return parser._parse_statement()


def _expression(parser: Any) -> Any:
    return parser._parse_disjunction()


def _parsed(tokens: list[Token], sql: str, limits: Limits, rule: Callable[[Any], Any], end: Lexeme) -> exp.Expr:
    parser: Any = PARSER(error_level=ErrorLevel.IMMEDIATE, max_nodes=limits.max_nodes, dialect=READING)
    try:
        trees = parser._parse(rule, tokens, sql)
    except ParseError as error:
        raise _syntax_error(parser, error, tokens, limits, end) from error
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, AssertionError) as error:
        # The parser of thirty dialects has corners that fail in other ways; none may pass.
        raise Refusal(ErrorCode.SYNTAX_ERROR, "Query cannot be parsed", detail=repr(error)) from error
    if len(trees) != 1 or trees[0] is None:
        raise mismatched(end)
    tree: exp.Expr = trees[0]
    return tree


def _syntax_error(parser: Any, error: ParseError, tokens: list[Token], limits: Limits, end: Lexeme) -> Refusal:
    first = error.errors[0] if error.errors else {}
    description = str(first.get("description"))
    if description.startswith("Maximum number of AST nodes"):
        return Refusal(
            ErrorCode.GENERIC_USER_ERROR,
            f"Query has more than the maximum of {limits.max_nodes} syntax nodes",
            hint="Simplify the query.",
        )
    if parser._index >= len(tokens):
        return mismatched(end)
    token = parser._curr
    misread = _misread(token, parser._prev, parser)
    if misread is not None:
        return misread
    return Refusal(
        ErrorCode.SYNTAX_ERROR,
        f"mismatched input '{parser.sql[token.start : token.end + 1]}'",
        location=Location(token.line, token.col),
        detail=description,
    )


def _misread(token: Token, before: Token | None, parser: Any) -> Refusal | None:
    """Return the refusal for what Trino parses and sqlglot does not: a type that is none, a lambda out of place."""
    if before is None:
        return None
    location = Location(before.line, before.col)
    begins = parser._index < 2 or parser._tokens[parser._index - 2].token_type not in _ENDS
    named = before.token_type is TokenType.VAR and before.text.upper() not in _HELD
    if token.token_type is TokenType.STRING and named and begins:
        return Refusal(ErrorCode.TYPE_NOT_FOUND, f"Unknown resolvedType: {before.text}", location=location)
    lambda_ = token.token_type is TokenType.ARROW and parser._next.token_type is not TokenType.GT
    if lambda_ and before.token_type in (*_NAMES, TokenType.R_PAREN):
        what = "Lambda expression should always be used inside a function"
        return Refusal(ErrorCode.TYPE_MISMATCH, what, location=location)
    return _of_patterns(token, before, parser)


def _of_patterns(token: Token, before: Token, parser: Any) -> Refusal | None:
    """Return the refusal for RUNNING and FINAL outside of row patterns."""
    mode = parser._tokens[parser._index - 2] if parser._index > 1 else before
    if token.token_type is TokenType.L_PAREN and mode.text.upper() in ("FINAL", "RUNNING"):
        what = f"{mode.text.upper()} semantics is not supported out of pattern recognition context"
        return Refusal(ErrorCode.INVALID_PROCESSING_MODE, what, location=Location(mode.line, mode.col))
    return None


_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)
_ENDS = frozenset({*_NAMES, TokenType.DOT, TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.STRING, TokenType.NUMBER})
"""Behind these no literal can begin: a word there is an alias, or a field."""
_HELD = frozenset({"CAST", "TRY_CAST", "ZONE"})
"""Words that are written as names and are none to Trino when a string follows."""
