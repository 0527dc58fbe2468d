"""Regular expressions that all engines read alike, for masks: a closed set, written out in what they share.

Trino's Joni and the RE2 of ClickHouse and DuckDB differ in what `.`, `\\d`, `\\w` and `$` mean and in how long
they may take. Here the first are written out as ASCII classes, a pattern must match the whole text, and repeats are
few and never within repeats, so that no text takes long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from policies.faults import Unfit

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_"}
_TOKEN = re.compile(
    r"""
      \\(?P<named>[dw])
    | \\(?P<escaped>[^0-9A-Za-z\s])
    | \[(?P<negated>\^?)(?P<members>(?:\\[dw]|\\[^0-9A-Za-z\s&]|[^\\\[\]&^\s]|\x20)+)\]
    | (?P<open>\((?:\?:)?)(?!\?)
    | (?P<close>\))
    | (?P<either>\|)
    | (?P<repeat>[*+?]|\{\d{1,2}(?:,\d{0,2})?\})
    | (?P<dot>\.)
    | (?P<plain>[^\\\[\](){}*+?|^$.\s]|\x20)
    """,
    re.VERBOSE,
)
_MEMBER = re.compile(r"\\([dw])|\\(.)|(.)", re.DOTALL)
_MOST_OPEN_REPEATS = 3
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that matches whole texts, in words that all engines share."""

    text: str
    groups: int
    plain: bool
    """All groups take part in each match: there are no alternatives, and no group is repeated."""
    outside: int
    """How many characters at least lie outside of all groups, where the pattern is plain."""


def read_pattern(source: str) -> Pattern:
    """Read a pattern token by token. Raises Unfit for all that is not in the closed set."""
    if len(source) > _LONGEST:
        raise Unfit(f"a pattern has at most {_LONGEST} characters")
    reader = _Reader()
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise Unfit(
                f"`{source[at : at + 8]}` is not supported in a mask's pattern",
                r"Use characters, classes, \d \w . ( ) | * + ? {m,n}; a pattern matches the whole text.",
            )
        reader.take(str(match.lastgroup), match)
        at = match.end()
    return reader.pattern()


class _Reader:
    """Builds the written-out pattern."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.depths: list[tuple[bool, int]] = []
        """Open groups: whether each captures, and the repeats seen before it."""
        self.groups = 0
        self.repeats = 0
        self.open_repeats = 0
        self.plain = True
        self.outside = 0
        self.last: str = ""
        """What a repeat would stand behind: `atom`, `group`, or nothing."""
        self.last_group_repeats = 0

    def take(self, kind: str, match: re.Match[str]) -> None:
        if kind in ("open", "close", "either"):
            self._structure(kind, match)
        elif kind == "repeat":
            self._repeat(match[0])
        else:
            self.out.append(_atom(kind, match))
            self._count(1)
            self.last = "atom"

    def _structure(self, kind: str, match: re.Match[str]) -> None:
        if kind == "open":
            captures = match[0] == "("
            self.groups += captures
            self.depths.append((captures, self.repeats))
            self.last = ""
        elif kind == "close":
            if not self.depths:
                raise Unfit("a mask's pattern has a ) too many")
            captures, before = self.depths.pop()
            self.last, self.last_group_repeats = "group", self.repeats - before
        else:
            self.plain, self.last = False, ""
        self.out.append(match[0])

    def _repeat(self, written: str) -> None:
        if not self.last:
            raise Unfit(f"`{written}` stands behind nothing in a mask's pattern")
        if self.last == "group":
            self.plain = False
            if self.last_group_repeats:
                raise Unfit("a mask's pattern may not repeat what already repeats")
        elif written in "*?" or written.startswith(("{0,", "{0}")):
            self._count(-1)
        low, _, high = written.strip("{}").partition(",")
        if high.isdigit() and int(low) > int(high):
            raise Unfit(f"`{written}` is no repeat")
        self.repeats += 1
        if written != "?":
            self.open_repeats += 1
        if self.open_repeats > _MOST_OPEN_REPEATS:
            raise Unfit(f"a mask's pattern has at most {_MOST_OPEN_REPEATS} repeats")
        self.out.append(written)
        self.last = ""

    def _count(self, characters: int) -> None:
        if not any(captures for captures, _ in self.depths):
            self.outside += characters

    def pattern(self) -> Pattern:
        if self.depths:
            raise Unfit("a mask's pattern has a ( too many")
        return Pattern(rf"\A(?:{''.join(self.out)})\z", self.groups, self.plain, self.outside)


def _atom(kind: str, match: re.Match[str]) -> str:
    if kind == "dot":
        return r"[^\n]"
    if kind == "named":
        return f"[{_CLASSES[match['named']]}]"
    if kind == "escaped":
        return _plain(match["escaped"], r"\.^$*+?()[]{}|")
    if kind == "members":
        return f"[{match['negated']}{_members(match['members'])}]"
    return match[0]


def _members(written: str) -> str:
    """Write a class's members out; a - stands between two plain characters of which the first comes first."""
    try:
        re.compile(f"[{written}]")
    except re.error:
        raise Unfit(f"`[{written}]` is no class of characters") from None
    parts = []
    for named, escaped, plain in _MEMBER.findall(written):
        parts.append(_CLASSES[named] if named else _plain(escaped, r"\[]^-") if escaped else plain)
    return "".join(parts)


def _plain(character: str, special: str) -> str:
    return "\\" + character if character in special else character
