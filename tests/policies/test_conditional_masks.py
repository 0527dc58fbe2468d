"""Masks on some rows: shown raw only where that is sure; NULL and a missing attribute mask."""

from __future__ import annotations

import duckdb
import pytest

from catalog.dialect.generate import generate
from tests.policies.asking import READ, T, caller, load, reading, shown

UNLESS = (
    READ + "column_masks: [{roles: [reader], table: c.s.t, column: mail, mask: redact, unless: desk = attr('desk')}]"
)
WHEN = READ + "column_masks: [{roles: [reader], table: c.s.t, column: mail, mask: redact, when: desk <> attr('desk')}]"


def values(text: str, **attributes: str) -> list[str | None]:
    """Return what a reader sees of three rows: of the own desk, of another, of none."""
    mask = reading(load(text), caller("reader", **attributes)).masks["mail"]
    rows = "(VALUES ('A', 'a@x'), ('B', 'b@x'), (NULL, 'n@x')) AS t (desk, mail)"
    return [found for (found,) in duckdb.sql(f"SELECT {generate(mask)} FROM {rows}").fetchall()]


@pytest.mark.parametrize("text", [UNLESS, WHEN], ids=["unless", "when"])
def test_a_row_is_shown_only_where_that_is_sure(text: str) -> None:
    assert values(text, desk="A") == ["a@x", "****", "****"]
    assert values(text, desk="C") == ["****", "****", "****"]


@pytest.mark.parametrize("text", [UNLESS, WHEN], ids=["unless", "when"])
def test_without_the_attribute_every_row_is_masked(text: str) -> None:
    assert values(text) == ["****", "****", "****"]


def test_the_masked_column_keeps_its_type() -> None:
    assert shown(load(UNLESS), caller("reader", desk="A")).endswith("AS VARCHAR)")


@pytest.mark.parametrize(
    ("condition", "message"),
    [("desk", "must be a condition"), ("nothing = 1", "unknown column `nothing`"), ("desk = 1", "cannot be typed")],
)
def test_a_condition_that_does_not_fit_the_table_withholds_the_column(condition: str, message: str) -> None:
    policies = load(
        READ + f"column_masks: [{{roles: [reader], table: c.s.t, column: mail, mask: redact, unless: {condition}}}]"
    )
    assert shown(policies, caller("reader")) == ""
    assert message in str(policies.check(T)[0])


def test_masks_that_differ_in_their_condition_only_are_two() -> None:
    policies = load(
        READ
        + """
column_masks:
  - {roles: [reader], table: c.s.t, column: mail, mask: redact, unless: desk = 'A'}
  - {roles: [other], table: c.s.t, column: mail, mask: redact, unless: desk = 'B'}
"""
    )
    assert shown(policies, caller("reader", "other")) == ""
