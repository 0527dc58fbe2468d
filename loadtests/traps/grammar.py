"""Typed expressions over the table of traps, drawn from templates.

A template is a line of `templates.txt`: the kind of its result and a text with holes for expressions of other kinds. A
kind is a type without its numbers, since the texts hold for every precision alike. Some of what is drawn Trino refuses
(types that do not go together, values that overflow): what then has to come back is a refusal, too.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "bigint": ("b", "k", "id"),
    "integer": ("i", "n"),
    "smallint": ("s",),
    "tinyint": ("ti",),
    "double": ("d", "x"),
    "real": ("r",),
    "decimal": ("de9", "de18", "de38"),
    "varchar": ("g", "v", "w", "vn", "vd", "vj", "vu"),
    "char": ("c",),
    "varbinary": ("vb",),
    "boolean": ("bo",),
    "date": ("dt",),
    "timestamp": ("ts3", "ts6", "ts9"),
    "zoned": ("tz3",),
    "array(bigint)": ("ab",),
    "array(varchar)": ("av",),
    "map": ("m",),
    "uuid": ("u",),
}
"""The table's columns by kind."""
_LITERALS: Mapping[str, tuple[str, ...]] = {
    "bigint": ("BIGINT '9223372036854775807'", "BIGINT '-2'", "BIGINT '0'", "BIGINT '9007199254740993'"),
    "integer": ("1", "-7", "0", "2147483647"),
    "smallint": ("SMALLINT '32767'", "SMALLINT '2'"),
    "tinyint": ("TINYINT '-128'", "TINYINT '3'"),
    "double": ("0e0", "1.5e0", "-2.5e0", "nan()", "infinity()", "9007199254740992e0"),
    "real": ("REAL '0.1'", "REAL '-0.0'"),
    "decimal": ("0.5", "-0.01", "1.50", "9999999.99", "DECIMAL '12345678901234567890.1234567890'"),
    "varchar": ("''", "'a'", "'abc'", "'é'", "'2020-02-29'", "' 7 '", "'%'"),
    "char": ("CAST('ab' AS char(5))", "CHAR 'AB'"),
    "varbinary": ("X''", "X'00ff'"),
    "boolean": ("true", "false", "CAST(NULL AS boolean)"),
    "date": ("DATE '2020-02-29'", "DATE '1969-12-31'", "DATE '2024-12-31'"),
    "timestamp": ("TIMESTAMP '2020-03-31 23:59:59.999'", "TIMESTAMP '1969-12-31 23:59:59.5'"),
    "zoned": ("TIMESTAMP '2020-03-08 06:59:59.999 UTC'",),
    "array(bigint)": ("ARRAY[BIGINT '1', NULL, BIGINT '3']",),
    "array(varchar)": ("ARRAY['b', 'a', 'b']",),
    "map": ("map(ARRAY['a'], ARRAY[BIGINT '1'])",),
    "uuid": ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'",),
}
_INTEGERS = ("bigint", "integer", "smallint", "tinyint")
_NUMBERS = (*_INTEGERS, "double", "real", "decimal")
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "int": _INTEGERS,
    "num": _NUMBERS,
    "text": ("varchar", "char"),
    "moment": ("date", "timestamp", "zoned"),
    "array": ("array(bigint)", "array(varchar)"),
    "ordered": tuple(kind for kind in COLUMNS if kind != "map"),
    "any": tuple(COLUMNS),
}
_PARTITIONS = ("", "PARTITION BY g", "PARTITION BY k", "PARTITION BY bo", "PARTITION BY d")
_SORTS = ("", " DESC", " NULLS FIRST", " DESC NULLS FIRST", " ASC NULLS LAST")
_SORTED = "num|varchar|date|timestamp|boolean|uuid"
_SPECIAL = frozenset({"id", "partition", "sort"})
_LITERAL_SHARE = 0.2
_HOLE = re.compile(r"\{(?:([A-Z])(?::([^{}]+))?|([^{}]+))\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes, and the kind of what it gives: a kind, or the letter that a hole's kind is tied to."""

    result: str
    text: str

    @property
    def tied(self) -> Mapping[str, tuple[str, ...]]:
        """Return the kinds that each letter may stand for."""
        return {letter: _kinds(names) for letter, names, _ in _HOLE.findall(self.text) if names}

    @property
    def results(self) -> tuple[str, ...]:
        """Return the kinds that this can give."""
        return self.tied.get(self.result, (self.result,))

    @property
    def first(self) -> tuple[str, tuple[str, ...]]:
        """Return the letter of the first hole for an expression, if it has one, and the kinds that go there."""
        for letter, names, plain in _HOLE.findall(self.text):
            if plain not in _SPECIAL:
                return letter, _kinds(names or plain)
        return "", ()


def _kinds(names: str) -> tuple[str, ...]:
    return tuple(kind for name in names.split("|") for kind in _CLASSES.get(name, (name,)))


@cache
def templates(section: str) -> tuple[Template, ...]:
    """Return the templates of a section, in the file's order."""
    found: dict[str, list[Template]] = defaultdict(list)
    here = ""
    for line in Path(__file__).with_name("templates.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            here = line.strip("[]")
        elif line and not line.startswith("#"):
            result, _, text = line.partition(" <- ")
            found[here].append(Template(result, text))
    return tuple(found[section])


@cache
def _giving(kind: str) -> tuple[Template, ...]:
    return tuple(each for each in templates("scalar") if kind in each.results)


class Drawing:
    """Draws expressions; `prefix` stands before each column's name."""

    def __init__(self, draw: random.Random, prefix: str = "") -> None:
        """Draw by a generator of random numbers."""
        self._draw = draw
        self._prefix = prefix

    def kind(self, names: str) -> str:
        """Draw one of the kinds that a class or several kinds stand for."""
        return self._draw.choice(_kinds(names))

    def expression(self, kind: str, depth: int) -> str:
        """Draw an expression of a kind, of at most so many templates inside one another."""
        fitting = _giving(kind) if depth > 0 else ()
        if not fitting:
            return self._leaf(kind)
        template = self._draw.choice(fitting)
        return self.filled(template, depth - 1, {template.result: kind})

    def call(self, section: str, depth: int) -> str:
        """Draw a call of an aggregate or a window function."""
        return self.filled(self._draw.choice(templates(section)), depth, {})

    def filled(self, template: Template, depth: int, bound: Mapping[str, str], first: str = "") -> str:
        """Fill a template's holes, letters standing for kinds as far as `bound`; the first one by `first`, if given."""
        tied = {letter: self._draw.choice(kinds) for letter, kinds in template.tied.items()} | bound
        given = [first] if first else []

        def hole(match: re.Match[str]) -> str:
            if match[3] in _SPECIAL:
                return self._special(match[3])
            if given:
                return given.pop()
            inner = self.expression(tied[match[1]] if match[1] else self.kind(match[3]), depth)
            return f"({inner})" if depth > 0 else inner

        return _HOLE.sub(hole, template.text)

    def _leaf(self, kind: str) -> str:
        """Draw a column, or now and then a literal."""
        if self._draw.random() < _LITERAL_SHARE:
            return self._draw.choice(_LITERALS[kind])
        return self._column(kind)

    def _column(self, kind: str) -> str:
        return f"{self._prefix}{self._draw.choice(COLUMNS[kind])}"

    def _special(self, what: str) -> str:
        if what == "id":
            return f"{self._prefix}id"
        if what == "partition":
            return self._draw.choice(_PARTITIONS)
        return f"{self._column(self.kind(_SORTED))}{self._draw.choice(_SORTS)}"


def each_column(section: str, seed: int) -> Iterator[str]:
    """Yield every template with every column that its first hole takes, its other holes drawn."""
    for number, template in enumerate(templates(section)):
        drawing = Drawing(random.Random(f"{seed}/{section}/{number}"))
        letter, kinds = template.first
        if not kinds:
            yield drawing.filled(template, 0, {})
        for kind in kinds:
            for column in COLUMNS[kind]:
                yield drawing.filled(template, 0, {letter: kind} if letter else {}, column)
