"""Budgets in a browser: who used how much of which, what is left, when it begins anew; and nothing of others'."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.admin.api_client import Api
from tests.budgets.spending_world import Spending, in_seconds, make_spending
from tests.console.browser import NARROW, WIDE, console_url, page_of
from tests.console.test_looks import faults_of
from tests.operations.gateway_process import running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spending]:
    """Serve budgets of which something was spent, and an override of one."""
    made = make_spending(tmp_path_factory.mktemp("budget-pages"))
    text = made.gateway.policies.read_text().replace("- {users: [root, stella], allow: [steward]}", _KEEPERS)
    made.gateway.policies.write_text(text)
    with running(made.gateway):
        for user in ("poor", "power1", "warned"):
            made.rows(user)
        made.await_used("poor", "poor-day")
        made.await_used("power1", "desks")
        made.await_used("warned", "warned-day")
        body = {"budget": "poor-day", "holder": "poorer", "amount": "10 MB", "reason": "the quarter's <close>"}
        with Api(made.gateway, "stella") as api:
            api.answer("POST", "/api/v1/budgets/overrides", 201, json={**body, "expires_at": in_seconds(3600)})
        yield made


_KEEPERS = "- {users: [root, stella], allow: [steward]}\n  - {users: [olga], allow: [auditor]}"


@pytest.mark.parametrize(
    ("size", "dark"),
    [pytest.param(WIDE, False, marks=pytest.mark.long, id="light"), pytest.param(NARROW, True, id="dark on a phone")],
)
def test_a_steward_sees_what_was_spent_of_each_budget_and_it_can_be_read(
    browser: Browser, world: Spending, size: tuple[int, int], dark: bool
) -> None:
    with page_of(browser, world.gateway, "root", size=size, dark=dark) as page:
        page.goto(console_url(world.gateway) + "/ui")
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Budgets").click()
        desks = page.get_by_role("region", name="Accounts of desks")
        row = desks.get_by_role("row").filter(has_text="power")
        account = world.account("power1", "desks")
        taken = 100 * int(account["used"]) // int(account["limit"])
        assert row.get_by_role("progressbar").get_attribute("value") == str(taken)
        assert f"{taken} %" in row.inner_text()
        assert "America/Los_Angeles" in row.inner_text()
        warned = page.get_by_role("region", name="Accounts of warned-day").get_by_role("row").filter(has_text="warned")
        assert warned.locator(".badge.wait").is_visible(), "it is beyond its soft limit"
        assert page.get_by_text("Nobody has spent of it in this month.").is_visible()
        assert page.get_by_role("row").filter(has_text="small").get_by_text("1.0").is_visible()
        faults = faults_of(page)
        page.get_by_role("link", name="poor-day", exact=True).first.click()
        overrides = page.get_by_role("region", name="Overrides that hold")
        assert "the quarter's <close>" in overrides.inner_text()
        used = page.get_by_role("region", name="Accounts of poor-day").get_by_role("row").filter(has_text="poor")
        assert used.get_by_title(f"{world.await_used('poor', 'poor-day')} bytes").is_visible()
        faults += faults_of(page)
        page.goto(console_url(world.gateway) + "/ui/budgets/small")
        assert "reads at most" in page.inner_text("main")
        faults += faults_of(page)
    assert faults == []


def test_what_is_no_budget_and_who_has_no_role_are_told_so(world: Spending) -> None:
    with Api(world.gateway, "root") as api:
        for name in ("none", "a%00b", "x" * 70):
            assert api.get(f"/ui/budgets/{name}").status_code == 404
    with Api(world.gateway, "gas1") as api:
        answer = api.get("/ui/budgets")
        assert (answer.status_code, "desks" in answer.text) == (403, False)
