"""Pages that judge a changeset before it acts: lint, the comparison over recorded queries, what it shows as a shadow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.admin.api_client import TABLE, Api
from tests.console.browser import console_url, page_of
from tests.operations.client import Client
from tests.operations.gateway_process import Gateway, eventually

WRONG = {"id": "always<b>", "table": TABLE, "users": ["ana"], "filter": "id = id OR 1 = 1"}
NARROW = {"id": "own_desk", "table": TABLE, "users": ["ana"], "filter": "desk = 'nobody<i>'"}


@pytest.fixture(scope="module")
def draft(governed: Gateway) -> Iterator[dict[str, Any]]:
    """Have a draft that hides rows from Ana, who has asked for them, and a rule that hides nothing."""
    Client(governed.url, "ana").rows(f"SELECT id FROM {TABLE} WHERE id > 0")
    edits = [{"op": "put", "section": "row_filters", "entry": entry} for entry in (NARROW, WRONG)]
    with Api(governed) as api:
        made = api.answer("POST", "/api/v1/changesets", 201, json={"title": "Judged", "edits": edits})
        yield made
        now = api.answer("GET", f"/api/v1/changesets/{made['id']}")
        headers = {"If-Match": f'"{now["revision"]}"'}
        api.answer("POST", f"/api/v1/changesets/{made['id']}/discard", headers=headers)


def test_lint_of_a_changeset_says_what_why_and_the_fix(
    browser: Browser, governed: Gateway, draft: dict[str, Any]
) -> None:
    with Api(governed) as api:
        told = api.answer("POST", "/api/v1/policies/lint", json={"changeset": draft["id"]})["findings"]
    (finding,) = [each for each in told if each["rule"] == WRONG["id"] and "true" in each["code"]]
    with page_of(browser, governed, "stella") as page:
        page.goto(f"{console_url(governed)}/ui/changesets/{draft['id']}")
        page.get_by_role("link", name="Lint it").click()
        row = page.get_by_role("region", name="Findings").locator("tr", has_text=finding["code"]).first
        for name in ("severity", "rule", "reason", "fix"):
            expect(row).to_contain_text(finding[name])
        page.goto(f"{console_url(governed)}/ui/lint")
        expect(page.locator("main")).to_contain_text("The policies in force")
        expect(page.locator("main")).not_to_contain_text(WRONG["id"])


@pytest.mark.long
def test_a_comparison_is_begun_waited_for_and_read(browser: Browser, governed: Gateway, draft: dict[str, Any]) -> None:
    with page_of(browser, governed, "stella") as page:
        page.goto(f"{console_url(governed)}/ui/changesets/{draft['id']}")
        page.get_by_role("link", name="Compare with recorded queries").click()
        expect(page.locator("main")).to_contain_text("It was not compared")
        page.get_by_label("Queries of the last").select_option("1")
        page.get_by_role("button", name="Compare").click()
        result = page.locator("#result")
        result.wait_for(timeout=90_000)
        expect(result).to_contain_text("Some queries would have been answered otherwise")
        group = page.get_by_role("region", name="Difference 1")
        expect(group).to_contain_text("changed filter")
        expect(group).to_contain_text(TABLE)
        expect(group).to_contain_text("nobody<i>")
        expect(group).to_contain_text("by ana")
        page.get_by_role("link", name="Comparisons").click()
        expect(page.get_by_role("region", name="Comparisons").locator("tbody tr")).to_have_count(1)
        where = page.get_by_role("region", name="Comparisons").get_by_role("link").get_attribute("href")
    with Api(governed, "aude") as auditor:
        assert "nobody&lt;i&gt;" not in auditor.get(str(where)).text, "texts of policies are for stewards and owners"


@pytest.mark.long
def test_what_a_shadow_shows_is_counted(browser: Browser, governed: Gateway, draft: dict[str, Any]) -> None:
    path = f"/ui/changesets/{draft['id']}"
    with page_of(browser, governed, "stella") as page:
        page.goto(f"{console_url(governed)}{path}/submit")
        page.get_by_role("button", name="Run it as a shadow").click()
        page.get_by_role("link", name="What it showed as a shadow").click()
        expect(page.locator("main")).to_contain_text("It runs beside what is live")

        def compared() -> bool:
            Client(governed.url, "ana").rows(f"SELECT id FROM {TABLE} WHERE id > 0")
            with Api(governed) as api:
                return bool(api.answer("GET", f"/api/v1/changesets/{draft['id']}/shadow")["items"])

        eventually(compared, seconds=30)
        page.reload()
        differences = page.get_by_role("region", name="Differences")
        expect(differences).to_contain_text("changed filter")
        expect(differences).to_contain_text("ana")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/lint?changeset=nonsense", 404),
        ("/ui/lint?changeset=00000000-0000-4000-8000-000000000000", 404),
        ("/ui/diffs/nonsense", 404),
        ("/ui/diffs/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/changesets/00000000-0000-4000-8000-000000000000/diff", 404),
        ("/ui/changesets/nonsense/shadow", 404),
    ],
)
def test_what_is_not_there_is_told_so(root: Api, path: str, status: int) -> None:
    assert root.get(path).status_code == status


def test_only_what_the_form_offers_is_compared(root: Api, draft: dict[str, Any]) -> None:
    path = f"/ui/changesets/{draft['id']}/diff"
    for data in (
        {"days": "7"},
        {"days": "x", "sample": "0"},
        {"days": "1e9", "sample": "0"},
        {"days": "7", "sample": "9"},
    ):
        assert root.post(path, data=data).status_code == 422
