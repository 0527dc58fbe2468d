"""Token patches: one file for each thing that sqlglot reads or writes otherwise than Trino means it.

Each has its pairs of statements in `tests/fixtures/dialect/<patch>.sql`. A patch goes away when sqlglot does it right.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import (
    arrays,
    brackets,
    casts,
    current_time,
    grouping,
    intervals,
    json_functions,
    json_tables,
    listagg,
    match_recognize,
    numbers,
    ordering,
    pattern_windows,
    qualified_calls,
    quantified,
    relations,
    row_limits,
    set_quantifiers,
    strings,
    table_queries,
    typed_literals,
    unary_plus,
    windows,
)
from catalog.dialect.tokens import BASE_TABLE, Writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot.tokenizer_core import Token, TokenType

    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Patch

TABLE: Mapping[str, TokenType | Patch] = {
    **BASE_TABLE,
    **typed_literals.PATCHES,
    **brackets.PATCHES,
    **arrays.PATCHES,
    **casts.PATCHES,
    **current_time.PATCHES,
    **grouping.PATCHES,
    **intervals.PATCHES,
    **json_functions.PATCHES,
    **json_tables.PATCHES,
    **listagg.PATCHES,
    **match_recognize.PATCHES,
    **ordering.PATCHES,
    **qualified_calls.PATCHES,
    **quantified.PATCHES,
    **relations.PATCHES,
    **row_limits.PATCHES,
    **set_quantifiers.PATCHES,
    **table_queries.PATCHES,
    **unary_plus.PATCHES,
    **windows.PATCHES,
    **pattern_windows.PATCHES,
}
"""What to do with each word and operator: one token, or a patch."""

LITERALS: Mapping[Kind, Patch] = {
    Kind.NUMBER: numbers.number,
    Kind.STRING: strings.string,
    Kind.UNICODE_STRING: strings.unicode_string,
    Kind.BINARY: strings.binary,
}
"""How each kind of literal is written."""


def to_tokens(lexemes: list[Lexeme], ready: Mapping[str, Token] = MappingProxyType({})) -> list[Token]:
    """Return the tokens for lexemes, patched. Raises Refusal for what no Trino text can hold.

    `ready` are tokens by the text of lexemes that need no patch, for texts whose places do not matter.
    """
    return Writer(lexemes, TABLE, LITERALS, ready).run()
