"""Policy files are taken whole or not at all, and what is wrong is said with file, line and mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policies.faults import PolicyError
from policies.reload import load_policies
from tests.policies.sales import FIXTURES

BAD = sorted((FIXTURES / "policies" / "bad").glob("*.yaml"))


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_bad_file(path: Path) -> None:
    expected = re.search(r"^# expect: (.*)$", path.read_text("utf-8"), re.M)
    assert expected is not None
    with pytest.raises(PolicyError) as error:
        load_policies([path])
    assert expected.group(1) in str(error.value)
    assert str(path) in str(error.value)


def test_every_fault_of_every_file_is_listed(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("version: 1\nroles: {a: }\ngrants:\n  - {roles: [b], assets: c.*, allow: [select]}\n")
    two.write_text("version: 1\nrow_filters:\n  - {roles: [d], table: c.s.t, filter: count(*) = 1}\n")
    with pytest.raises(PolicyError) as error:
        load_policies([one, two])
    assert [(Path(f.origin.file).name, f.origin.line) for f in error.value.faults] == [
        ("one.yaml", 4),
        ("two.yaml", 3),
        ("two.yaml", 3),
    ]


def test_several_files_form_one_policy(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("version: 1\nroles: {a: }\nusers: {u: {roles: [a]}}\n")
    two.write_text("version: 1\ngrants:\n  - {roles: [a], assets: c.*, allow: [select]}\n")
    policies = load_policies([one, two])
    assert policies.roles_of("u") == {"a"}
    assert [rule.principal for rule in policies.rules] == ["role:a"]


@pytest.mark.parametrize("section", ["roles: {a: }", "users: {a: {}}", "protected: [{table: c.s.t}]"])
def test_nothing_is_defined_in_two_files(tmp_path: Path, section: str) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    for path in (one, two):
        path.write_text(f"version: 1\n{section}\n")
    with pytest.raises(PolicyError, match="twice"):
        load_policies([one, two])


@pytest.mark.parametrize(
    ("one", "two", "message"),
    [
        ("unclassified: deny", "unclassified: allow", "unclassified columns are both deny and allow"),
        ("engine_regions: {trino: US}", "engine_regions: {trino: EU}", "the engine `trino` is in two regions"),
    ],
)
def test_files_do_not_disagree(tmp_path: Path, one: str, two: str, message: str) -> None:
    for path, text in ((tmp_path / "one.yaml", one), (tmp_path / "two.yaml", two)):
        path.write_text(f"version: 1\n{text}\n")
    with pytest.raises(PolicyError, match=message):
        load_policies([tmp_path / "one.yaml", tmp_path / "two.yaml"])


def test_the_version_is_a_hash_of_the_content(tmp_path: Path) -> None:
    path, other = tmp_path / "p.yaml", tmp_path / "q.yaml"
    path.write_text("version: 1\n")
    other.write_text("version: 1\n")
    first = load_policies([path]).version
    assert load_policies([other]).version == first
    path.write_text("version: 1\n# changed\n")
    assert load_policies([path]).version != first


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policies([tmp_path / "missing.yaml"])
    broken = tmp_path / "broken.yaml"
    broken.write_bytes(b"version: \xff")
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policies([broken])


def test_no_file_is_a_fault() -> None:
    with pytest.raises(PolicyError, match="no policy file"):
        load_policies([])


def test_yaml_that_builds_objects_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nusers: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(PolicyError, match="not YAML"):
        load_policies([path])


def test_bare_null_names_the_null_mask(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    text = "version: 1\ncolumn_masks:\n  - {{roles: all, table: c.s.t, column: x, mask: {}}}\n"
    for mask in ("null", "~", "{kind: null}", "'null'"):
        path.write_text(text.format(mask))
        masks = load_policies([path]).masks
        ((rule,),) = next(iter(masks.values()))["x"].values()
        assert rule.spec is not None
        assert rule.spec.kind == "null"
