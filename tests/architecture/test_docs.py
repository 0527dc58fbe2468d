"""What the documents say is what the code does: error codes, configuration keys, commands, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.errors import ErrorCode
from gateway.config.model import Config
from tests.gateway.test_config import _keys

ROOT = Path(__file__).parents[2]
DOCS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
SOURCES = [
    p for room in ("catalog", "policies", "rewrite_rules", "engines", "gateway") for p in (ROOT / room).rglob("*.py")
]


def test_every_error_code_in_use_is_documented_and_no_other_is_defined() -> None:
    used = {name for path in SOURCES for name in re.findall(r"ErrorCode\.([A-Z_]+)\b", path.read_text())} & set(
        ErrorCode.__members__
    )
    documented = set(re.findall(r"`([A-Z_]{6,})`", (ROOT / "docs" / "errors.md").read_text()))
    assert used - documented == set()
    assert documented - set(ErrorCode.__members__) == set()
    assert set(ErrorCode.__members__) - used == set(), "defined and never used"


def test_every_configuration_key_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()
    assert {key for key in _keys(Config) if f"`{key}`" not in text and f".{key}`" not in text} == set()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_the_readme_lists_every_command() -> None:
    from gateway.cli.main import app

    text = (ROOT / "README.md").read_text()
    for command in app.registered_commands:
        assert f"penstock {command.name}" in text


def test_the_policy_examples_load(tmp_path: Path) -> None:
    from gateway.policy_files import load_policy_files

    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "policies.md").read_text(), re.DOTALL)
    example = tmp_path / "policies.yaml"
    example.write_text("".join(blocks).replace("[superset]", "[trader1]").replace("roles: [admin]", "roles: [viewer]"))
    assert load_policy_files([example]).roles_of("trader1")
