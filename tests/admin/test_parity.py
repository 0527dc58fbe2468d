"""Everything that the API does, the command line does: each operation of the description is called by a command."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.admin.api_client import Api

CLI = Path(__file__).parents[2] / "gateway" / "cli"
OTHERWISE = {
    ("GET", "/api/v1/audit"): "`penstock audit list` reads the store itself, so that it needs nobody's word",
    ("GET", "/api/v1/audit/verify"): "`penstock audit verify` does",
    ("GET", "/api/v1/policies/{kind}"): "`penstock policy list --kind` asks /api/v1/policies?kind=",
}
"""Operations that commands do not call, and which of them does the same."""
_CALL = re.compile(r'"(GET|POST|PUT|PATCH|DELETE)",\s*f?"([^"]*)"')
_LISTED = re.compile(r'(?:items\(|path = |else )f?"([^"]*)"')
_AMENDED = re.compile(r'_amend\(admin, f?"([^"]*)"')


def called() -> set[tuple[str, str]]:
    """Return the methods and paths that commands call, with `{}` for what they fill in."""
    found = set()
    for module in CLI.glob("*.py"):
        text = module.read_text("utf-8")
        pairs = [*_CALL.findall(text), *(("GET", path) for path in _LISTED.findall(text))]
        pairs += [("PATCH", path) for path in _AMENDED.findall(text)]
        if '"POST", path, ' in text:
            pairs += [("POST", path) for path in _LISTED.findall(text)]
        own = getattr(import_module(f"gateway.cli.{module.stem}"), "_PATH", "") if "_PATH = " in text else ""
        pairs += [("GET", own)] if "items(_PATH" in text else []
        for method, path in pairs:
            whole = path.replace("{API}", "/api/v1").replace("{_PATH}", own)
            found.add((method, re.sub(r"\{[^}]*(\{[^}]*\})?[^}]*\}", "{}", whole)))
    return found


def matched(operation: tuple[str, str], calls: set[tuple[str, str]]) -> bool:
    """Tell whether a command calls an operation."""
    method, path = operation
    plain = re.sub(r"\{[^}]*\}", "x", path)
    return any(
        method == other and re.fullmatch(re.escape(template).replace(r"\{\}", "[^/]+"), plain)
        for other, template in calls
    )


@pytest.fixture(scope="module")
def operations(root: Api) -> set[tuple[str, str]]:
    paths = root.answer("GET", "/openapi.json")["paths"]
    return {(method.upper(), path) for path, item in paths.items() for method in item}


def test_every_operation_has_a_command(operations: set[tuple[str, str]]) -> None:
    calls = called()
    assert OTHERWISE.keys() <= operations
    assert {each for each in operations - OTHERWISE.keys() if not matched(each, calls)} == set()


def test_an_operation_without_a_command_would_be_found() -> None:
    assert not matched(("GET", "/api/v1/changesets/{id}/nothing"), called())
    assert not matched(("DELETE", "/api/v1/policies"), called())
