"""Logging in and out in Chromium, by hand and by keys; the session is out of the reach of whatever runs in the page."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.admin.api_client import token_of
from tests.console.browser import console_url, log_in, page_of
from tests.operations.gateway_process import Gateway


def test_a_person_logs_in_goes_about_and_leaves(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed, None) as page:
        log_in(page, governed, "stella")
        assert page.url == f"{console_url(governed)}/ui"
        assert page.title() == "Overview · Penstock"
        assert page.evaluate("document.cookie") == ""
        for name in ("Policies", "Changesets", "Simulate", "Partners", "Audit"):
            page.get_by_role("navigation").get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(name)
            expect(page.locator("nav [aria-current=page]")).to_have_text(name)
        page.get_by_role("button", name="Log out").click()
        page.goto(f"{console_url(governed)}/ui/audit")
        expect(page.get_by_label("Bearer token")).to_be_focused()
        assert page.context.cookies() == []


def test_a_login_by_keys_leads_to_the_page_that_was_asked_for(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed, None) as page:
        page.goto(f"{console_url(governed)}/ui/audit?kind=refusal")
        expect(page.get_by_label("Bearer token")).to_be_focused()
        page.keyboard.insert_text(token_of("aude"))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Audit")
        assert page.url == f"{console_url(governed)}/ui/audit?kind=refusal"
        kept = {cookie["name"]: cookie for cookie in page.context.cookies()}["penstock_console"]
        assert kept["httpOnly"]
        assert kept["sameSite"] == "Strict"


def test_a_bad_token_is_told_and_a_good_one_can_follow(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed, None) as page:
        page.goto(f"{console_url(governed)}/ui/login")
        page.get_by_label("Bearer token").fill("nonsense")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("Invalid token")
        page.get_by_label("Bearer token").fill(token_of("ana"))
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You have no role here yet")


def test_a_script_that_came_in_somehow_would_not_run(browser: Browser, governed: Gateway) -> None:
    context = browser.new_context()
    page, told = context.new_page(), []
    page.on("console", lambda said: told.append(said.text))
    page.goto(f"{console_url(governed)}/ui/login")
    page.evaluate(
        "() => { const made = document.createElement('script'); made.text = \"document.title = 'bent'\";"
        " document.body.append(made); const image = new Image(); image.src = 'http://localhost:1/x';"
        " document.body.append(image); document.body.insertAdjacentHTML('beforeend',"
        ' \'<p style="color: red" onclick="document.title = 1">x</p>\'); }'
    )
    assert page.title() == "Log in · Penstock"
    assert sum("Content Security Policy" in each for each in told) >= 3, told
    context.close()
