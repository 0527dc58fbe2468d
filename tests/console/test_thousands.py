"""With 10,000 policies and 1,000 partners every page stays short, is made in little time, and leads to all the rest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from loadtests.console import Crowded, crowded, figures, middle, opened
from loadtests.replicas import Admin

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]
POLICIES, PARTNERS = 10_000, 1_000
LONGEST, SLOWEST, SLOWEST_FIRST = 200_000, 1_000.0, 5_000.0
"""Bytes of a page, and milliseconds of the processor: in the middle of all openings, and at the very first."""
SLOWER = {"lint of a draft": 4_000.0}
"""A draft of 2,000 edits is put over 10,000 policies, and held against 2,000 tables, each time."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Crowded]:
    with crowded(POLICIES, PARTNERS) as found:
        yield found


@pytest.fixture
def page(browser: Browser, gateway: Crowded) -> Iterator[Page]:
    """Open pages as a steward, by his token."""
    context = browser.new_context(extra_http_headers={"Authorization": Admin(gateway.admin).headers["Authorization"]})
    context.set_default_timeout(60_000)
    try:
        yield context.new_page()
    finally:
        context.close()


def open_at(page: Page, gateway: Crowded, path: str) -> None:
    answer = page.goto(f"http://127.0.0.1:{gateway.admin}{path}")
    assert answer is not None
    assert answer.status == 200, path
    if folder := os.environ.get("PENSTOCK_SHOTS"):
        page.screenshot(
            path=Path(folder) / f"{path.strip('/').replace('/', '-').partition('?')[0]}.png", full_page=True
        )


def all_of(page: Page, cell: str, more: str) -> list[str]:
    """Return what a list shows, page after page."""
    found: list[str] = []
    while True:
        found += page.locator(cell).all_inner_texts()
        following = page.get_by_role("link", name=more, exact=True)
        if following.count() == 0:
            return found
        following.click()


def test_every_page_is_short_and_made_in_little_time(gateway: Crowded) -> None:
    found = opened(gateway, 5)
    print(figures(found))
    for name, its in found.items():
        print(f"{name}: {middle(its):.0f} ms, first {its[0].milliseconds:.0f} ms, {max(e.size for e in its)} bytes")
    assert {name for name, its in found.items() if max(each.size for each in its) > LONGEST} == set()
    assert {name: middle(its) for name, its in found.items() if middle(its) > SLOWER.get(name, SLOWEST)} == {}
    assert {name: its[0] for name, its in found.items() if its[0].milliseconds > SLOWEST_FIRST} == {}


def test_all_partners_and_all_masks_are_reached_page_by_page(page: Page, gateway: Crowded) -> None:
    open_at(page, gateway, "/ui/partners")
    assert all_of(page, "tbody th a", "More partners") == [f"partner-{number:05}" for number in range(PARTNERS)]
    open_at(page, gateway, "/ui/policies?kind=column_masks")
    masks = all_of(page, "tbody th a", "More policies")
    assert sorted(masks) == sorted(f"m{number}" for number in range(POLICIES // 4))


def test_what_is_looked_for_is_found_at_once(page: Page, gateway: Crowded) -> None:
    open_at(page, gateway, "/ui/policies")
    page.get_by_label("Table").fill("lake.s7.t1207")
    page.get_by_role("button", name="Show").click()
    assert set(page.locator("tbody th a").all_inner_texts()) == {
        "all",
        "everything",
        "a1207",
        "d1207",
        "f1207",
        "m1207",
    }
    open_at(page, gateway, "/ui/partners/partner-00777")
    assert page.get_by_text("Company 777").count() == 1


def test_findings_of_lint_go_on_by_pages_and_say_what_is_left(page: Page, gateway: Crowded) -> None:
    open_at(page, gateway, "/ui/lint")
    pages = 1
    while page.get_by_role("link", name="More findings").count():
        assert page.locator("tbody tr").count() == 100
        page.get_by_role("link", name="More findings").click()
        pages += 1
    assert pages == 10, "a thousand findings are shown"
    assert page.get_by_text("more are not shown").count() == 1


def test_a_changeset_of_all_policies_and_a_draft_of_thousands_are_shown_in_part(page: Page, gateway: Crowded) -> None:
    open_at(page, gateway, f"/ui/changesets/{gateway.whole}")
    assert page.get_by_text("more entries are not shown").count() == 1
    open_at(page, gateway, f"/ui/changesets/{gateway.draft}")
    assert page.locator("section.card").count() == 200
    assert page.get_by_text("The first 200 of 2\u202f000 are shown.").count() == 1
    open_at(page, gateway, "/ui")
    assert page.get_by_text(re.compile("^10\u202f[0-9]{3}$")).count() == 1, "the count of policies"
