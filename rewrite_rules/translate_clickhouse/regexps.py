"""Regular expressions: only patterns that Trino's Java engine and ClickHouse's RE2 read alike.

What the two read differently in some text (line feeds, digits and letters beyond ASCII) is checked per row.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from rewrite_rules.translate_clickhouse.failures import unsupported
from rewrite_rules.translate_clickhouse.functions import Function, literal_integer, literal_text
from rewrite_rules.translate_clickhouse.scope import Scope
from rewrite_rules.translate_clickhouse.strings import non_ascii
from rewrite_rules.translate_clickhouse.text import call, either, operator, string, unsupported_value

_TOKEN = re.compile(
    r"""
      (?P<quoted>\\Q(?:(?!\\E).)*\\E)
    | (?P<point>\\x\{[0-9A-Fa-f]{1,6}\}|\\x[0-9A-Fa-f]{2})
    | (?P<property>\\[pP]\{(?:L|Lu|Ll|N|Nd|P|Z|S)\})
    | (?P<shorthand>\\[dDwWsSbB])
    | (?P<control>\\[tnrf])
    | (?P<escaped>\\[^A-Za-z0-9])
    | (?P<class>\[\^?(?:\\[dws]|\\[tnr\\\]\[^.\-+*?(){}|/$]|[^\]\[\\&^])+\])
    | (?P<group>\((?:\?:|(?!\?)))
    | (?P<close>\))
    | (?P<alternative>\|)
    | (?P<quantifier>(?:[*+?]|\{\d{1,4}(?:,\d{0,4})?\})\??)
    | (?P<anchor>[\^$]|\\[Az])
    | (?P<dot>\.)
    | (?P<plain>[^\\\[\](){}*+?|^$.])
    """,
    re.VERBOSE | re.DOTALL,
)
_MAX_REPEATS = 1000
_ODD_SPACES = r"[\v\x1c-\x1f\x{85}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}]"
_PROBES = ("", " a1\n_", "aaab")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that both engines read alike, and what in a text would set them apart."""

    text: str
    groups: int
    optional_groups: frozenset[int]
    """Groups that need not take part in a match."""
    lines: bool
    """Line feeds matter: the pattern has a dot."""
    end: bool
    """A line feed at the end matters: the pattern has a `$`."""
    words: bool
    spaces: bool
    matches_empty: bool

    def doubt(self, value: str) -> str | None:
        """Write the condition that a text is one on which the engines may differ; None if there is none."""
        parts = []
        if self.lines:
            parts.append(call("match", value, string(r"[\n\r\x{85}\x{2028}\x{2029}]")))
        if self.words:
            parts.append(call("match", value, string(r"[^\x00-\x7F]")))
        if self.end:
            parts.append(call("match", value, string(r"[\n\r\x{85}\x{2028}\x{2029}]\z")))
        if self.spaces:
            parts.append(call("match", value, string(_ODD_SPACES)))
        return operator("OR", parts) if parts else None


def read_pattern(text: str, node: exp.Expr) -> Pattern:
    """Read a pattern token by token. Raises Refusal NOT_SUPPORTED for anything that is not in the closed list."""
    at, groups, flags, optional = 0, 0, set[str](), set[int]()
    open_groups: list[int] = []
    closed = -1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise unsupported("This regular expression", node)
        kind, written = str(match.lastgroup), match[0]
        at = match.end()
        if kind == "group":
            groups += written == "("
            open_groups.append(groups if written == "(" else 0)
        elif kind == "close":
            closed = open_groups.pop() if open_groups else 0
        elif kind == "alternative":
            optional.update(range(1, 100))
        elif kind == "quantifier":
            _check_repeats(written, text[at : at + 1], node)
            if written[0] in "*?" or written.startswith("{0"):
                optional.update(range(max(closed, 1), groups + 1) if text[match.start() - 1] == ")" else ())
        flags.update(_flags(kind, written))
    if open_groups:
        raise unsupported("This regular expression", node)
    return Pattern(
        text,
        groups,
        frozenset(optional),
        lines="lines" in flags,
        words="words" in flags,
        end="end" in flags,
        spaces="spaces" in flags,
        matches_empty=_matches_empty(text),
    )


def _check_repeats(written: str, following: str, node: exp.Expr) -> None:
    """Refuse possessive quantifiers and counts beyond RE2's limit."""
    if following == "+" or any(int(n) > _MAX_REPEATS for n in re.findall(r"\d+", written)):
        raise unsupported("This regular expression", node)


def _flags(kind: str, written: str) -> set[str]:
    flags = set[str]()
    if kind == "dot":
        flags.add("lines")
    if written == "$":
        flags.add("end")
    if kind in ("shorthand", "class"):
        names = {"w": "words", "W": "words", "b": "words", "B": "words", "s": "spaces", "S": "spaces"}
        flags.update(names[char] for char in re.findall(r"\\([wWbBsS])", written))
    return flags


def _matches_empty(text: str) -> bool:
    """Tell whether a pattern may match the empty text; where Python cannot say, assume so."""
    try:
        plain = re.sub(r"\\[pP]\{\w+\}|\\x\{\w+\}", "x", re.sub(r"\\Q(.*?)\\E", lambda m: re.escape(m[1]), text))
        return any(found[0] == "" for probe in _PROBES for found in re.finditer(plain, probe))
    except re.error:
        return True


def _subject(arguments: Sequence[exp.Expr], scope: Scope) -> tuple[str, Pattern]:
    value, node = scope.value(arguments[0]), arguments[1]
    if scope.type_of(arguments[0]).base != "varchar":
        raise unsupported(f"A regular expression on {scope.type_of(arguments[0])}", node)
    return value, read_pattern(literal_text(node, "A regular expression"), node)


def _sure(value: str, pattern: Pattern, result: str, otherwise: str = "NULL") -> str:
    doubt = pattern.doubt(value)
    if doubt is None:
        return result
    return unsupported_value(doubt, "This regular expression on this text", result, otherwise)


def _like(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    if scope.type_of(arguments[1]).base == "unknown":
        return "CAST(NULL, 'Nullable(Bool)')"
    value, pattern = _subject(arguments, scope)
    return _sure(value, pattern, call("match", value, string(pattern.text)))


def _extract(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, pattern = _subject(arguments, scope)
    group = literal_integer(arguments[2], "A group") if len(arguments) > 2 else 0
    if not 0 <= group <= pattern.groups or group in pattern.optional_groups:
        raise unsupported("This group of a regular expression", node)
    text = string(pattern.text)
    found = call("regexpExtract", value, text, str(group))
    return _sure(value, pattern, either(call("match", value, text), found, "NULL"))


def _replace(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, pattern = _subject(arguments, scope)
    new = _replacement(arguments[2]) if len(arguments) > 2 else ""
    result = call("replaceRegexpAll", value, string(pattern.text), string(new))
    if pattern.matches_empty:
        result = unsupported_value(non_ascii(value), "This regular expression on this text", result)
    return _sure(value, pattern, result)


def _replacement(node: exp.Expr) -> str:
    """Read a replacement that names no group."""
    text = literal_text(node, "A replacement")
    plain = text.replace("\\$", "")
    if "$" in plain or "\\" in plain:
        raise unsupported("A replacement with groups", node)
    return text.replace("\\$", "$")


def _split(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, pattern = _subject(arguments, scope)
    if pattern.matches_empty or pattern.groups:
        raise unsupported("Splitting by this regular expression", node)
    parts = call("splitByRegexp", string(pattern.text), call("assumeNotNull", value))
    whole = unsupported_value(call("isNull", value), "Splitting NULL to an array", parts, "[]")
    return _sure(value, pattern, whole, "[]")


def _count(arguments: Sequence[exp.Expr], node: exp.Expr, scope: Scope) -> str:
    value, pattern = _subject(arguments, scope)
    if pattern.matches_empty:
        raise unsupported("Counting matches of this regular expression", node)
    return _sure(value, pattern, call("toInt64", call("countMatches", value, string(pattern.text))))


FUNCTIONS: Mapping[str, Function] = {
    "regexp_like": _like,
    "regexp_extract": _extract,
    "regexp_replace": _replace,
    "regexp_split": _split,
    "regexp_count": _count,
}
