"""The table of masks in docs/policies.md names every kind, and each of its examples shows what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
import yaml

from catalog.types import parse_type
from policies.mask_specs import MASK_KINDS
from tests.masks.engines import Spec
from tests.masks.lake_text import Masking
from tests.masks.test_masks import values_of

TEXT = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
SECTION = TEXT.partition("## Masks\n")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in SECTION.splitlines() if line.startswith("|")][
    2:
]
EXAMPLES = [(spec.strip("`"), of, shown.strip("`")) for _, _, spec, of, shown in ROWS]


@pytest.mark.parametrize(("spec", "of", "shown"), EXAMPLES, ids=lambda part: str(part)[:40])
def test_an_example_of_the_documents_shows_what_they_say(spec: str, of: str, shown: str) -> None:
    kind, _, raw = of.rstrip("`").partition(" `")
    mask: Spec = yaml.safe_load(spec)
    with duckdb.connect() as connection:
        found = values_of(Masking(connection).one(parse_type(kind), mask, json.loads(raw) if raw[0] in "[{" else raw))
    assert (json.dumps(found) if isinstance(found, list) else "NULL" if found is None else str(found)) == shown


def test_the_table_names_every_kind() -> None:
    named = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}
    assert named == set(MASK_KINDS)
