"""LIKE patterns as sets of texts. Trino's patterns have no escape character unless one is named."""

from __future__ import annotations

import re
from typing import NamedTuple

from rewrite_rules.substitution.ranges import Cut, Domain, Line, ray

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


class Texts(NamedTuple):
    """The texts that start like a pattern; `exact` where they are the very ones that match."""

    domain: Domain
    exact: bool


def like_domain(pattern: str, line: Line) -> Texts:
    """Return a set of texts that holds all that match a pattern."""
    prefix = re.split("[%_]", pattern, maxsplit=1)[0]
    if prefix == pattern:
        return Texts(ray("=", pattern, line), exact=True)
    return Texts(_starting(prefix, line), exact=set(pattern[len(prefix) :]) == {"%"})


def _starting(prefix: str, line: Line) -> Domain:
    """Return the texts with a prefix: from it to the first text, by code point, that has it no more."""
    low, highest = line.all
    trimmed = prefix.rstrip(chr(_LAST))
    if not trimmed:
        return Domain(((Cut(0, prefix, 0) if prefix else low, highest),))
    code = ord(trimmed[-1]) + 1
    after = trimmed[:-1] + chr(_SURROGATES.stop if code in _SURROGATES else code)
    return Domain(((Cut(0, prefix, 0), Cut(0, after, 0)),))


def matches(text: str, pattern: str) -> bool:
    """Tell whether a text matches a pattern."""
    parts = ("." if part == "_" else ".*" if part == "%" else re.escape(part) for part in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
