"""The platform's own form of masking is understood and means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.dialect.generate import generate
from catalog.types import VARCHAR
from policies.decisions import Action, Subject
from policies.reload import load_policies
from tests.policies.sales import table

HEAD = """
version: 1
roles: {viewer: }
defaults: {catalog: lake, schema: trading}
grants: [{roles: [viewer], assets: '*', allow: [read]}]
"""
VIEWER = Subject("v", frozenset({"viewer"}))


def mask(tmp_path: Path, text: str, name: str = "lake.trading.traders") -> str:
    path = tmp_path / "p.yaml"
    path.write_text(HEAD + text)
    traders = table(name, ("email", VARCHAR), ("name", VARCHAR))
    return generate(load_policies([path]).decide(VIEWER, Action.SELECT, traders).masks["email"])


EMAIL = """CAST(CASE WHEN "email" IS NULL THEN NULL ELSE 'user-****@****.com' END AS VARCHAR)"""
MASKED = """CAST(CASE WHEN "email" IS NULL THEN NULL ELSE 'MASKED' END AS VARCHAR)"""
TRANSFORMATIONS = """
transformations:
  - {name: email-mask, type: masking, template: "user-****@****.com"}
"""


@pytest.mark.parametrize("name", ["traders", "trading.traders", "lake.trading.traders"])
def test_a_template_masks_by_name(tmp_path: Path, name: str) -> None:
    masks = f"column_masks: [{{table: {name}, column: email, mask_type: email-mask, apply_to_roles: [viewer]}}]"
    assert mask(tmp_path, TRANSFORMATIONS + masks) == EMAIL


def test_a_literal_is_shown_as_it_stands(tmp_path: Path) -> None:
    masks = "column_masks: [{table: traders, column: email, mask_type: MASKED, apply_to_roles: [viewer]}]"
    assert mask(tmp_path, masks) == MASKED


def test_a_kind_of_mask_goes_by_its_name(tmp_path: Path) -> None:
    masks = "column_masks: [{table: traders, column: email, mask_type: 'null', apply_to_roles: [viewer]}]"
    assert mask(tmp_path, masks) == "CAST(NULL AS VARCHAR)"


NESTED = """
clickhouse:
  transformations: [{name: email-mask, type: masking, template: "user-****@****.com"}]
  column_masks: [{table: trading.traders, column: email, mask_type: email-mask, apply_to_roles: [viewer]}]
"""
DOTTED = """
clickhouse.transformations: [{name: email-mask, type: masking, template: "user-****@****.com"}]
clickhouse.column_masks: [{table: trading.traders, column: email, mask_type: email-mask, apply_to_roles: [viewer]}]
"""


@pytest.mark.parametrize("text", [NESTED, DOTTED], ids=["nested", "dotted"])
def test_the_clickhouse_key_masks_tables_of_that_catalog(tmp_path: Path, text: str) -> None:
    assert mask(tmp_path, text, "clickhouse.trading.traders") == EMAIL


@pytest.mark.parametrize(
    ("template", "shown"),
    [("***-**-6789", "'***-**-'"), ("****-****-****-1111", "'****-****-****-'"), ("***1234", "'***'")],
)
def test_trailing_digits_of_a_template_are_how_much_may_show(tmp_path: Path, template: str, shown: str) -> None:
    text = f"""
transformations: [{{name: tail, type: masking, template: "{template}"}}]
column_masks: [{{table: traders, column: email, mask_type: tail, apply_to_roles: [viewer]}}]
"""
    text_of_mask = mask(tmp_path, text)
    assert f"concat({shown}, substr(" in text_of_mask
    assert " - 3, 4)) ELSE" in text_of_mask
