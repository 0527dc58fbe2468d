"""Policies as statements are read whole, with their places, or refused with the place of the fault."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.dialect import statements as st
from catalog.dialect.parse import parse_statement
from catalog.errors import ErrorCode, Location, Refusal

PAIRS = yaml.safe_load((Path(__file__).parents[1] / "fixtures" / "policy_store" / "statements.yaml").read_text())


def said(statement: object) -> dict[str, Any]:
    """Return a statement's parts as plain data, without places."""
    parts: dict[str, Any] = {"form": type(statement).__name__}
    for field in fields(statement):  # type: ignore[arg-type]  # the words of a test
        value = getattr(statement, field.name)
        if isinstance(value, Location):
            continue
        if isinstance(value, tuple):
            value = [f"{each.category} {each.name}" for each in value]
        elif isinstance(value, st.PolicyText):
            value = value.text
        elif isinstance(value, st.Pattern):
            value = value.like
        elif isinstance(value, st.QualifiedName):
            value = str(value)
        parts[field.name] = value
    return parts


@pytest.mark.parametrize("pair", PAIRS["good"], ids=lambda pair: pair["sql"][:60])
def test_a_policy_statement_says_what_it_says(pair: dict[str, Any]) -> None:
    statement = parse_statement(pair["sql"])
    assert said(statement) == pair["says"]
    assert pickle.loads(pickle.dumps(statement)) == statement


@pytest.mark.parametrize(("sql", "text"), PAIRS["bad"].items(), ids=lambda text: text[:60])
def test_half_a_policy_statement_is_a_syntax_error_with_its_place(sql: str, text: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_statement(sql)
    assert refused.value.code is ErrorCode.SYNTAX_ERROR
    assert refused.value.text.startswith(text)


def test_each_part_of_a_policy_knows_its_place() -> None:
    found = parse_statement("CREATE COLUMN POLICY p ON t\n MODIFY email TO 'x'\n FOR viewer, USER bob")
    assert isinstance(found, st.CreateColumnPolicy)
    assert (found.location, found.table.location) == (Location(1, 22), Location(1, 27))
    assert (found.column_location, found.mask.location) == (Location(2, 9), Location(2, 18))
    assert [each.location for each in found.grantees] == [Location(3, 6), Location(3, 14)]


def test_columns_and_roles_named_row_column_and_policy_stay_names() -> None:
    assert isinstance(parse_statement("SELECT row, column, policy FROM policies"), st.Query)
    assert isinstance(parse_statement("SHOW COLUMNS FROM policy"), st.ShowColumns)
