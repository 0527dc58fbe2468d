"""A row filter says whether conditions wait behind it; of several the most careful word counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.objects import Column, Table, TableName
from catalog.types import TrinoType
from policies.decisions import Action, Subject
from policies.faults import PolicyError
from policies.reload import load_policies

TABLE = Table(TableName("lake", "sales", "orders"), (Column("region", TrinoType("varchar")),), "lake")


def guard(tmp_path: Path, *filters: str, roles: tuple[str, ...] = ("reader",)) -> str:
    path = tmp_path / "policies.yaml"
    rules = "".join(f"  - {{id: f{n}, table: lake.sales.orders, {text}}}\n" for n, text in enumerate(filters))
    path.write_text(
        "version: 1\nroles: {reader: {}, other: {}}\n"
        "grants:\n  - {id: g, roles: [reader, other], assets: lake.sales.*, allow: [read]}\nrow_filters:\n" + rules
    )
    decision = load_policies([path]).decide(Subject("ana", frozenset(roles), ()), Action.SELECT, TABLE)
    assert decision.allowed
    return decision.guard


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["roles: [reader], filter: region = 'EU'"], "auto"),
        (["roles: [reader], filter: region = 'EU', guard: auto"], "auto"),
        (["roles: [reader], filter: region = 'EU', guard: true"], "always"),
        (["roles: [reader], filter: region = 'EU', guard: false"], "never"),
        (["roles: [reader], filter: region = 'EU', guard: false", "roles: [reader], filter: region <> 'x'"], "auto"),
        (["roles: [reader], filter: region = 'EU', guard: false", "roles: [reader], filter: region <> 'x', guard: true"], "always"),
        (["roles: [reader], filter: none", "roles: [reader], filter: region = 'EU', guard: false"], "never"),
        (["roles: [other], filter: region = 'US', guard: true", "roles: [reader], filter: region = 'EU', guard: false"], "never"),
    ],
)  # fmt: skip
def test_the_most_careful_word_counts(tmp_path: Path, filters: list[str], expected: str) -> None:
    assert guard(tmp_path, *filters) == expected


def test_another_word_is_no_guard(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="guard"):
        guard(tmp_path, "roles: [reader], filter: region = 'EU', guard: sometimes")
