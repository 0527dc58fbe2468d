"""Parsing: text to statement, query or expression, or a refusal; never anything else."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.dialect.cursor import Cursor
from catalog.dialect.lexer import lex
from catalog.dialect.limits import Limits
from catalog.dialect.scan import scan_depth, scan_text
from catalog.dialect.statement_rules import alterations, authority, changes, merge, objects, session, show, wrapped
from catalog.dialect.syntax import mismatched
from catalog.dialect.trees import expression_tree, query_tree
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlglot import exp

    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.statements import Statement


def parse_statement(sql: str, limits: Limits = Limits()) -> Statement:  # noqa: B008  (frozen)
    """Parse exactly one statement.

    Raises Refusal: SYNTAX_ERROR in Trino's wording with its place, QUERY_TEXT_TOO_LARGE and GENERIC_USER_ERROR over a
    limit, INVALID_LITERAL and TYPE_MISMATCH for literals and types, NOT_SUPPORTED for Trino syntax that is not taken.
    """
    with _no_deeper():
        cursor = Cursor(_read(sql, limits), sql, limits)
        statement = _statement(cursor)
        cursor.end()
        return statement


def parse_query(sql: str, limits: Limits = Limits()) -> exp.Expr:  # noqa: B008  (frozen)
    """Parse exactly one query and return its tree. Raises Refusal as `parse_statement` does."""
    with _no_deeper():
        return query_tree(_read(sql, limits), sql, limits)


def parse_expression(sql: str, limits: Limits = Limits()) -> exp.Expr:  # noqa: B008  (frozen)
    """Parse exactly one scalar expression and return its tree. Raises Refusal as `parse_statement` does."""
    with _no_deeper():
        return expression_tree(_read(sql, limits), sql, limits)


def _read(sql: str, limits: Limits) -> list[Lexeme]:
    """Check a text's size, cut it into lexemes and check their depth."""
    scan_text(sql, limits)
    lexemes = lex(sql, limits)
    scan_depth(lexemes, limits)
    return lexemes


@contextmanager
def _no_deeper() -> Iterator[None]:
    """Turn an exhausted stack into a refusal."""
    try:
        yield
    except RecursionError as error:
        raise Refusal(ErrorCode.GENERIC_USER_ERROR, "Query is nested too deeply", hint="Simplify the query.") from error


def _statement(cursor: Cursor) -> Statement:
    """Read a statement up to the end of the text."""
    word = cursor.here.upper
    if word in _QUERY_STARTS:
        following, name = cursor.ahead(), cursor.ahead(2)
        if word == "WITH" and following.upper == "SESSION" and name.is_name and name.upper != "AS":
            return session.with_session(cursor)
        _check_brackets(cursor)
        return cursor.query()
    rule = _RULES.get(word)
    if rule is None:
        raise mismatched(cursor.here, ", ".join(f"'{each}'" for each in sorted({*_QUERY_STARTS, *_RULES})))
    return rule(cursor)


def _check_brackets(cursor: Cursor) -> None:
    """Refuse WITH within brackets around a whole statement, where Trino's grammar has none."""
    at = 0
    while cursor.ahead(at).text == "(":
        at += 1
    if at and cursor.ahead(at).upper == "WITH":
        raise mismatched(cursor.ahead(at), "'(', 'SELECT', 'TABLE', 'VALUES'")


_QUERY_STARTS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
_RULES: dict[str, Callable[[Cursor], Statement]] = {
    "ALTER": alterations.alter,
    "ANALYZE": changes.analyze,
    "CALL": session.call,
    "COMMENT": alterations.comment,
    "COMMIT": session.commit,
    "CREATE": objects.create,
    "DEALLOCATE": wrapped.deallocate,
    "DELETE": changes.delete,
    "DENY": authority.deny,
    "DESC": show.describe,
    "DESCRIBE": show.describe,
    "DROP": objects.drop,
    "EXECUTE": wrapped.execute,
    "EXPLAIN": lambda cursor: wrapped.explain(cursor, _statement),
    "GRANT": authority.grant,
    "INSERT": changes.insert,
    "MERGE": merge.merge,
    "PREPARE": lambda cursor: wrapped.prepare(cursor, _statement),
    "REFRESH": changes.refresh,
    "RESET": session.reset,
    "REVOKE": authority.revoke,
    "ROLLBACK": session.rollback,
    "SET": session.set_,
    "SHOW": show.show,
    "START": session.start,
    "TRUNCATE": changes.truncate,
    "UPDATE": changes.update,
    "USE": session.use,
}
