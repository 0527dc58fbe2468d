"""Row patterns, in MATCH_RECOGNIZE and in windows, parsed inside sqlglot's parser and written back word for word.

sqlglot keeps measures and definitions as text of another dialect; here they are expressions like any other, so that
names in them are resolved and governed. The pattern itself is text (see the patch `match_recognize`).
"""

# ruff: noqa: SLF001  (sqlglot's parser is extended by functions that call its methods, all private by name)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.tokenizer_core import TokenType

from catalog.dialect.json_forms import choice, expected, words
from catalog.dialect.table_functions import call_sql
from catalog.dialect.tokens import TYPE

if TYPE_CHECKING:
    from collections.abc import Callable

    Parser = Any
    """sqlglot's compiled parser."""
    Generator = Any
    """sqlglot's compiled generator."""

_ALL = "ALL ROWS PER MATCH"
_ROWS = (
    f"{_ALL} SHOW EMPTY MATCHES",
    f"{_ALL} OMIT EMPTY MATCHES",
    f"{_ALL} WITH UNMATCHED ROWS",
    _ALL,
    "ONE ROW PER MATCH",
)
_SKIPS = ("TO NEXT ROW", "PAST LAST ROW", "TO FIRST", "TO LAST", "TO")
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER)


def match_recognize(parser: Parser) -> exp.MatchRecognize:
    """Parse MATCH_RECOGNIZE and its specification in brackets."""
    parser._advance()
    _token(parser, TokenType.L_PAREN)
    node = exp.MatchRecognize()
    if parser._match(TokenType.PARTITION_BY):
        node.set("partition_by", parser._parse_csv(parser._parse_disjunction))
    node.set("order", parser._parse_order())
    if words(parser, "MEASURES"):
        node.set("measures", _listed(parser, _measure))
    node.set("rows", _word(choice(parser, *_ROWS)))
    _matching(parser, node)
    if not node.args.get("pattern") or not node.args.get("define"):
        parser.raise_error("Expected PATTERN and DEFINE")
    _token(parser, TokenType.R_PAREN)
    return node


def pattern_window(parser: Parser) -> exp.MatchRecognize:
    """Parse a window specification that holds a row pattern or parts of one, behind the token that announces it."""
    _token(parser, TokenType.L_PAREN)
    node = exp.MatchRecognize()
    if parser._match(TokenType.IDENTIFIER):
        node.set("alias", exp.Identifier(this=parser._prev.text, quoted=True))
    if parser._match(TokenType.PARTITION_BY):
        node.set("partition_by", parser._parse_csv(parser._parse_disjunction))
    node.set("order", parser._parse_order())
    if words(parser, "MEASURES"):
        node.set("measures", _listed(parser, _measure))
    node.set("spec", _frame(parser))
    _matching(parser, node)
    _token(parser, TokenType.R_PAREN)
    return node


def measure_of_window(parser: Parser) -> exp.Expr:
    """Parse the name of a measure before OVER, behind the token that announces it."""
    return exp.Column(this=_name(parser))


def _matching(parser: Parser, node: exp.MatchRecognize) -> None:
    """Parse what says how rows are matched."""
    if words(parser, "AFTER", "MATCH", "SKIP"):
        skip = expected(parser, *_SKIPS)
        target = f" {_label(parser)}" if skip.endswith(("FIRST", "LAST")) or skip == "TO" else ""
        node.set("after", exp.Var(this=f"AFTER MATCH SKIP {skip}{target}"))
    node.set("mode", _word(choice(parser, "INITIAL", "SEEK")))
    if words(parser, "PATTERN"):
        _token(parser, TYPE)
        node.set("pattern", exp.Var(this=parser._prev.text))
    if words(parser, "SUBSET"):
        node.set("subset", _listed(parser, _subset))
    if words(parser, "DEFINE"):
        node.set("define", _listed(parser, _definition))


def _frame(parser: Parser) -> exp.WindowSpec:
    """Parse the frame, which a window with a pattern must have."""
    if not parser._match_set((TokenType.ROWS, TokenType.RANGE)):
        parser.raise_error("Expected a frame")
    kind = parser._prev.text
    between = parser._match(TokenType.BETWEEN)
    start = parser._parse_window_spec()
    end: dict[str, Any] = {}
    if between:
        _token(parser, TokenType.AND)
        end = parser._parse_window_spec()
    return exp.WindowSpec(
        kind=kind,
        start=start["value"],
        start_side=start["side"],
        end=end.get("value"),
        end_side=end.get("side"),
    )


def processing(mode: str) -> Callable[[Parser], exp.Expr]:
    """Return the parser of RUNNING or FINAL before a call."""

    def parse(parser: Parser) -> exp.Expr:
        call: exp.Expr | None = parser._parse_function()
        if call is None:
            parser.raise_error("Expected a function call")
        return exp.Final(this=call, mode=exp.Var(this=mode))

    return parse


def _token(parser: Parser, token_type: TokenType) -> None:
    if not parser._match(token_type):
        parser.raise_error(f"Expected {token_type.name}")


def _word(found: str | None) -> exp.Var | None:
    return exp.Var(this=found) if found else None


def _listed(parser: Parser, item: Callable[[Parser], exp.Expr]) -> list[exp.Expr]:
    items = [item(parser)]
    while parser._match(TokenType.COMMA):
        items.append(item(parser))
    return items


def _name(parser: Parser) -> exp.Identifier:
    token = parser._curr
    if token.token_type not in _NAMES:
        parser.raise_error("Expected a name")
    parser._advance()
    return exp.Identifier(this=token.text, quoted=True)


def _label(parser: Parser) -> str:
    text = _name(parser).name.replace('"', '""')
    return f'"{text}"'


def _value(parser: Parser) -> exp.Expr:
    value: exp.Expr | None = parser._parse_disjunction()
    if value is None:
        parser.raise_error("Expected an expression")
        raise AssertionError  # the parser stops at the first error
    return value


def _measure(parser: Parser) -> exp.Expr:
    value = _value(parser)
    _token(parser, TokenType.ALIAS)
    return exp.Alias(this=value, alias=_name(parser))


def _definition(parser: Parser) -> exp.Expr:
    label = _name(parser)
    _token(parser, TokenType.ALIAS)
    return exp.Alias(this=_value(parser), alias=label)


def _subset(parser: Parser) -> exp.Expr:
    name = _label(parser)
    _token(parser, TokenType.EQ)
    _token(parser, TokenType.L_PAREN)
    labels = [_label(parser)]
    while parser._match(TokenType.COMMA):
        labels.append(_label(parser))
    _token(parser, TokenType.R_PAREN)
    return exp.Var(this=f"{name} = ({', '.join(labels)})")


def _match_sql(self: Generator, node: exp.MatchRecognize) -> str:
    parts = [self.sql(node, "alias")]
    if node.args.get("partition_by"):
        parts.append(f"PARTITION BY {self.expressions(node, key='partition_by', flat=True)}")
    order = node.args.get("order")
    if order is not None:
        parts.append(f"ORDER BY {self.expressions(order, flat=True)}")
    if node.args.get("measures"):
        parts.append(f"MEASURES {self.expressions(node, key='measures', flat=True)}")
    parts += [self.sql(node, key) for key in ("rows", "spec", "after", "mode")]
    if node.args.get("pattern"):
        parts.append(f"PATTERN {self.sql(node, 'pattern')}")
    if node.args.get("subset"):
        parts.append(f"SUBSET {self.expressions(node, key='subset', flat=True)}")
    if node.args.get("define"):
        defined = (f"{self.sql(each, 'alias')} AS {self.sql(each, 'this')}" for each in node.args["define"])
        parts.append(f"DEFINE {', '.join(defined)}")
    text = " ".join(part for part in parts if part)
    return f"({text})" if isinstance(node.parent, exp.Window) else f" MATCH_RECOGNIZE ({text})"


def _processing_sql(self: Generator, node: exp.Final) -> str:
    return f"{self.sql(node, 'mode')} {self.sql(node, 'this')}"


def _window_sql(self: Generator, node: exp.Window) -> str:
    pattern = node.args.get("alias")
    if not isinstance(pattern, exp.MatchRecognize):
        return str(self.window_sql(node))
    word = "AS" if node.arg_key == "windows" else "OVER"
    return f"{self.sql(node, 'this')} {word} {self.sql(pattern)}"


def _table_sql(self: Generator, node: exp.Table) -> str:
    return f"{self.table_sql(node)}{self.sql(node, 'match')}"


def _table_function_sql(self: Generator, node: exp.TableFromRows) -> str:
    if not isinstance(node.this, exp.JSONTable):
        return f"{call_sql(self, node)}{self.sql(node, 'match')}"
    alias = self.sql(node, "alias")
    return f"{self.sql(node, 'this')}{f' AS {alias}' if alias else ''}{self.sql(node, 'match')}"


WRITERS: dict[type[exp.Expr], Callable[[Generator, Any], str]] = {
    exp.Final: _processing_sql,
    exp.MatchRecognize: _match_sql,
    exp.Table: _table_sql,
    exp.TableFromRows: _table_function_sql,
    exp.Window: _window_sql,
}
