"""A browser on the console, as one person; and everything that must not happen in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.admin.api_client import Api, token_of
from tests.operations.gateway_process import Gateway

WIDE, NARROW = (1280, 900), (400, 800)


def find_chromium() -> str:
    """Return where Chromium is. In CI a missing one is a failure, elsewhere a skip."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail("Chromium is not installed, and CI needs it")
    pytest.skip("Chromium is not installed")


@contextmanager
def launched() -> Iterator[Browser]:
    """Run Chromium without a window; as root it has no sandbox."""
    executable = find_chromium()
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


class Faults:
    """What a page did that it must not: errors in its console, requests to other hosts, answers that failed."""

    def __init__(self, page: Page, host: str) -> None:
        self.found: list[str] = []
        self._host = host
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.found.append(f"error: {error}"))
        page.on("request", self._asked)
        page.on("response", self._answered)

    def _said(self, said: ConsoleMessage) -> None:
        # Chromium says so of every page whose status is an error, and what else failed `_answered` tells.
        if not said.text.startswith("Failed to load resource: the server responded"):
            self.found.append(f"console: {said.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.found.append(f"{response.status} of {response.url}")

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self._host:
            self.found.append(f"request to {request.url}")


def console_url(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.config['admin']['port']}"


def log_in(page: Page, gateway: Gateway, user: str = "root") -> None:
    """Log in as a person does."""
    page.goto(f"{console_url(gateway)}/ui/login")
    page.get_by_label("Bearer token").fill(token_of(user))
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Log out").wait_for()


def session_of(gateway: Gateway, user: str) -> str:
    """Return the cookie that a login gives, without the pages around it."""
    with Api(gateway, None) as visitor:
        found = visitor.post("/ui/login", data={"token": token_of(user)})
        assert found.status_code == 303, found.text
        return visitor.cookies["penstock_console"]


@contextmanager
def page_of(
    browser: Browser, gateway: Gateway, user: str | None = "root", *, size: tuple[int, int] = WIDE, dark: bool = False
) -> Iterator[Page]:
    """Open a page as a person who is logged in, in a browser that knows nothing else; afterwards nothing is amiss."""
    width, height = size
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    context.set_default_timeout(15_000)
    try:
        page = context.new_page()
        faults = Faults(page, urlsplit(console_url(gateway)).netloc)
        if user is not None:
            kept = {"name": "penstock_console", "value": session_of(gateway, user), "httpOnly": True}
            context.add_cookies([{**kept, "domain": "127.0.0.1", "path": "/ui", "sameSite": "Strict"}])
        yield page
        assert not faults.found, faults.found
    finally:
        context.close()
