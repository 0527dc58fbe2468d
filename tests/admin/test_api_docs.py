"""docs/api.md and the description name the same paths, and the statuses that it explains are the ones there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.admin.api_client import Api

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
PATHS = TEXT[TEXT.index("## Paths") : TEXT.index("Health (")]
STATUSES = TEXT[TEXT.index("| status | when |") : TEXT.index("What the description does not know")]


@pytest.fixture(scope="module")
def described(root: Api) -> dict[str, dict[str, dict[str, object]]]:
    return root.answer("GET", "/openapi.json")["paths"]  # type: ignore[no-any-return]  # JSON


def test_every_path_of_the_description_is_explained_and_no_other(described: dict[str, object]) -> None:
    explained = {path.group(1) for path in re.finditer(r"`(/[^`]*)`", PATHS)}
    assert explained == set(described)


def test_every_status_that_refuses_is_explained(described: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    answered = {
        int(status)
        for operations in described.values()
        for operation in operations.values()
        for status in operation["responses"]
    }
    explained = set(map(int, re.findall(r"\b[45]\d\d\b", STATUSES)))
    assert {status for status in answered if status >= 400} <= explained


def test_every_operation_says_what_it_does_and_how_it_may_be_refused(
    described: dict[str, dict[str, dict[str, dict[str, object]]]],
) -> None:
    for path, operations in described.items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            assert {"401", "403", "422"} <= set(operation["responses"]), (method, path)
