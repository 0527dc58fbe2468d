"""The policies of the benchmarks hold, and Trino's views beside them say the same of the same columns."""

from __future__ import annotations

import pytest
from sqlglot import exp

from catalog.dialect.parse import parse_expression
from catalog.objects import Column, Table, TableName
from catalog.types import VARCHAR
from loadtests.estimate.tables import Named
from loadtests.paths.policed import ANALYST, POLICED, READER, Policed, in_catalog, policies, views
from policies.decisions import Action, Subject
from policies.index import PolicySet
from policies.reload import load_policies


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    """Read the benchmarks' policies as a gateway does."""
    path = tmp_path_factory.mktemp("policed") / "policies.yaml"
    path.write_text(policies(in_catalog("iceberg")), "utf-8")
    return load_policies([path])


def columns_of(policed: Policed) -> tuple[str, ...]:
    """Return the columns that a policy speaks of, and one more."""
    texts = [*policed.masks.values(), *([policed.row_filter] if policed.row_filter else [])]
    named = (column.name for text in texts for column in parse_expression(text).find_all(exp.Column))
    return tuple(dict.fromkeys((*policed.masks, *named, "other")))


@pytest.mark.parametrize(("schema", "name"), POLICED)
def test_an_analyst_is_policed_and_a_reader_is_not(schema: str, name: str, held: PolicySet) -> None:
    policed = POLICED[schema, name]
    shown = tuple(Column(each, VARCHAR) for each in columns_of(policed))
    table = Table(TableName("iceberg", schema, name), shown, "lake")
    seen = {who: held.decide(Subject(who, frozenset({who})), Action.SELECT, table) for who in (READER, ANALYST)}
    assert all(each.allowed for each in seen.values())
    assert not seen[READER].policed
    assert (seen[ANALYST].row_filter is not None) == (policed.row_filter is not None)
    assert seen[ANALYST].masks.keys() == policed.masks.keys()


def test_trino_has_a_view_of_each_table_with_the_filter_and_the_masks_of_its_policy() -> None:
    tables = [Named(schema, name, columns_of(policed)) for (schema, name), policed in POLICED.items()]
    made = {text.split()[2]: text for text in views(tables)}
    for (schema, name), policed in POLICED.items():
        text = made[f"memory.{schema}.{name}"]
        for each in (*policed.masks.values(), *([policed.row_filter] if policed.row_filter else [])):
            parse_expression(each)
            assert each in text
