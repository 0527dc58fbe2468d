"""Row patterns in windows: `OVER (... MEASURES ... ROWS ... PATTERN ... DEFINE ...)` and `measure OVER window`.

sqlglot reads neither. A token of ours stands before each, and leads to a parser of ours. Names of measures are compared
in upper case unless quoted, like labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot.tokenizer_core import Token, TokenType

from catalog.dialect.lexemes import Kind
from catalog.dialect.patches import brackets, casts, windows
from catalog.dialect.patches.match_recognize import labels, raise_labels
from catalog.dialect.syntax import mismatched
from catalog.dialect.tokens import MEASURE, PATTERN_WINDOW, SILENT
from catalog.dialect.words import RESERVED

if TYPE_CHECKING:
    from catalog.dialect.tokens import Patch, Writer

_FRAME_ENDS = frozenset({"FOLLOWING", "PRECEDING", "ROW"})
_MATCHING = frozenset({"AFTER", "INITIAL", "SEEK", "PATTERN", "SUBSET", "DEFINE"})
_NO_MEASURE = frozenset({")", ",", ".", "ASC", "DESC", "NULLS", "ORDER", "PARTITION", "ROWS", "RANGE", "GROUPS"})
_SOURCES = frozenset({"FROM", "JOIN"})
_CLAUSES = frozenset({*_SOURCES, "SELECT", "WHERE", "HAVING", "BY", "ON", "WHEN", "VALUES", "PASSING"})


def over(writer: Writer, at: int) -> int:
    """Write OVER behind a measure, or before a window with a pattern; leave all else to the patch `windows`."""
    lexemes = writer.lexemes
    measured = _is_measure(writer, at)
    if measured:
        _announce_measure(writer, at - 1)
    elif not (lexemes[at - 1].text == ")" or lexemes[at - 1].upper == "NULLS"):
        return windows.over(writer, at)
    elif _is_alias(writer, at):
        writer.write(TokenType.VAR, lexemes[at])
        return at + 1
    if lexemes[at + 1].text == "(" and _has_pattern(writer, at + 1):
        writer.write(TokenType.OVER, lexemes[at])
        return _specification(writer, at + 1)
    if not measured:
        return windows.over(writer, at)
    writer.write(TokenType.OVER, lexemes[at])
    if lexemes[at + 1].text == "(":
        writer.pending = "WINDOW"
        return at + 1
    return windows.window_name(writer, at + 1)


def alias(writer: Writer, at: int) -> int:
    """Write AS; before a window definition with a pattern, that too."""
    defines = writer.frames[-1].windows and writer.lexemes[at + 1].text == "("
    if not defines or not _has_pattern(writer, at + 1):
        return casts.alias(writer, at)
    writer.write(TokenType.ALIAS, writer.lexemes[at])
    return _specification(writer, at + 1)


def _is_measure(writer: Writer, at: int) -> bool:
    """Tell whether a name before OVER is a measure: in FROM it is a table, and `over` its alias."""
    name, following = writer.lexemes[at - 1], writer.lexemes[at + 1]
    named = following.kind is Kind.QUOTED or (following.kind is Kind.WORD and following.upper not in RESERVED)
    if at == 0 or not name.is_name or (name.kind is Kind.WORD and name.upper in RESERVED):
        return False
    if name.upper == "NULLS" or not (named or following.text == "(") or writer.lexemes[at - 2].text == ".":
        return False
    if at > 1 and (writer.lexemes[at - 2].is_name or writer.lexemes[at - 2].text == ")"):
        before = writer.lexemes[at - 2].upper
        if before not in RESERVED and before != "BY":
            return False  # an alias behind a value, and `over` something else
    return _clause_before(writer, at - 1) not in _SOURCES


def _is_alias(writer: Writer, at: int) -> bool:
    """Tell whether OVER behind a bracket is a name: `FROM (VALUES 1) over (a, b)`."""
    opening, first, behind = writer.lexemes[at + 1 : at + 4]
    listed = opening.text == "(" and first.is_name and behind.text in (",", ")")
    return listed and _clause_before(writer, at) in _SOURCES


def _clause_before(writer: Writer, at: int) -> str:
    """Return the word that begins the clause in which an index stands, at its own depth or around it."""
    depth = 0
    for index in range(at - 1, -1, -1):
        text = writer.lexemes[index].upper
        depth += (text in (")", "]")) - (text in ("(", "["))
        if depth <= 0 and text in _CLAUSES:
            return text
        depth = max(depth, 0)
    return ""


def _announce_measure(writer: Writer, at: int) -> None:
    """Put a token of ours before the name that was just written, and the name in upper case unless it is quoted."""
    lexeme = writer.lexemes[at]
    name = lexeme.identifier if lexeme.kind is Kind.QUOTED else lexeme.upper
    writer.tokens.pop()
    writer.write(MEASURE, lexeme, SILENT)
    writer.write(TokenType.IDENTIFIER, lexeme, name)


def _has_pattern(writer: Writer, at: int) -> bool:
    """Tell whether the window specification whose bracket stands at an index holds a row pattern or a part of one."""
    depth = 0
    for index in range(at + 1, writer.end_of(at + 1)):
        word, before = writer.lexemes[index].upper, writer.lexemes[index - 1].upper
        depth += (word == "(") - (word == ")")
        if depth:
            continue
        if before in _FRAME_ENDS and word in _MATCHING:
            return True
        measures = word == "MEASURES" and before not in ("BY", ",", ".")
        if measures and writer.lexemes[index + 1].upper not in _NO_MEASURE:
            return True
    return False


def _specification(writer: Writer, at: int) -> int:
    """Write a window specification with a pattern, announced by a token of ours."""
    end = writer.end_of(at + 1)
    if writer.lexemes[end].text != ")":
        raise mismatched(writer.lexemes[end])
    writer.write(PATTERN_WINDOW, writer.lexemes[at], SILENT)
    found = labels(writer, at + 1, end)
    first = len(writer.tokens)
    writer.pending = "PATTERNED"
    following = writer.between(brackets.opened(writer, at), end + 1)
    raise_labels(writer.tokens, first, found)
    _raise_measures(writer.tokens, first)
    return following


def _raise_measures(tokens: list[Token], first: int) -> None:
    """Put the names of measures in upper case; what is quoted stays."""
    depth, inside = 0, False
    for index in range(first, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        if depth != 1:
            continue
        if kind is TokenType.VAR and tokens[index].text.upper() == "MEASURES":
            inside = True
        elif kind in (TokenType.ROWS, TokenType.RANGE):
            return
        elif inside and kind is TokenType.VAR and tokens[index - 1].token_type is TokenType.ALIAS:
            token = tokens[index]
            place = (token.line, token.col, token.start, token.end)
            tokens[index] = Token(TokenType.IDENTIFIER, token.text.upper(), *place)


PATCHES: dict[str, Patch] = {"OVER": over, "AS": alias}
