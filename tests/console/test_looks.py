"""Every page can be read: contrast by WCAG AA in light and dark, nothing wider than a phone, names for all controls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.admin.api_client import TABLE, Api
from tests.console.browser import NARROW, WIDE, console_url, page_of
from tests.operations.gateway_process import Gateway

_SCRIPT = Path(__file__).with_name("looks.js").read_text()
PAGES = (
    "/ui",
    "/ui/policies",
    "/ui/policies/row_filters/own_desk",
    "/ui/documents",
    "/ui/documents/governed",
    "/ui/documents/governed/versions/1",
    "/ui/changesets",
    "/ui/changesets/{draft}",
    "/ui/changesets/{draft}/promote",
    "/ui/changesets/{draft}/diff",
    "/ui/changesets/{draft}/shadow",
    "/ui/lint?changeset={draft}",
    "/ui/simulate",
    "/ui/budgets",
    "/ui/partners",
    "/ui/partners/looked-at",
    "/ui/audit",
    "/ui/nothing",
)


@pytest.fixture(scope="module")
def filled(spoilt: Gateway) -> Iterator[tuple[Gateway, str]]:
    """Have something on every page."""
    entry = {"id": "own_desk", "table": TABLE, "users": ["ana"], "filter": "desk = 'CAISO' AND id > 0"}
    with Api(spoilt) as api:
        body = {"title": "A title " * 20, "edits": [{"op": "put", "section": "row_filters", "entry": entry}]}
        live = api.answer("POST", "/api/v1/changesets", 201, json=body)
        api.answer("POST", f"/api/v1/changesets/{live['id']}/promote", headers={"If-Match": '"1"'})
        entry["filter"] = "desk = 'MISO' AND id > 0"
        draft = api.answer("POST", "/api/v1/changesets", 201, json=body)["id"]
        api.answer("POST", "/partners/", 201, json={"partner_id": "looked-at", "organization": "W" * 150})
        granted = {"partner_id": "looked-at", "dataset_name": TABLE, "scope": "read_only", "expires_at": "2099-01-01"}
        api.answer("POST", "/entitlements/", 201, json=granted)
        yield spoilt, draft


def faults_of(page: Page) -> list[str]:
    page.wait_for_load_state()  # what a form answers may stand there before its style does
    found: list[Any] = page.evaluate(_SCRIPT)
    return [f"{page.url}: {fault}" for fault in found]


BAD = """<title></title><p style="color: #999; background: #fff">pale</p><input name="nameless" style="border: 1px solid #eee">
<div class="scroll">x</div><div style="width: 3000px">wide</div><i id="a"></i><i id="a"></i>"""


def test_what_cannot_be_read_would_be_found(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(BAD)
    found = " ".join(faults_of(page))
    page.close()
    for fault in (
        'of "pale"',
        "no label",
        "border of nameless",
        "no key",
        " wide",
        "heading",
        "language",
        "title",
        "twice",
    ):
        assert fault in found


@pytest.mark.parametrize(
    ("size", "dark"),
    [pytest.param(WIDE, False, marks=pytest.mark.long, id="light"), pytest.param(NARROW, True, id="dark on a phone")],
)
def test_every_page_can_be_read(
    browser: Browser, filled: tuple[Gateway, str], size: tuple[int, int], dark: bool
) -> None:
    gateway, draft = filled
    with page_of(browser, gateway, "root", size=size, dark=dark) as page:
        faults = []
        for path in PAGES:
            page.goto(console_url(gateway) + path.format(draft=draft))
            faults += faults_of(page)
        page.goto(f"{console_url(gateway)}/ui/simulate")
        for user in ("ana", "newcomer"):
            page.get_by_label("As user").fill(user)
            page.get_by_label("Statement").fill("SELECT desk FROM lake.trading.trades")
            page.get_by_role("button", name="Simulate").click()
            page.locator("#answer").wait_for()
            faults += faults_of(page)
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Bearer token").fill("nonsense")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("alert").wait_for()
        faults += faults_of(page)
    assert faults == []
