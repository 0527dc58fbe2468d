"""Generation: tree to Trino SQL text that means the tree."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.generators.trino import TrinoGenerator

from catalog.dialect.allowed import check_allowed
from catalog.dialect.configure import WRITING
from catalog.dialect.sameness import same
from catalog.errors import ErrorCode, Refusal


def generate(tree: exp.Expr) -> str:
    """Write a tree as Trino SQL: identifiers quoted, names as written, no comments. The tree is left as it is.

    Raises Refusal GENERIC_INTERNAL_ERROR for a node that cannot be written.
    """
    generator: Any = TrinoGenerator(
        dialect=WRITING,
        identify=True,
        comments=False,
        normalize_functions=False,
        unsupported_level=ErrorLevel.RAISE,
    )
    try:
        return str(generator.generate(tree, copy=False))
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Refusal(
            ErrorCode.GENERIC_INTERNAL_ERROR, "The query could not be written for the engine", detail=repr(error)
        ) from error


def generate_checked(tree: exp.Expr) -> str:
    """Write a query's tree as Trino SQL, parse the text again and require the same tree. Raises as `write_and_read`."""
    return write_and_read(tree)[0]


def write_and_read(tree: exp.Expr) -> tuple[str, exp.Expr]:
    """Write a query's tree as Trino SQL; return the text and the tree that was parsed from it, which is the same.

    Every node of the given tree was held to the list of allowed ones when it was read, so whatever equals the tree is
    on the list too. Raises Refusal GENERIC_INTERNAL_ERROR when the text means another tree: such text never reaches
    an engine.
    """
    from catalog.dialect.trees import reread  # the reader writes too, to check itself

    try:
        text = generate(tree)
        again = reread(text)
        if not same(again, tree):  # perhaps only because of notes that the check makes: quotes, counted subscripts
            check_allowed(again, parsed=True)
            check_allowed(tree)
            if not same(again, tree):
                raise _differs(text)
    except Refusal as refusal:
        raise _differs(refusal.text) from refusal
    return text, again


def _differs(detail: str) -> Refusal:
    return Refusal(ErrorCode.GENERIC_INTERNAL_ERROR, "The rewritten query could not be verified", detail=detail)
