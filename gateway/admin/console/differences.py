"""Differences for the eye: of a statement and its governed form by words, of two versions of a document by lines."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from gateway.admin.console.layout import words_of

_MOST_WORDS = 3_000
_MOST_LETTERS = 100_000
_MOST_LINES = 4_000
"""What is longer is shown without marks: the time to compare grows with the square."""
_AROUND = 3
_PLAIN = re.compile(r'"([a-z_][a-z0-9_]*)"')


class Piece(NamedTuple):
    """A part of a text, and whether the other text lacks it."""

    text: str
    changed: bool


class Line(NamedTuple):
    """A line of either version; `gap` stands for lines that are the same and left out."""

    kind: Literal["same", "added", "removed", "gap"]
    text: str


def by_words(before: str, after: str) -> tuple[list[Piece], list[Piece]]:
    """Return both texts with what only one of them has marked; case, white space and needless quotes do not count."""
    if max(len(before), len(after)) > _MOST_LETTERS:
        return [Piece(before, False)], [Piece(after, False)]
    left, right = words_of(before), words_of(after)
    if len(left) > _MOST_WORDS or len(right) > _MOST_WORDS:
        return [Piece(before, False)], [Piece(after, False)]
    known = difflib.SequenceMatcher(None, _compared(left), _compared(right), autojunk=False)
    kept_left: set[int] = set()
    kept_right: set[int] = set()
    for block in known.get_matching_blocks():
        kept_left |= set(range(block.a, block.a + block.size))
        kept_right |= set(range(block.b, block.b + block.size))
    return _pieces(left, kept_left), _pieces(right, kept_right)


def _compared(words: Sequence[tuple[str, str]]) -> list[str]:
    """Return words as they are compared: governed text quotes names that need no quotes."""
    return [
        _PLAIN.sub(r"\1", word) if word[:1] == '"' else word if word[:1] == "'" else word.lower() for _, word in words
    ]


def _pieces(words: Sequence[tuple[str, str]], kept: set[int]) -> list[Piece]:
    """Join words of a kind; white space is marked only between two marked words of a line."""
    parts: list[Piece] = []
    for number, (blank, word) in enumerate(words):
        changed = number not in kept and bool(word)
        between = changed and number - 1 not in kept and number > 0
        parts.append(Piece(blank, between and "\n" not in blank))
        parts.append(Piece(word, changed))
    joined = groupby((part for part in parts if part.text), key=lambda part: part.changed)
    return [Piece("".join(part.text for part in group), changed) for changed, group in joined]


def by_lines(before: str, after: str) -> list[Line]:
    """Return the lines that differ, with some around them; all that was and all that is where there are too many."""
    old, new = before.splitlines(), after.splitlines()
    first = _common(old, new)
    last = _common(old[first:][::-1], new[first:][::-1])
    head, tail = old[:first], old[len(old) - last :] if last else []
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    if len(old) > _MOST_LINES or len(new) > _MOST_LINES:
        middle = [*(Line("removed", each) for each in old), *(Line("added", each) for each in new)]
    else:
        middle = list(_compared_lines(old, new))
    same = [Line("same", each) for each in head], [Line("same", each) for each in tail]
    return _shortened([*same[0], *middle, *same[1]]) if middle else []


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def _compared_lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line("same", each) for each in old[a:b])
        else:
            yield from (Line("removed", each) for each in old[a:b])
            yield from (Line("added", each) for each in new[c:d])


def _shortened(lines: Sequence[Line]) -> list[Line]:
    """Leave out lines that are the same and far from a difference."""
    changed = [number for number, line in enumerate(lines) if line.kind != "same"]
    shown = {n for each in changed for n in range(each - _AROUND, each + _AROUND + 1)}
    found: list[Line] = []
    for number, line in enumerate(lines):
        if number in shown:
            found.append(line)
        elif number - 1 in shown and number + 1 in shown:
            found.append(line)  # a gap would be no shorter
        elif not found or found[-1].kind != "gap":
            found.append(Line("gap", "\u22ef"))
    return found
