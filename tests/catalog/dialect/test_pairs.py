"""Pairs of statements: what was written, and what an engine gets to see or why nothing reaches it.

`tests/fixtures/dialect/<patch>.sql` holds them: a line of source, then the text written for it, or `!` and the refusal.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dialect import patches
from catalog.dialect.parse import parse_query
from catalog.errors import Refusal
from tests.texts import generate_checked

FIXTURES = Path(__file__).parents[2] / "fixtures" / "dialect"


def pairs() -> list[tuple[str, str, str]]:
    """Return (file, source, expected) of all fixtures."""
    found = []
    for path in sorted(FIXTURES.glob("*.sql")):
        for block in path.read_text().split("\n\n"):
            lines = [line for line in block.strip().split("\n") if not line.startswith("# ")]
            if len(lines) == 2:
                found.append((path.stem, lines[0], lines[1]))
    return found


PAIRS = pairs()


def test_the_fixtures_are_found() -> None:
    assert len(PAIRS) > 250


@pytest.mark.parametrize(("name", "source", "expected"), PAIRS, ids=lambda text: text[:60])
def test_source_is_written_as_expected_or_refused_by_name(name: str, source: str, expected: str) -> None:
    if not expected.startswith("! "):
        assert generate_checked(parse_query(source)) == expected
        return
    with pytest.raises(Refusal) as refused:
        parse_query(source)
    assert f"{refused.value.code.name} {refused.value.text}" == expected.removeprefix("! ")


@pytest.mark.parametrize(
    "written", [expected for _, _, expected in PAIRS if not expected.startswith("! ")], ids=lambda t: t[:60]
)
def test_what_is_written_is_read_as_itself(written: str) -> None:
    assert generate_checked(parse_query(written)) == written


def test_every_patch_has_its_pairs() -> None:
    modules = {path.stem for path in Path(patches.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules <= {name for name, _, _ in PAIRS}
