"""Lexemes to the tokens that sqlglot's parser reads.

Only Trino's own keywords become keyword tokens; every other word is a plain name, so the parser's knowledge of other
dialects (PIVOT, QUALIFY, ILIKE, SEMI JOIN, `int8`, ...) has nothing to hold on to. Where sqlglot would misread valid
Trino SQL, a patch (see `patches`) writes the tokens of something it reads right.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.lexemes import Kind, Lexeme
from catalog.dialect.words import FUNCTION_WORDS, RESERVED, words

if TYPE_CHECKING:
    Patch = Callable[["Writer", int], int]
    """Write the tokens for the lexeme at an index; return the index of the next lexeme to read."""

_WORD, _QUOTED, _OPERATOR = Kind.WORD, Kind.QUOTED, Kind.OPERATOR
_VAR, _NAME = TokenType.VAR, TokenType.IDENTIFIER
"""Members of enumerations, by names that cost no look-up in the loop over all lexemes."""
FORBIDDEN = TokenType.BLOCK_START
"""What no grammar rule takes: for reserved words that begin nothing here."""
WRITTEN = ("written",)
"""The comment on an opening bracket: it reaches the node, and tells written parentheses from those sqlglot adds."""
PATTERN_WINDOW = TokenType.BLOCK_END
"""What stands before a window specification that holds a row pattern: sqlglot leaves it to a parser of ours."""
MEASURE = TokenType.BEGIN
"""What stands before the name of a measure over a window."""
SILENT = "\0"
"""The text of both: no text of a user's holds it."""
TYPE = TokenType.NAMESPACE
"""A whole type, its text in Trino's syntax."""

KEYWORDS = {
    "AND": TokenType.AND,
    "AS": TokenType.ALIAS,
    "BETWEEN": TokenType.BETWEEN,
    "CASE": TokenType.CASE,
    "CROSS": TokenType.CROSS,
    "CUBE": TokenType.CUBE,
    "CURRENT_CATALOG": TokenType.CURRENT_CATALOG,
    "CURRENT_DATE": TokenType.CURRENT_DATE,
    "CURRENT_SCHEMA": TokenType.CURRENT_SCHEMA,
    "CURRENT_TIME": TokenType.CURRENT_TIME,
    "CURRENT_TIMESTAMP": TokenType.CURRENT_TIMESTAMP,
    "CURRENT_USER": TokenType.CURRENT_USER,
    "DISTINCT": TokenType.DISTINCT,
    "ELSE": TokenType.ELSE,
    "END": TokenType.END,
    "ESCAPE": TokenType.ESCAPE,
    "EXCEPT": TokenType.EXCEPT,
    "EXISTS": TokenType.EXISTS,
    "FALSE": TokenType.FALSE,
    "FOR": TokenType.FOR,
    "FROM": TokenType.FROM,
    "FULL": TokenType.FULL,
    "HAVING": TokenType.HAVING,
    "IN": TokenType.IN,
    "INNER": TokenType.INNER,
    "INTERSECT": TokenType.INTERSECT,
    "IS": TokenType.IS,
    "JOIN": TokenType.JOIN,
    "LEFT": TokenType.LEFT,
    "LIKE": TokenType.LIKE,
    "LOCALTIME": TokenType.LOCALTIME,
    "LOCALTIMESTAMP": TokenType.LOCALTIMESTAMP,
    "NATURAL": TokenType.NATURAL,
    "NOT": TokenType.NOT,
    "NULL": TokenType.NULL,
    "ON": TokenType.ON,
    "OR": TokenType.OR,
    "OUTER": TokenType.OUTER,
    "RECURSIVE": TokenType.RECURSIVE,
    "RIGHT": TokenType.RIGHT,
    "ROLLUP": TokenType.ROLLUP,
    "SELECT": TokenType.SELECT,
    "TABLE": TokenType.TABLE,
    "THEN": TokenType.THEN,
    "TRUE": TokenType.TRUE,
    "UNION": TokenType.UNION,
    "UNNEST": TokenType.UNNEST,
    "USING": TokenType.USING,
    "VALUES": TokenType.VALUES,
    "WHEN": TokenType.WHEN,
    "WHERE": TokenType.WHERE,
    "WITH": TokenType.WITH,
}
OPERATORS = {
    "(": TokenType.L_PAREN,
    ")": TokenType.R_PAREN,
    "[": TokenType.L_BRACKET,
    "]": TokenType.R_BRACKET,
    ",": TokenType.COMMA,
    ".": TokenType.DOT,
    ":": TokenType.COLON,
    "-": TokenType.DASH,
    "+": TokenType.PLUS,
    "*": TokenType.STAR,
    "/": TokenType.SLASH,
    "%": TokenType.MOD,
    "=": TokenType.EQ,
    "<": TokenType.LT,
    ">": TokenType.GT,
    "<=": TokenType.LTE,
    ">=": TokenType.GTE,
    "<>": TokenType.NEQ,
    "!=": TokenType.NEQ,
    "||": TokenType.DPIPE,
    "->": TokenType.ARROW,
    "=>": TokenType.FARROW,
    "?": TokenType.PLACEHOLDER,
}
_OPENING = frozenset({"(", "["})
_CLOSING = frozenset({")", "]"})
_OPERAND_WORDS = words(
    """
    NULL TRUE FALSE END CURRENT_CATALOG CURRENT_DATE CURRENT_PATH CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP
    CURRENT_USER LOCALTIME LOCALTIMESTAMP
    """
)
_BEFORE_STAR = frozenset({".", ",", "SELECT", "ALL", "DISTINCT"})
_PAIRS = {
    ("GROUP", "BY"): TokenType.GROUP_BY,
    ("ORDER", "BY"): TokenType.ORDER_BY,
    ("GROUPING", "SETS"): TokenType.GROUPING_SETS,
}


_STARTS = FUNCTION_WORDS | _OPERAND_WORDS - {"END"} | {"CASE", "EXISTS", "NOT"}
"""Reserved words that can begin an operand."""


def starts_operand(lexeme: Lexeme) -> bool:
    """Tell whether a lexeme that is no operator can begin an operand."""
    if lexeme.kind is Kind.OPERATOR or lexeme.kind is Kind.END:
        return False
    return lexeme.upper not in RESERVED or lexeme.upper in _STARTS


class Frame:
    """What is known inside one pair of brackets while its tokens are written."""

    __slots__ = ("commas", "kind", "order", "windows")

    def __init__(self, kind: str = "") -> None:
        """Begin a frame; `kind` is the word before the bracket that gives it a meaning."""
        self.kind = kind
        self.commas = 0
        self.order = False
        """After ORDER BY, while its items last."""
        self.windows = False
        """After WINDOW, while its definitions last."""


class Writer:
    """Write the tokens of one text, bracket by bracket."""

    __slots__ = ("frames", "last", "lexemes", "literals", "pending", "ready", "table", "tokens")

    def __init__(
        self,
        lexemes: list[Lexeme],
        table: Mapping[str, TokenType | Patch],
        literals: Mapping[Kind, Patch],
        ready: Mapping[str, Token],
    ) -> None:
        """Take the lexemes (the last is END), what to do by word or operator, and the writers of literals.

        `ready` are tokens by the text of lexemes that need no patch, where places do not matter.
        """
        self.lexemes = [*lexemes, *lexemes[-1:] * 4]
        """With END repeated, so that patches may look ahead without a care."""
        self.last = len(lexemes) - 1
        self.table = table
        self.literals = literals
        self.ready = ready
        self.tokens: list[Token] = []
        self.frames = [Frame()]
        self.pending = ""
        """The kind that the next opening bracket's frame will have."""

    def run(self) -> list[Token]:
        """Write all tokens; raise Refusal for what no Trino text can hold."""
        self.between(0, self.last)
        return self.tokens

    def between(self, at: int, last: int) -> int:
        """Write the tokens from one index up to another; return the index of the next lexeme to read."""
        lexemes, add, find, literals = self.lexemes, self.tokens.append, self.table.get, self.literals
        ready = self.ready.get
        while at < last:
            kind, text, upper, start, end, line, column = lexemes[at]
            token = ready(text)
            if token is not None:
                add(token)
                at += 1
                continue
            if kind is _QUOTED:
                add(Token(_NAME, lexemes[at].identifier, line, column, start, end - 1))
                at += 1
                continue
            action = find(upper)
            if action is None:
                if kind is _WORD:
                    action = _VAR
                elif kind is _OPERATOR:
                    action = FORBIDDEN
                else:
                    at = literals[kind](self, at)
                    continue
            if action.__class__ is TokenType:
                add(Token(action, text, line, column, start, end - 1))
                at += 1
            else:
                at = action(self, at)  # type: ignore[operator]  # mypy does not narrow by the class
        return at

    def write(
        self, token_type: TokenType, lexeme: Lexeme, text: str | None = None, comments: tuple[str, ...] = ()
    ) -> None:
        """Add a token that stands where a lexeme stands."""
        _, written, _, start, end, line, column = lexeme
        self.tokens.append(
            Token(
                token_type,
                written if text is None else text,
                line,
                column,
                start,
                end - 1 if end > start else start,
                list(comments) if comments else None,
            )
        )

    def end_of(self, at: int, stops: Container[str] = ()) -> int:
        """Return the index of the bracket that closes what surrounds an index, or of an earlier word of some."""
        depth = 0
        while at < self.last:
            text = self.lexemes[at].upper
            if depth == 0 and (text in _CLOSING or text in stops):
                break
            depth += (text in _OPENING) - (text in _CLOSING)
            at += 1
        return at

    def literal(self, at: int) -> int:
        """Write the literal at an index."""
        return self.literals[self.lexemes[at].kind](self, at)

    def after_operand(self, at: int) -> bool:
        """Tell whether what precedes an index can end an operand."""
        if at == 0:
            return False
        before = self.lexemes[at - 1]
        if before.kind is Kind.OPERATOR:
            if before.text == "*":  # an item of a select list, or a factor's sign
                return at > 1 and self.lexemes[at - 2].upper in _BEFORE_STAR
            return before.text in (")", "]", "?")
        return before.kind is not Kind.WORD or before.upper not in RESERVED or before.upper in _OPERAND_WORDS


def reserved(writer: Writer, at: int) -> int:
    """Write a reserved word that is no keyword of its own: half of a pair, a function, or misplaced."""
    lexeme, following = writer.lexemes[at], writer.lexemes[at + 1]
    upper = lexeme.upper
    pair = _PAIRS.get((upper, following.upper))
    if pair is not None:
        if pair is TokenType.ORDER_BY:
            writer.frames[-1].order, writer.frames[-1].windows = True, False
        writer.write(pair, lexeme, f"{upper} {following.upper}")
        return at + 2
    within = upper == "GROUP" and writer.lexemes[at - 1].upper == "WITHIN"
    called = upper in FUNCTION_WORDS and following.text == "("
    writer.write(TokenType.VAR if within or called else FORBIDDEN, lexeme)
    return at + 1


BASE_TABLE: dict[str, TokenType | Patch] = {**dict.fromkeys(RESERVED, reserved), **KEYWORDS, **OPERATORS}
"""What to do with each reserved word and operator where no patch says otherwise."""
