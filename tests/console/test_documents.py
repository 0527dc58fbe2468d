"""What differs between two documents is shown entry by entry, however large they are."""

from __future__ import annotations

import time
from typing import Any

import yaml

from gateway.admin.console.differences import Line
from gateway.admin.console.documents import changed_parts, yaml_of


def grants(count: int, **changed: str) -> dict[str, Any]:
    made = [{"id": f"g{n}", "roles": ["r"], "assets": [changed.get(f"g{n}", f"c.s.t{n}")]} for n in range(count)]
    return {"version": 1, "roles": {"r": None}, "grants": made}


def test_only_what_differs_is_shown_by_section_and_key() -> None:
    found = changed_parts(grants(50), {**grants(50, g7="c.s.other"), "roles": {"r": None, "new": {"description": "x"}}})
    assert [(part.section, part.key) for part in found.shown] == [("roles", "new"), ("grants", "g7")]
    changed = [line for line in found.shown[1].lines if line.kind in ("added", "removed")]
    assert changed == [Line("removed", "- c.s.t7"), Line("added", "- c.s.other")]
    assert found.left == 0


def test_a_first_version_is_all_new_and_a_last_one_all_gone() -> None:
    document = {"version": 1, "unclassified": "allow", "tags": [{"table": "C.s.t", "tags": ["a"]}, {"table": "c.s.T"}]}
    assert [(part.section, part.key) for part in changed_parts(None, document).shown] == [
        ("tags", "c.s.t"),
        ("unclassified", ""),
    ]
    assert {line.kind for part in changed_parts(document, None).shown for line in part.lines} == {"removed"}
    assert changed_parts(document, document).shown == []


def test_entries_without_an_id_are_compared_together() -> None:
    before = {"grants": [{"roles": ["a"]}, {"roles": ["b"]}]}
    (part,) = changed_parts(before, {"grants": [{"roles": ["a"]}]}).shown
    assert [line.text for line in part.lines if line.kind == "removed"] == ["roles:", "- b"]


def test_large_documents_take_no_time_and_the_rest_is_counted() -> None:
    began = time.process_time()
    found = changed_parts(grants(10_000), grants(10_000, **{f"g{n}": "x.y.z" for n in range(0, 10_000, 2)}))
    assert len(found.shown) == 200
    assert found.left == 4_800
    assert time.process_time() - began < 3


def test_entries_are_written_as_files_say_them_with_their_id_first() -> None:
    entry = {"users": ["ana"], "id": "own", "filter": "desk = 'é: #'", "nested": [{"b": 1, "name": "n"}]}
    text = yaml_of(entry)
    assert text.startswith("id: own\n")
    assert yaml.safe_load(text) == entry
