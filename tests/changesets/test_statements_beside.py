"""Policies of changesets beside statements: shown for what they are, and dropped where they were made."""

from __future__ import annotations

from tests.admin.api_client import TABLE, Api
from tests.changesets.speaking import live, put, row_filter
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway


def test_statements_show_what_changesets_put_and_do_not_drop_it(changing: Gateway, stella: Api) -> None:
    mask = {"id": "lens", "table": TABLE, "column": "desk", "mask": "redact", "users": ["ana"]}
    live(stella, row_filter("made", "id < 3"), put("column_masks", mask))
    root = Client(changing.url, "root")
    told = {row[0]: row[-1] for row in root.rows("SHOW ROW POLICIES")}
    assert (told["made"], told["own_desk"]) == ("changeset", "file")
    assert [row[-1] for row in root.rows("SHOW COLUMN POLICIES")] == ["changeset"]
    for kind, name in (("ROW", "made"), ("COLUMN", "lens")):
        error = root.error(f"DROP {kind} POLICY {name} ON {TABLE}")
        assert error["errorName"] == "NOT_SUPPORTED"
        assert "comes from a changeset" in error["message"]
        assert "document of changesets" in root.error(f"SHOW CREATE {kind} POLICY {name} ON {TABLE}")["message"]
