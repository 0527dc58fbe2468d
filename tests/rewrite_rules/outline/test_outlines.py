"""Outlines of governed queries, pair by pair; the pairs are data in tests/fixtures/outline/outlines.sql."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from rewrite_rules.outline.describe import describe
from tests.policies.sales import FIXTURES, TABLES, governed_tree
from tests.rewrite_rules.outline.showing import shown


class Pair(NamedTuple):
    """A query and the lines of its outline."""

    title: str
    sql: str
    lines: list[str]
    inlined: bool


def pairs() -> list[Pair]:
    """Read the fixture: blocks between blank lines, notes behind `#`, a query, the outline behind `--`."""
    found = []
    for block in (FIXTURES / "outline" / "outlines.sql").read_text("utf-8").strip().split("\n\n")[1:]:
        notes = dict(re.findall(r"^# (\w+): (.*)$", block, re.M))
        lines = [line[3:] for line in block.splitlines() if line.startswith("-- ")]
        sql = " ".join(line for line in block.splitlines() if not line.startswith(("#", "--")))
        found.append(Pair(notes["title"], sql.strip().removesuffix(";"), lines, notes.get("with", "") != "once"))
    return found


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair.title)
def test_outline(pair: Pair) -> None:
    outline = describe(governed_tree(pair.sql), TABLES, inlined=pair.inlined, zone="America/New_York")
    assert shown(outline) == pair.lines
