"""Generation: tree to Trino SQL text that means the tree."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.generators.trino import TrinoGenerator

from catalog.dialect.configure import WRITING
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
        text = str(generator.generate(tree, copy=False))
        functions = tree.args.get("functions")
        return f"WITH {', '.join(map(generator.sql, functions))} {text}" if functions else text
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Refusal(
            ErrorCode.GENERIC_INTERNAL_ERROR, "The query could not be written for the engine", detail=repr(error)
        ) from error
