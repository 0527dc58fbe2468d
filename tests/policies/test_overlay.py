"""Stored documents over files: whatever the section, a stored entry stands in the place of the file's of its key."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from policies.document import Document
from policies.overlay import overlay, stored_origin
from policies.reload import StoredDocument, join_policies, read_document, read_files
from policies.sections import SECTIONS, entries, find_entry, put_entry, take_entry
from policies.sources import Source

TABLE = "lake.trading.trades"
NAMED = {"roles": ["analyst"]}
FILE: dict[str, Any] = {
    "version": 1,
    "roles": {"analyst": None, "trader": {"inherits": ["analyst"]}},
    "groups": {"desk": None, "night": None},
    "users": {"ana": {"roles": ["analyst"]}, "tom": {}},
    "grants": [
        {"id": "g1", "assets": "lake.*", "allow": ["read"], **NAMED},
        {"assets": "a.*", "allow": ["read"], **NAMED},
    ],
    "protected": [{"table": TABLE, "open": ["id"]}, {"table": "lake.*"}],
    "tags": [{"table": TABLE, "tags": ["a"]}, {"table": "lake.b.c", "tags": ["b"]}, {"table": TABLE, "tags": ["c"]}],
    "licences": [{"id": "l1", "table": TABLE, "no_export": True}, {"id": "l2", "tag": "a", "no_export": True}],
    "aggregate_only": [{"id": "o1", "table": TABLE, "min_group_size": 5, **NAMED}],
    "row_filters": [{"id": "f1", "table": TABLE, "filter": "id > 0", **NAMED}],
    "column_masks": [{"id": "m1", "table": TABLE, "column": "desk", "mask": "redact", **NAMED}],
    "impersonation": [{"id": "i1", "may_act_as": {"users": ["tom"]}, **NAMED}],
    "session_properties": [{"id": "s1", "allow": ["lake.*"], **NAMED}],
    "queries": [{"id": "q1", "allow": ["view"], **NAMED}],
    "administration": [{"id": "ad1", "allow": ["owner"], **NAMED}],
    "keys": {"k1": {"env": "ONE", "engines": ["trino"]}},
    "engine_regions": {"trino": "eu"},
    "unclassified": "mask",
    "partners": {"roles": ["trader"]},
}
STORED: dict[str, tuple[str, Any]] = {
    "roles": ("trader", {"description": "new"}),
    "groups": ("desk", {"description": "new"}),
    "users": ("ana", {"roles": ["trader"]}),
    "grants": ("g1", {"id": "g1", "assets": ["x.*"], "allow": ["write"], **NAMED}),
    "protected": (TABLE, {"table": "LAKE.Trading.trades", "open": ["desk"]}),
    "tags": (TABLE, {"table": TABLE, "tags": ["z"]}),
    "licences": ("l1", {"id": "l1", "table": "lake.b.c", "no_export": True}),
    "aggregate_only": ("o1", {"id": "o1", "table": TABLE, "min_group_size": 9, **NAMED}),
    "row_filters": ("f1", {"id": "f1", "table": "lake.b.c", "filter": "none", **NAMED}),
    "column_masks": ("m1", {"id": "m1", "table": TABLE, "column": "desk", "mask": "none", **NAMED}),
    "impersonation": ("i1", {"id": "i1", "may_act_as": {"users": ["ana"]}, **NAMED}),
    "session_properties": ("s1", {"id": "s1", "allow": ["x.*"], **NAMED}),
    "queries": ("q1", {"id": "q1", "allow": ["kill"], **NAMED}),
    "administration": ("ad1", {"id": "ad1", "allow": ["auditor"], **NAMED}),
    "keys": ("k1", {"env": "TWO", "engines": ["trino"]}),
    "engine_regions": ("trino", "us"),
    "unclassified": ("", "deny"),
    "partners": ("", {"users": ["tom"]}),
}


def source(document: dict[str, Any], file: str = "policies.yaml") -> Source:
    return Source(file, Document.model_validate(document))


def known(sources: list[Source]) -> dict[tuple[str, str], list[str]]:
    """Return the documents that have an entry, by section and key."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in sources:
        for section, key, place, _ in entries(each.document):
            found.setdefault((section, key or str(place)), []).append(each.file)
    return found


def test_the_table_of_sections_has_every_section_of_the_language() -> None:
    assert set(SECTIONS) == set(Document.model_fields) - {"version"}


@pytest.mark.parametrize("section", STORED)
def test_a_stored_entry_stands_in_the_place_of_the_files_and_leaves_all_others(section: str) -> None:
    key, value = STORED[section]
    stored = source(put_entry({"version": 1}, section, key, value), stored_origin("governed"))  # type: ignore[arg-type]  # the words of a test
    before, after = known([source(FILE)]), known(overlay([source(FILE)], [stored]))
    assert after.pop((section, key)) == [stored.file]
    del before[section, key]
    assert {place for place in after if place[0] != section} == {place for place in before if place[0] != section}
    assert len(after) == len(before)


def test_entries_without_an_id_stay_whatever_is_stored() -> None:
    stored = source(
        {"version": 1, "grants": [{"assets": "a.*", "allow": ["read"], **NAMED}]}, stored_origin("governed")
    )
    (file, _) = overlay([source(FILE)], [stored])
    assert len(file.document.grants) == 2


def test_faults_behind_an_entry_that_is_overlaid_keep_their_lines(tmp_path: Any) -> None:
    faults: list[Any] = []
    text = yaml.safe_dump({**FILE, "grants": [FILE["grants"][0], {**FILE["grants"][1], "id": "second"}]})
    made = read_document(text, "policies.yaml", faults)
    assert made is not None
    stored = source(
        {"version": 1, "grants": [{"id": "g1", "assets": "a.*", "allow": ["read"], **NAMED}]}, stored_origin("x")
    )
    (file, _) = overlay([made], [stored])
    assert file.origin("grants", 0).line == made.origin("grants", 1).line


def test_a_role_that_only_a_changeset_made_keeps_the_masks_that_copies_inherited(tmp_path: Any) -> None:
    (tmp_path / "p.yaml").write_text("version: 1\nroles: {analyst: }\n")
    inherited = {"version": 1, "column_masks": [{"table": TABLE, "column": "desk", "roles": ["new"], "mask": "redact"}]}
    documents = [
        StoredDocument("governed", json.dumps({"version": 1, "roles": {"new": None}})),
        StoredDocument("lineage", json.dumps(inherited)),
    ]
    made = join_policies(read_files([tmp_path / "p.yaml"]), documents)
    ((principal, _),) = next(iter(made.masks.values()))["desk"].items()
    assert principal == "role:new"


@pytest.mark.parametrize("section", STORED)
def test_an_entry_put_is_found_and_taken_out_again(section: Any) -> None:
    key, value = STORED[section]
    before = {"version": 1, "roles": {"other": None}}
    with_it = put_entry(before, section, key, value)
    assert find_entry(with_it, section, key) == (value,)
    assert put_entry(with_it, section, key, value) == with_it
    assert take_entry(with_it, section, key) == before


def test_of_several_entries_for_one_table_one_is_left_in_their_place() -> None:
    document = {"version": 1, "tags": FILE["tags"]}
    assert len(find_entry(document, "tags", TABLE)) == 2
    after = put_entry(document, "tags", TABLE, {"table": TABLE, "tags": ["z"]})
    assert [each["tags"] for each in after["tags"]] == [["z"], ["b"]]
    assert [each["table"] for each in take_entry(document, "tags", TABLE)["tags"]] == ["lake.b.c"]
