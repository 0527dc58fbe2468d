"""The page that simulates, in Chromium: the governed text beside the original, with reasons; nothing said is obeyed."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.admin.api_client import Api
from tests.console.browser import console_url, page_of
from tests.operations.gateway_process import Gateway

MARKUP = "<script>document.title='bent'</script><img src=x onerror=\"document.title='bent'\">\"'&amp;"


def simulate(page: Page, gateway: Gateway, user: str, sql: str) -> None:
    page.goto(f"{console_url(gateway)}/ui/simulate")
    page.get_by_label("As user").fill(user)
    page.get_by_label("Statement").fill(sql)
    page.get_by_role("button", name="Simulate").click()
    page.locator("#answer").wait_for()


def test_what_policy_adds_stands_marked_beside_the_original_with_its_reason(
    browser: Browser, governed: Gateway
) -> None:
    with page_of(browser, governed, "stella") as page:
        simulate(page, governed, "ana", "select id, desk\nfrom lake.trading.trades\nwhere id > 0")
        assert page.get_by_role("status").inner_text().startswith("Allowed")
        original, governed_text = page.locator("section.card pre").all()
        assert original.inner_text() == "select id, desk\nfrom lake.trading.trades\nwhere id > 0"
        added = " ".join(page.locator("ins").all_inner_texts())
        assert "\"desk\" = 'CAISO'" in added
        assert "> 0" not in added
        assert "> 0" in governed_text.inner_text()
        assert page.locator("del").count() == 0
        why = page.locator(".reasons").inner_text()
        assert "own_desk" in why
        assert "filters" in why
        assert page.get_by_label("Statement").input_value() == "select id, desk\nfrom lake.trading.trades\nwhere id > 0"


def test_the_page_says_what_the_api_says(browser: Browser, governed: Gateway) -> None:
    sql = "SELECT desk, count(*) FROM lake.trading.trades GROUP BY desk"
    with Api(governed) as api:
        found = api.answer("POST", "/api/v1/policies/simulate", json={"user": "ana", "sql": sql})
    with page_of(browser, governed) as page:
        simulate(page, governed, "ana", sql)
        shown = page.locator("section.card pre").last.inner_text()
        assert "".join(shown.split()) == "".join(found["sql"].split())
        for reason in found["reasons"]:
            expect(page.locator(".reasons")).to_contain_text(reason["text"])


def test_a_refusal_is_shown_as_its_user_sees_it_with_what_is_missing(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed) as page:
        simulate(page, governed, "newcomer", "SELECT id FROM lake.trading.trades")
        answer = page.get_by_role("alert").inner_text()
        assert answer.startswith("Refused")
        assert "lake" in answer
        missing = page.get_by_role("region", name="The smallest missing grant")
        expect(missing).to_contain_text("Grant select on id of lake.trading.trades to newcomer.")
        expect(missing.locator("pre")).to_contain_text("assets: lake.trading.trades")


def test_markup_in_a_statement_or_a_name_is_shown_and_not_obeyed(browser: Browser, governed: Gateway) -> None:
    with page_of(browser, governed) as page:
        for user, sql in (
            ("ana", f"SELECT '{MARKUP.replace(chr(39), chr(39) * 2)}' FROM lake.trading.trades"),
            (MARKUP, MARKUP),
        ):
            simulate(page, governed, user, sql)
            assert page.title() == "Simulate · Penstock"
            assert page.locator("main script, main img").count() == 0
            assert page.get_by_label("Statement").input_value() == sql
            assert page.get_by_label("As user").input_value() == user


def test_what_cannot_be_asked_is_told_above_the_form_which_keeps_what_was_typed(governed: Gateway) -> None:
    with Api(governed) as api:
        found = api.post("/ui/simulate", data={"user": "", "sql": "SELECT 1", "attributes": "desk"})
        assert found.status_code == 422
        assert "has no value" in found.text
        assert "SELECT 1" in found.text
        found = api.post("/ui/simulate", data={"user": "", "sql": "SELECT 1", "changeset": "x"})
        assert found.status_code == 422
        assert "<code>user</code>" in found.text
        assert "<code>changeset</code>" in found.text


def test_an_owner_simulates_over_his_own_tables_only_as_in_the_api(governed: Gateway) -> None:
    for sql in ("SELECT id FROM lake.trading.trades", "SELECT 1", "SELECT * FROM lake.trading.nothing"):
        with Api(governed, "olga") as api:
            asked = {"user": "ana", "sql": sql}
            page, answer = api.post("/ui/simulate", data=asked), api.post("/api/v1/policies/simulate", json=asked)
        assert page.status_code == answer.status_code, sql


def test_roles_and_attributes_are_added_to_what_policies_know(governed: Gateway) -> None:
    asked = {"user": "guest", "sql": "SELECT id FROM lake.trading.trades", "roles": "admin", "attributes": "desk=X"}
    with Api(governed) as api:
        assert "Allowed" in api.post("/ui/simulate", data=asked).text
        assert "Refused" in api.post("/ui/simulate", data={**asked, "roles": ""}).text
