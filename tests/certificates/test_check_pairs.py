"""The checker accepts rewritings that are right, and none that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewrite_rules.certificates import check
from tests.certificates.ground import BOUNDS, FACTS, TABLES, certificate

GROUPS = yaml.safe_load((Path(__file__).parents[1] / "fixtures/certificates/pairs.yaml").read_text())


def pairs(kind: str) -> Iterator[Any]:
    for group in GROUPS:
        for case in group["cases"]:
            for rewrite in case.get(kind, ()):
                yield pytest.param(case["query"], rewrite, group, id=f"{case['query']} -> {rewrite}"[:150])


def rejected(query: str, rewrite: str, group: dict[str, Any]) -> tuple[str, ...]:
    made = certificate(query, rewrite, group["views"], group.get("states"))
    found = check(made, TABLES, facts=FACTS, bounds=BOUNDS)
    return tuple(f"{each.what}: {each.text}" for each in found)


@pytest.mark.parametrize(("query", "rewrite", "group"), list(pairs("right")))
def test_a_right_rewriting_is_accepted(query: str, rewrite: str, group: dict[str, Any]) -> None:
    assert rejected(query, rewrite, group) == ()


@pytest.mark.parametrize(("query", "rewrite", "group"), list(pairs("wrong")))
def test_a_wrong_rewriting_is_rejected(query: str, rewrite: str, group: dict[str, Any]) -> None:
    assert rejected(query, rewrite, group)
