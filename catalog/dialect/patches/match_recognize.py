"""MATCH_RECOGNIZE behind a relation: brackets around both, so that sqlglot keeps them together; labels in upper case.

sqlglot takes the clause for one of the whole query. The pattern is written as one token of text: its grammar is not
that of expressions. Labels that are not quoted are upper case to Trino, and all names are written quoted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets, relations
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import TYPE, WRITTEN
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.lexemes import Lexeme
    from catalog.dialect.tokens import Patch, Writer

FRAME = "MATCH_RECOGNIZE"
_FRAMES = (FRAME, "PATTERNED")
_BEGINS = frozenset({"FROM", "JOIN", ","})
_SIGNS = frozenset({"|", "*", "+", "?", "{", "}", ",", "^", "$", "-", "(", ")"})


def match_recognize(writer: Writer, at: int) -> int:
    """Write the clause with its relation in brackets, or the name."""
    lexemes = writer.lexemes
    if lexemes[at + 1].text != "(" or not writer.after_operand(at):
        writer.write(TokenType.VAR, lexemes[at])
        return at + 1
    start, end = _relation(writer, at), writer.end_of(at + 2)
    if lexemes[end].text != ")":
        raise mismatched(lexemes[end])
    enclosed = lexemes[start - 1].text == "(" and lexemes[end + 1].text == ")"
    rows_end = writer.end_of(start + 1)
    is_values = lexemes[start].text == "(" and lexemes[start + 1].upper == "VALUES"
    if is_values and not relations.begins_group(writer, start + 1, rows_end):
        _insert(writer, rows_end, TokenType.R_PAREN, behind=True)
        _insert(writer, start, TokenType.L_PAREN)
    if not enclosed:
        _insert(writer, start, TokenType.L_PAREN)
    found = labels(writer, at + 2, end)
    writer.write(TokenType.MATCH_RECOGNIZE, lexemes[at])
    first = len(writer.tokens)
    writer.pending = FRAME
    following = writer.between(brackets.opened(writer, at + 1), end + 1)
    raise_labels(writer.tokens, first, found)
    if not enclosed:
        writer.write(TokenType.R_PAREN, lexemes[end], ")")
    return following


def _relation(writer: Writer, at: int) -> int:
    """Return the index at which the relation before the clause begins."""
    depth = 0
    for index in range(at - 1, -1, -1):
        text = writer.lexemes[index].upper
        depth += (text in (")", "]")) - (text in ("(", "["))
        if depth < 0 or (depth == 0 and text in _BEGINS):
            return index + 1
    raise mismatched(writer.lexemes[at])


def _insert(writer: Writer, at: int, token_type: TokenType, *, behind: bool = False) -> None:
    """Put a bracket before or behind the token that was written for a lexeme."""
    lexeme, tokens = writer.lexemes[at], writer.tokens
    place = next(i for i in range(len(tokens) - 1, -1, -1) if tokens[i].start <= lexeme.start)
    while not behind and place and tokens[place - 1].start == tokens[place].start:
        place -= 1
    text = "(" if token_type is TokenType.L_PAREN else ")"
    comments = list(WRITTEN) if token_type is TokenType.L_PAREN else None
    token = Token(token_type, text, lexeme.line, lexeme.column, lexeme.start, lexeme.end - 1, comments)
    tokens.insert(place + behind, token)


def labels(writer: Writer, at: int, end: int) -> frozenset[str]:
    """Return the names of a specification that are labels: in the pattern, in SUBSET and in DEFINE."""
    found: set[str] = set()
    clause, depth = "", 0
    for index in range(at, end):
        lexeme = writer.lexemes[index]
        depth += (lexeme.text == "(") - (lexeme.text == ")")
        if depth == 0 and lexeme.upper in ("PATTERN", "SUBSET", "DEFINE", "MEASURES", "ORDER"):
            clause = lexeme.upper
            continue
        defines = clause == "DEFINE" and writer.lexemes[index + 1].upper == "AS"
        if lexeme.kind is Kind.WORD and (defines or clause in ("PATTERN", "SUBSET")):
            found.add(lexeme.upper)
    return frozenset(found)


def raise_labels(tokens: list[Token], first: int, found: frozenset[str]) -> None:
    """Put the labels among some tokens in upper case: before a dot, alone in CLASSIFIER, and where they are defined."""
    clause = ""
    for index in range(first, len(tokens)):
        token = tokens[index]
        if token.token_type is not TokenType.VAR:
            continue
        upper = token.text.upper()
        before, following = tokens[index - 1], tokens[index + 1] if index + 1 < len(tokens) else token
        if upper in ("SUBSET", "DEFINE", "SKIP") or (upper == "TO" and before.text.upper() == "SKIP"):
            clause = upper
        qualifies = following.token_type is TokenType.DOT and before.token_type is not TokenType.DOT
        classified = before.token_type is TokenType.L_PAREN and tokens[index - 2].text.upper() == "CLASSIFIER"
        defined = clause == "DEFINE" and following.token_type is TokenType.ALIAS
        if upper in found and (qualifies or classified or defined or clause in ("SUBSET", "TO")):
            place = (token.line, token.col, token.start, token.end)
            tokens[index] = Token(TokenType.IDENTIFIER, upper, *place)


def pattern(writer: Writer, at: int) -> int:
    """Write PATTERN and the pattern in brackets behind it as one token, or the name."""
    lexemes, kind = writer.lexemes, writer.frames[-1].kind
    writer.write(TokenType.VAR, lexemes[at])
    if lexemes[at + 1].text != "(" or kind not in _FRAMES:
        return at + 1
    end = writer.end_of(at + 2)
    pieces = [_piece(lexemes[index], lexemes[index + 1]) for index in range(at + 1, end + 1)]
    writer.write(TYPE, lexemes[at + 1], "".join(pieces).strip())
    return end + 1


def _piece(lexeme: Lexeme, following: Lexeme) -> str:
    """Return a part of a pattern as it is written again; `{-` and `-}` are one sign each."""
    if lexeme.kind is Kind.QUOTED:
        return f"{lexeme.text} "
    if lexeme.kind is Kind.NUMBER and lexeme.text.isdigit():
        return f"{lexeme.text} "
    if lexeme.kind is Kind.WORD and (lexeme.upper not in RESERVED):
        return "PERMUTE " if lexeme.upper == "PERMUTE" and following.text == "(" else f'"{lexeme.upper}" '
    if lexeme.text not in _SIGNS:
        raise mismatched(lexeme)
    glued = (lexeme.text == "{" and following.text == "-") or (lexeme.text == "-" and following.text == "}")
    return lexeme.text if glued else f"{lexeme.text} "


def processing(writer: Writer, at: int) -> int:
    """Write RUNNING or FINAL before a call in a pattern's expressions, else the name, which sqlglot must not take."""
    lexemes = writer.lexemes
    inside = any(frame.kind in _FRAMES for frame in writer.frames)
    begins = not writer.after_operand(at) or lexemes[at - 1].upper == "MEASURES"
    applies = inside and lexemes[at + 1].is_name and lexemes[at + 2].text == "(" and begins
    writer.write(TokenType.VAR if applies else TokenType.IDENTIFIER, lexemes[at])
    return at + 1


PATCHES: dict[str, Patch] = {
    "MATCH_RECOGNIZE": match_recognize,
    "PATTERN": pattern,
    "RUNNING": processing,
    "FINAL": processing,
}
