"""Governed text, pair by pair; the pairs are data in tests/fixtures/rewrite_rules/govern.sql."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from catalog.dialect.parse import parse_query
from catalog.errors import ErrorCode, Refusal
from rewrite_rules.verify import verify
from tests.policies.sales import FIXTURES, TABLES, decisions, governed_tree, prepared
from tests.texts import generate_checked


@dataclass(frozen=True, slots=True)
class Pair:
    """A statement and what becomes of it."""

    title: str
    before: str
    after: str
    refused: str | None


def load_pairs() -> list[Pair]:
    """Read the fixture: blocks between blank lines, each with `# key: value` lines and one or two statements."""
    blocks = (FIXTURES / "rewrite_rules" / "govern.sql").read_text("utf-8").split("\n\n")
    macros = dict(re.findall(r"^# define (\w+): (.*)$", blocks[0], re.M))
    pairs = []
    for block in blocks[1:]:
        notes = dict(re.findall(r"^# (\w+): (.*)$", block, re.M))
        statements = [line.removesuffix(";") for line in block.splitlines() if line and not line.startswith("#")]
        after = statements[1] if len(statements) > 1 else ""
        for name, text in macros.items():
            after = after.replace(f"{{{name}}}", text)
        pairs.append(Pair(notes["title"], statements[0], after, notes.get("refused")))
    return pairs


PAIRS = load_pairs()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.title)
def test_govern(pair: Pair) -> None:
    if pair.refused is not None:
        with pytest.raises(Refusal) as refused:
            governed_tree(pair.before)
        assert refused.value.code is ErrorCode[pair.refused]
    else:
        assert generate_checked(governed_tree(pair.before)) == pair.after


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("pair", [p for p in PAIRS if p.refused is None], ids=lambda pair: pair.title)
def test_what_govern_makes_passes_the_second_walk(pair: Pair, levels: int) -> None:
    text = generate_checked(governed_tree(pair.before, levels=levels))
    verify(parse_query(text), decisions(prepared(pair.before)), TABLES, levels=2 if levels == 2 else 1)
