"""Policies and changesets in Chromium: what is in force, what became of it, and the way from a draft to live and back."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.admin.api_client import TABLE, Api
from tests.console.browser import console_url, page_of
from tests.operations.gateway_process import Gateway

MARKUP = "<script>document.title='bent'</script> <b>bold</b>"


def filter_edit(name: str, condition: str) -> dict[str, Any]:
    entry = {"id": name, "table": TABLE, "users": ["ana"], "filter": condition}
    return {"op": "put", "section": "row_filters", "entry": entry}


class Drafts:
    """Changesets of a test, and the rule that they are about."""

    def __init__(self, api: Api) -> None:
        self.rule = f"rule-{uuid.uuid4().hex[:8]}"
        self._api = api
        self.live: list[dict[str, Any]] = []

    def begin(self, title: str, condition: str, note: str = "") -> dict[str, Any]:
        body = {"title": title, "note": note, "edits": [filter_edit(self.rule, condition)]}
        found: dict[str, Any] = self._api.answer("POST", "/api/v1/changesets", 201, json=body)
        return found

    def promote(self, title: str, condition: str) -> None:
        made = self.begin(title, condition)
        path, headers = f"/api/v1/changesets/{made['id']}/promote", {"If-Match": f'"{made["revision"]}"'}
        self.live.append(self._api.answer("POST", path, headers=headers))

    def undo(self) -> None:
        for made in reversed(self.live):
            path, headers = f"/api/v1/changesets/{made['id']}/rollback", {"If-Match": f'"{made["revision"]}"'}
            self._api.answer("POST", path, headers=headers)


@pytest.fixture
def drafts(root: Api) -> Iterator[Drafts]:
    """Begin changesets of a rule of the test's own; what it made live is rolled back."""
    found = Drafts(root)
    yield found
    found.undo()


def state_of(root: Api, made: dict[str, Any]) -> str:
    return str(root.answer("GET", f"/api/v1/changesets/{made['id']}")["state"])


def go(page: Page, gateway: Gateway, path: str) -> None:
    page.goto(f"{console_url(gateway)}{path}")


def test_policies_are_found_by_kind_table_and_principal(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed, "aude") as page:
        go(page, governed, "/ui")
        page.get_by_role("link", name="Policies", exact=True).click()
        rows = page.get_by_role("region", name="Policies").locator("tbody tr")
        assert rows.count() > 10
        page.get_by_label("Kind").select_option("row_filters")
        page.get_by_label("For whom").fill("user:ana")
        page.get_by_label("Table").fill(TABLE)
        page.get_by_role("button", name="Show").click()
        expect(rows).to_have_count(1)
        page.get_by_role("link", name="own_desk").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("own_desk")
        expect(page.locator("pre").first).to_contain_text("filter: desk = attr('desk')")
        expect(page.locator("main")).to_contain_text("policies.yaml, line")


def test_a_stored_policy_shows_its_versions_with_what_each_changed(
    browser: Browser, governed: Gateway, drafts: Drafts
) -> None:
    drafts.promote(f"first {MARKUP}", "id > 1")
    drafts.promote("second", "id > 2")
    with page_of(browser, governed, "aude") as page:
        go(page, governed, f"/ui/policies/row_filters/{drafts.rule}")
        assert page.title() == f"{drafts.rule} · Penstock"
        expect(page.locator("pre").first).to_contain_text("filter: id > 2")
        latest, first = page.locator('section[aria-label^="Version"]').all()
        assert latest.locator(".added").all_inner_texts() == ["+ filter: id > 2"]
        assert latest.locator(".removed").all_inner_texts() == ["- filter: id > 1"]
        assert "+ filter: id > 1" in first.locator(".added").all_inner_texts()
        expect(first).to_contain_text(f"first {MARKUP}")
        expect(page.get_by_role("region", name="Changed by").locator("tbody tr")).to_have_count(2)
        latest.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("governed, version")
        assert page.locator(".lines .removed").all_inner_texts() == ["- filter: id > 1"]
        page.get_by_role("link", name="governed", exact=True).click()
        expect(page.get_by_role("region", name="Versions")).to_contain_text("second")
        assert page.locator("main script, main b").count() == 0


def test_a_changeset_goes_live_and_back_by_hand_each_step_asked_for_once_more(
    browser: Browser, governed: Gateway, root: Api, drafts: Drafts
) -> None:
    made = drafts.begin("By hand", "id > 5", note=f"{MARKUP}\nsecond line")
    with page_of(browser, governed, "stella") as page:
        go(page, governed, "/ui/changesets?state=draft")
        page.get_by_role("link", name="By hand").click()
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert page.locator("main script").count() == 0
        assert "+ filter: id > 5" in page.locator(".added").all_inner_texts()
        page.get_by_role("link", name="Run it as a shadow").click()
        assert state_of(root, made) == "draft", "asking is not doing"
        page.get_by_role("button", name="Run it as a shadow").click()
        expect(page.locator(".facts .badge").first).to_have_text("shadow")
        page.get_by_role("link", name="Make it live").click()
        page.get_by_role("button", name="Make it live").click()
        expect(page.locator(".facts .badge").first).to_have_text("live")
        assert state_of(root, made) == "live"
        page.get_by_role("link", name="Roll it back").click()
        page.get_by_role("button", name="Roll it back").click()
        expect(page.locator(".facts .badge").first).to_have_text("rolled back")
        assert page.locator(".actions a").count() == 0
    assert root.get(f"/api/v1/policies/row_filters/{drafts.rule}").status_code == 404


def test_the_whole_way_is_open_to_a_keyboard(browser: Browser, governed: Gateway, root: Api, drafts: Drafts) -> None:
    made = drafts.begin("By keys", "id > 6")
    with page_of(browser, governed, "root") as page:
        go(page, governed, f"/ui/changesets/{made['id']}")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Skip to the content")
        page.keyboard.press("Enter")
        for _ in range(8):
            page.keyboard.press("Tab")
            if page.locator(":focus").inner_text() == "Discard it":
                break
        outline = page.locator(":focus").evaluate("each => getComputedStyle(each).outlineStyle")
        assert outline == "solid", "who uses keys must see where he is"
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Discard it").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".facts .badge").first).to_have_text("discarded")
    assert state_of(root, made) == "discarded"


def test_a_step_on_what_somebody_else_changed_is_refused_with_the_way_on(
    browser: Browser, governed: Gateway, root: Api, drafts: Drafts
) -> None:
    made = drafts.begin("Both at once", "id > 7")
    with page_of(browser, governed, "stella") as page:
        go(page, governed, f"/ui/changesets/{made['id']}/promote")
        headers = {"If-Match": f'"{made["revision"]}"'}
        root.answer(
            "POST", f"/api/v1/changesets/{made['id']}/edits", headers=headers, json=filter_edit("other", "id > 1")
        )
        page.get_by_role("button", name="Make it live").click()
        expect(page.get_by_role("alert")).to_contain_text("Somebody changed the changeset")
        expect(page.get_by_role("alert")).to_contain_text("Read it again")
    assert state_of(root, made) == "draft"


def test_who_may_not_change_policies_finds_no_buttons_and_is_refused_by_hand(governed: Gateway, drafts: Drafts) -> None:
    made = drafts.begin("Not his", "id > 8")
    with Api(governed, "aude") as auditor:
        page = auditor.get(f"/ui/changesets/{made['id']}")
        assert page.status_code == 200
        assert "Make it live" not in page.text
        assert auditor.post(f"/ui/changesets/{made['id']}/promote", data={"revision": "1"}).status_code == 403


def test_nothing_happens_without_the_sessions_own_form(governed: Gateway, root: Api, drafts: Drafts) -> None:
    from tests.console.test_logins import log_in

    made = drafts.begin("From elsewhere", "id > 9")
    path = f"/ui/changesets/{made['id']}/promote"
    with Api(governed, None) as visitor:
        log_in(visitor)
        assert visitor.post(path, data={"revision": "1"}).status_code == 403
        assert visitor.post(path, data={"revision": "1"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert state_of(root, made) == "draft"


def test_owners_see_their_own_tables_as_in_the_api(governed: Gateway) -> None:
    with Api(governed, "olga") as api:
        page = api.get("/ui/policies").text
        assert "own_desk" in page
        assert "everything" not in page
        assert api.get("/ui/documents").status_code == 403
        assert api.get("/ui/policies/grants/everything").status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/policies?kind=nonsense", 422),
        ("/ui/policies?origin=nonsense", 422),
        ("/ui/policies?table=nonsense", 422),
        ("/ui/policies/nonsense/x", 404),
        ("/ui/policies/grants/<script>", 404),
        ("/ui/changesets?state=nonsense", 422),
        ("/ui/changesets/nonsense", 404),
        ("/ui/changesets/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/changesets/00000000-0000-4000-8000-000000000000/promote", 404),
        ("/ui/documents/nonsense", 404),
        ("/ui/documents/governed/versions/999999", 404),
        ("/ui/documents/governed/versions/99999999999999999999999", 404),
        ("/ui/documents/governed/versions/0", 404),
        ("/ui/documents/governed/versions/" + "9" * 5000, 404),
        ("/ui/documents/a%00b", 404),
        ("/ui/policies/grants/a%00b", 404),
        ("/ui/policies?principal=a%00b", 422),
        ("/ui/changesets?author=a%00b", 422),
        ("/ui/audit?user=a%00b", 422),
        ("/ui/audit?user=" + "x" * 5000, 422),
        ("/ui/documents/..%2f/versions/1", 404),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_not_there_or_makes_no_sense_is_told_so(root: Api, path: str, status: int) -> None:
    found = root.get(path)
    assert found.status_code == status, found.text
    assert "<script>" not in found.text


@pytest.mark.parametrize(("page", "path"), [("/ui/policies", "/api/v1/policies"), ("/ui/partners", "/partners/")])
def test_a_place_in_a_list_that_is_none_is_refused_as_in_the_api(root: Api, page: str, path: str) -> None:
    shown, answered = (root.get(each, params={"after": "nonsense"}) for each in (page, path))
    assert shown.status_code == answered.status_code
    assert answered.json()["errors"][0]["reason"] in shown.text


def test_the_overview_counts_what_waits(browser: Browser, governed: Gateway, root: Api, drafts: Drafts) -> None:
    drafts.begin("Waiting", "id > 10")
    waiting = len(root.answer("GET", "/api/v1/changesets", params={"state": "draft"})["items"])
    with page_of(browser, governed, "root") as page:
        go(page, governed, "/ui")
        tile = page.locator(".tile").filter(has_text="Drafts")
        expect(tile).to_contain_text(str(waiting))
        expect(page.locator(".tile").filter(has_text="Gateway")).to_contain_text("Ready")
        tile.get_by_role("link").click()
        expect(page.get_by_role("region", name="Changesets")).to_contain_text("Waiting")
