"""sqlglot set up for Trino and nothing else, once, at import.

Interpreted code cannot subclass sqlglot's compiled parsers, only change the tables of an existing class. The vehicle is
`AthenaTrinoParser`, a compiled subclass of Trino's parser that adds a single statement form (removed below), so that
sqlglot's own `trino` dialect keeps its reading rules; there only the named functions are switched off, since a plain
call is `exp.Anonymous` everywhere in this house.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.generators.trino import TrinoGenerator
from sqlglot.parsers.athena import AthenaTrinoParser
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokenizer_core import TokenType

from catalog.dialect import hooks, row_patterns
from catalog.dialect.hooks import HOOKS
from catalog.dialect.tokens import PATTERN_WINDOW, SILENT
from catalog.dialect.words import words
from catalog.dialect.writers import WRITERS

_FOREIGN_PARSERS = words(
    """
    ARGMAX ARGMIN ARG_MAX ARG_MIN CEIL CHAR CHR CONVERT DECODE FLOOR GAP_FILL INITCAP MATCH MAX_BY MIN_BY OPENJSON
    OVERLAY SAFE_CAST STRING_AGG TRY_CONVERT WEIGHT_STRING XMLELEMENT XMLTABLE JSON_OBJECTAGG
    """
)
"""Function parsers of other dialects whose names are plain calls in Trino."""

_NAMES = {TokenType.VAR}
_TABLES: dict[str, Any] = {
    "FUNCTIONS": {},
    "FUNCTION_PARSERS": HOOKS,
    "NO_PAREN_FUNCTION_PARSERS": {
        "CASE": lambda self: self._parse_case(),
        "RUNNING": row_patterns.processing("RUNNING"),
        "FINAL": row_patterns.processing("FINAL"),
        SILENT: row_patterns.measure_of_window,
    },
    "NO_PAREN_FUNCTIONS": {
        TokenType.CURRENT_CATALOG: exp.CurrentCatalog,
        TokenType.CURRENT_DATE: exp.CurrentDate,
        TokenType.CURRENT_SCHEMA: exp.CurrentSchema,
        TokenType.CURRENT_TIME: exp.CurrentTime,
        TokenType.CURRENT_TIMESTAMP: exp.CurrentTimestamp,
        TokenType.CURRENT_ROLE: exp.CurrentRole,
        TokenType.CURRENT_USER: exp.CurrentUser,
        TokenType.LOCALTIME: exp.Localtime,
        TokenType.LOCALTIMESTAMP: exp.Localtimestamp,
        TokenType.SESSION_USER: exp.SessionUser,
    },
    "STATEMENT_PARSERS": {},
    "TYPE_TOKENS": set(),
    "ID_VAR_TOKENS": _NAMES,
    "TABLE_ALIAS_TOKENS": _NAMES,
    "ALIAS_TOKENS": _NAMES,
    "COMMENT_TABLE_ALIAS_TOKENS": _NAMES,
    "UPDATE_ALIAS_TOKENS": _NAMES,
    "WINDOW_ALIAS_TOKENS": _NAMES,
    "FETCH_TOKENS": _NAMES,
    "UNNEST_OFFSET_ALIAS_TOKENS": _NAMES,
    "FUNC_TOKENS": {
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.TABLE,
        TokenType.ANY,
        TokenType.ALL,
        TokenType.EXISTS,
        TokenType.CURRENT_TIME,
        TokenType.CURRENT_TIMESTAMP,
        TokenType.LOCALTIME,
        TokenType.LOCALTIMESTAMP,
    },
    "RESERVED_TOKENS": set(TokenType) - {TokenType.VAR, TokenType.IDENTIFIER},
    "ARRAY_CONSTRUCTORS": {},
    "COLUMN_OPERATORS": {TokenType.DOT: None},
    "UNARY_PARSERS": {**AthenaTrinoParser.UNARY_PARSERS, TokenType.PLUS: hooks.plus},
    "PLACEHOLDER_PARSERS": {
        TokenType.PLACEHOLDER: lambda self: self.expression(exp.Placeholder(), self._prev),
        PATTERN_WINDOW: row_patterns.pattern_window,
    },
    "SUBQUERY_TOKENS": {TokenType.SELECT, TokenType.WITH, TokenType.VALUES},
    "RANGE_PARSERS": {
        TokenType.LIKE: hooks.like,
        **{
            token_type: AthenaTrinoParser.RANGE_PARSERS[token_type]
            for token_type in (TokenType.BETWEEN, TokenType.IN, TokenType.IS)
        },
    },
    "LAMBDAS": {**AthenaTrinoParser.LAMBDAS, TokenType.ARROW: hooks.lambda_},
    "QUERY_MODIFIER_PARSERS": {
        token_type: AthenaTrinoParser.QUERY_MODIFIER_PARSERS[token_type]
        for token_type in (
            TokenType.WHERE,
            TokenType.GROUP_BY,
            TokenType.HAVING,
            TokenType.WINDOW,
            TokenType.ORDER_BY,
            TokenType.LIMIT,
            TokenType.FETCH,
            TokenType.OFFSET,
        )
    },
    "BITWISE": {},
    "SUPPORTS_DIRECTED_JOIN": False,
    "OPTIONAL_ALIAS_TOKEN_CTE": False,
    "TRIM_TYPES": set(),
}
_TABLES["QUERY_MODIFIER_PARSERS"][TokenType.MATCH_RECOGNIZE] = lambda self: (
    "match",
    row_patterns.match_recognize(self),
)
_TABLES["QUERY_MODIFIER_TOKENS"] = set(_TABLES["QUERY_MODIFIER_PARSERS"])


def _reading_dialect() -> Trino:
    """Return the dialect as the parser shall see it: subscripts and JSON paths stay as written."""
    dialect = Trino()
    dialect.INDEX_OFFSET = 0
    dialect.to_json_path = lambda path: path  # type: ignore[method-assign]  # Trino's paths stay as they are written
    return dialect


def _configure() -> None:
    for name, value in _TABLES.items():
        setattr(AthenaTrinoParser, name, value)
    TrinoParser.FUNCTIONS.clear()
    for name in _FOREIGN_PARSERS & TrinoParser.FUNCTION_PARSERS.keys():
        del TrinoParser.FUNCTION_PARSERS[name]
    TrinoGenerator.TRANSFORMS.update(WRITERS)
    for node in (exp.With, exp.WithinGroup, exp.Lateral):
        TrinoGenerator.TRANSFORMS.pop(node, None)


_configure()
PARSER = AthenaTrinoParser
READING = _reading_dialect()
WRITING = Trino()
