"""CREATE and DROP FUNCTION."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from catalog.dialect.routine_source import Source
from catalog.dialect.routines import read_definition
from catalog.dialect.statements import CreateFunction, DropFunction, Statement
from catalog.dialect.syntax import place
from catalog.dialect.trees import expression_tree
from catalog.errors import ErrorCode, Refusal

if TYPE_CHECKING:
    from catalog.dialect.cursor import Cursor

_NAMELESS = exp.Identifier(this="", quoted=True)
"""What stands for the name in a body's sight: a stored function cannot call itself."""


def create_function(cursor: Cursor) -> Statement:
    """Read what follows CREATE [OR REPLACE] FUNCTION."""
    name = cursor.name()
    source = Source(cursor.lexemes, lambda part: expression_tree(part, cursor.sql, cursor.limits))
    source.at = cursor.at
    function = read_definition(source, _NAMELESS.copy(), stored=True)
    cursor.at = source.at
    return CreateFunction(name, function, place(cursor.lexemes[0]))


def drop_function(cursor: Cursor) -> Statement:
    """Read what follows DROP FUNCTION. Raises Refusal TYPE_NOT_FOUND for a type that is none."""
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.name()
    cursor.expect("(")
    if cursor.here.text != ")":
        _argument_type(cursor)
        while cursor.accept(","):
            _argument_type(cursor)
    cursor.expect(")")
    return DropFunction(name, if_exists)


def _argument_type(cursor: Cursor) -> None:
    """Read a type, before which a name may stand."""
    start = cursor.at
    if cursor.here.is_name and cursor.ahead().is_name:
        try:
            cursor.identifier()
            cursor.type()
        except Refusal:
            cursor.at = start  # a type of several words
        else:
            return
    lexeme = cursor.here
    try:
        cursor.type()
    except Refusal as refusal:
        if refusal.code is not ErrorCode.TYPE_MISMATCH:
            raise
        what = f"Unknown type: {lexeme.text}"
        raise Refusal(ErrorCode.TYPE_NOT_FOUND, what, location=place(lexeme)) from refusal
