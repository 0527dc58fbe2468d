"""Imports run downwards only, and heavy libraries stay out of the core's start."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("catalog", "policies", "rewrite_rules", "engines", "optimizers", "gateway")
MAY_IMPORT = {
    "catalog": {"catalog"},
    "policies": {"policies", "catalog"},
    "rewrite_rules": {"rewrite_rules", "catalog"},
    "engines": {"engines", "catalog"},
    "optimizers": {"optimizers", "catalog", "engines", "policies", "rewrite_rules"},
    "gateway": set(ROOMS),
}
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def rooms_imported_by(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the room"
            found.add((node.module or "").split(".")[0])
    return found & set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_from_the_rooms_below_it(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    forbidden = rooms_imported_by(path) - MAY_IMPORT[room]
    assert not forbidden, f"{room}/ must not import {sorted(forbidden)}"


def imports(module: str, heavy: str) -> bool:
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode != 0


@pytest.mark.parametrize("heavy", ["pyiceberg", "duckdb", "chdb", "clickhouse_connect", "presidio_analyzer"])
def test_the_gateway_starts_without_importing(heavy: str) -> None:
    assert not imports("gateway.serving", heavy)


@pytest.mark.parametrize("heavy", ["sqlalchemy", "sqlglot", "fastapi", "aiohttp", "numpy"])
def test_who_watches_over_workers_does_not_import(heavy: str) -> None:
    assert not imports("gateway.run", heavy)


def test_only_one_casbin_is_installed() -> None:
    from importlib.metadata import PackageNotFoundError, distribution

    with pytest.raises(PackageNotFoundError):
        distribution("pycasbin")
