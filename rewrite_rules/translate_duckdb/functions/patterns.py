"""Regular expressions, as far as Trino's engine (Joni, Java syntax) and DuckDB's (RE2) are known to agree.

Only literal patterns of a closed set are taken. Where the two agree on some texts only, the query is refused when it
meets another: line feeds under `^` and `$`, non-ASCII text under `\\b` and `\\w`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rewrite_rules.translate_duckdb.functions.call import Call, Function
from rewrite_rules.translate_duckdb.text import case, let, refusing, string, unsupported

_ATOM = re.compile(
    r"""\\Q.*?\\E                         # quoted text
      | \\x\{[0-9A-Fa-f]+\} | \\x[0-9A-Fa-f]{2}
      | \\p\{L\} | \\[dDsSwWbB]
      | \\[^\w\s]                          # a plain character behind a backslash
      | \\[nrtAz]
      | \[\^?(?:\\[^\w\s]|\\[dswnrt]|[^\\\[\]&])+\]
      | \(\?:|\(\?<[A-Za-z]\w*>|\((?!\?)|\)
      | [|^$.]
      | (?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??(?![+*?])
      | [^\\\[\](){}|^$.*+?]
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = re.compile(r"\\[wWbB]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern in RE2's words, with what texts it may be asked about."""

    text: str
    ascii_only: bool
    one_line: bool
    groups: int
    optional_groups: bool


def pattern(source: str) -> Pattern:
    """Read a Java pattern of the closed set. Raises Refusal NOT_SUPPORTED for all others."""
    atoms, at = [], 0
    while at < len(source):
        match = _ATOM.match(source, at)
        if match is None:
            raise unsupported("this regular expression")
        atoms.append(match[0])
        at = match.end()
    groups = sum(1 for atom in atoms if atom == "(" or atom.startswith("(?<"))
    return Pattern(
        "".join(_translated(atom) for atom in atoms),
        ascii_only=any(_WORDS.search(atom) for atom in atoms),
        one_line=any(a in ("^", "$") for a in atoms),
        groups=groups,
        optional_groups=groups > 0 and ("|" in atoms or any(_may_skip(a, atoms, i) for i, a in enumerate(atoms))),
    )


def _translated(atom: str) -> str:
    if atom.startswith("(?<"):
        return "(?P<" + atom[3:]
    return atom


def _may_skip(atom: str, atoms: list[str], index: int) -> bool:
    """Tell whether a group in front of this quantifier may be left out."""
    return atom[0] in "*?{" and index > 0 and atoms[index - 1] == ")"


def _read(call: Call, place: int = 1) -> Pattern:
    return pattern(call.literal(place))


def _guarded(text: str, pattern_: Pattern, body: Callable[[str], str]) -> str:
    """Refuse texts about which the two engines may differ."""

    def write(v: str) -> str:
        bad = []
        if pattern_.ascii_only:
            bad.append(f"length({v}) <> strlen({v})")
        if pattern_.one_line:
            bad.append(f"contains({v}, chr(10))")
        if not bad:
            return body(v)
        return case((" OR ".join(bad), refusing("this regular expression over such text")), otherwise=body(v))

    return let(text, "v", write)


def _like(call: Call) -> str:
    if call.types[1].base == "unknown":
        return "CAST(NULL AS BOOLEAN)"
    found = _read(call)
    return _guarded(call.args[0], found, lambda v: f"regexp_matches({v}, {string(found.text)})")


def _extract(call: Call) -> str:
    found = _read(call)
    group = call.integer(2) if len(call.args) > 2 else 0
    if not 0 <= group <= found.groups or (group and found.optional_groups):
        raise unsupported("this regular expression with groups that may be left out")
    text = string(found.text)

    def write(v: str) -> str:
        return case((f"regexp_matches({v}, {text})", f"regexp_extract({v}, {text}, {group})"), otherwise="NULL")

    return _guarded(call.args[0], found, write)


def _extract_all(call: Call) -> str:
    found = _read(call)
    group = call.integer(2) if len(call.args) > 2 else 0
    if not 0 <= group <= found.groups or (group and found.optional_groups) or _may_be_empty(found):
        raise unsupported("this regular expression")
    return _guarded(call.args[0], found, lambda v: f"regexp_extract_all({v}, {string(found.text)}, {group})")


def _may_be_empty(found: Pattern) -> bool:
    try:
        return re.compile(found.text.replace("\\p{L}", "x").replace("\\Q", "").replace("\\E", "")).match("") is not None
    except re.error:
        return True


def _replacement(source: str) -> str:
    """Turn Java's replacement into RE2's: `$1` is `\\1`, a backslash makes the next character plain."""
    parts, at = [], 0
    while at < len(source):
        char = source[at]
        if char == "\\" and at + 1 < len(source):
            following = source[at + 1]
            parts.append("\\\\" if following == "\\" else following)
            at += 2
        elif char == "$":
            if at + 1 >= len(source) or not source[at + 1].isdigit() or source[at + 2 : at + 3].isdigit():
                raise unsupported("this replacement of a regular expression")
            parts.append(f"\\{source[at + 1]}")
            at += 2
        else:
            parts.append(char)
            at += 1
    return "".join(parts)


def _replace(call: Call) -> str:
    found = _read(call)
    if _may_be_empty(found) or (len(call.types) > 2 and not call.args[2]):
        raise unsupported("this regular expression for replacing")
    new = _replacement(call.literal(2)) if len(call.args) > 2 else ""
    if "\\" in new and found.optional_groups:
        raise unsupported("this regular expression with groups that may be left out")
    return _guarded(call.args[0], found, lambda v: f"regexp_replace({v}, {string(found.text)}, {string(new)}, 'g')")


def _split(call: Call) -> str:
    found = _read(call)
    if _may_be_empty(found) or found.groups:
        raise unsupported("this regular expression for splitting")
    return _guarded(call.args[0], found, lambda v: f"regexp_split_to_array({v}, {string(found.text)})")


def _count(call: Call) -> str:
    found = _read(call)
    if _may_be_empty(found):
        raise unsupported("this regular expression for counting")
    return _guarded(
        call.args[0], found, lambda v: f"CAST(len(regexp_extract_all({v}, {string(found.text)})) AS BIGINT)"
    )


SCALARS: Mapping[str, Function] = {
    "regexp_like": _like,
    "regexp_extract": _extract,
    "regexp_extract_all": _extract_all,
    "regexp_replace": _replace,
    "regexp_split": _split,
    "regexp_count": _count,
}
