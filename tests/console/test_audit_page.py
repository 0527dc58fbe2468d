"""The audit's page shows what the chain holds, newest first, and says whether its end is what was written."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

from tests.admin.api_client import Api
from tests.operations.gateway_process import Gateway, eventually


def numbers(page: str) -> list[int]:
    return [int(each) for each in re.findall(r'<td class="num">(\d+)</td>', page)]


def test_a_refusal_is_shown_with_who_was_refused(governed: Gateway) -> None:
    governed.client.error("SELECT * FROM lake.trading.nothing")
    with Api(governed, "aude") as api:
        page = eventually(lambda: "TABLE_NOT_FOUND" in (found := api.get("/ui/audit?kind=refusal").text) and found)
        assert "The end of the chain holds" in page
        assert numbers(page) == sorted(numbers(page), reverse=True)
        assert "TABLE_NOT_FOUND" not in api.get("/ui/audit?kind=reload").text
        assert "No entries of this kind and person" in api.get("/ui/audit?user=nobody").text


def test_older_entries_are_a_page_further(governed: Gateway) -> None:
    with Api(governed) as api:
        newest = max(numbers(api.get("/ui/audit").text))
        assert numbers(api.get(f"/ui/audit?before={newest}").text)[0] == newest - 1
        assert api.get("/ui/audit?before=x").status_code == 422


def test_a_bent_chain_is_told(spoilt: Gateway) -> None:
    with Api(spoilt) as api:
        eventually(lambda: len(numbers(api.get("/ui/audit").text)) >= 2)
        with closing(sqlite3.connect(spoilt.folder / "usage.db", timeout=10)) as store, store:
            for (trigger,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                store.execute(f"DROP TRIGGER {trigger}")
            store.execute("UPDATE penstock_audit SET subject = 'bent' WHERE seq = 1")
        page = api.get("/ui/audit").text
        assert "The chain is not what was written" in page
        assert "link 1 is not as it was written" in page
