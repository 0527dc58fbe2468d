"""The golden list of refusals: each says what is refused, in words that name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import Refusal
from tests.rewrite_rules.translate_duckdb.running import translated

LINES = [
    tuple(part.strip() for part in line.split(" | "))
    for line in (Path(__file__).parent / "refusals.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.mark.parametrize(("sql", "code", "text"), LINES, ids=[line[0][:60] for line in LINES])
def test_what_the_lake_cannot_answer_is_refused_by_name(sql: str, code: str, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        translated(sql)
    assert (refusal.value.code.name, refusal.value.message) == (code, text)
