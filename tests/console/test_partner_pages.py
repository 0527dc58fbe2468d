"""The pages of partners: what was granted, until when, on which rows and columns; and what was used, to the byte."""

from __future__ import annotations

import re

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.admin.api_client import Api
from tests.console.browser import console_url, page_of
from tests.operations.gateway_process import Gateway

MARKUP = "ACME <b>Trading</b> <script>document.title='bent'</script>"


@pytest.fixture(scope="module")
def shared(spoilt: Gateway) -> Gateway:
    """Have one partner who read something, and one who never did."""
    with Api(spoilt) as api:
        api.answer("POST", "/partners/", 201, json={"partner_id": "acme-corp", "organization": MARKUP})
        api.answer("POST", "/partners/", 201, json={"partner_id": "idle", "organization": "Idle"})
        granted = {"partner_id": "acme-corp", "dataset_name": "lake.trading.trades", "scope": "read_only"}
        terms = {"expires_at": "2099-01-01", "row_filter": "desk = '<i>'", "denied_columns": ["desk"]}
        api.answer("POST", "/entitlements/", 201, json={**granted, **terms})
        made = {"partner_id": "acme-corp", "datasets": ["lake.trading.trades"]}
        token = api.answer("POST", "/tokens/", 201, json=made)["token"]
        _read(spoilt, token, "SELECT * FROM lake.trading.trades")
    return spoilt


def _read(gateway: Gateway, token: str, sql: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Trino-User": "acme-corp"}
    answer = requests.post(f"{gateway.url}/v1/statement", data=sql, headers=headers, timeout=30).json()
    while "nextUri" in answer:
        answer = requests.get(answer["nextUri"], headers=headers, timeout=30).json()
    assert "error" not in answer, answer


def test_a_partners_page_shows_what_he_may_and_what_he_used(browser: Browser, shared: Gateway) -> None:
    with page_of(browser, shared, "aude") as page:
        page.goto(f"{console_url(shared)}/ui")
        page.get_by_role("link", name="Partners").first.click()
        page.get_by_role("link", name="acme-corp").click()
        assert page.title() == "acme-corp · Penstock"
        expect(page.get_by_role("heading", level=1)).to_have_text(MARKUP)
        granted = page.get_by_role("region", name="Entitlements")
        for text in (
            "lake.trading.trades",
            "live",
            "2099-01-01 00:00:00 UTC",
            "desk = '<i>'",
            "without desk",
            "read only",
        ):
            expect(granted).to_contain_text(text)
        expect(page.get_by_role("region", name="Tokens")).to_contain_text("live")
        with Api(shared) as api:
            used = api.answer("GET", "/usage", params={"partner_id": "acme-corp"})
        assert used["statements"] == 1
        for name, sums in (("By day", used["by_day"]), ("By dataset", used["by_dataset"])):
            shown = page.get_by_role("region", name=name).locator("tbody tr").all_inner_texts()
            assert [re.split(r"\s+", row.strip())[1:4] for row in shown] == [
                [str(each["statements"]), str(each["rows"]), str(each["bytes"])] for each in sums
            ]


def test_a_month_without_use_and_a_partner_without_rights_are_told_so(shared: Gateway) -> None:
    with Api(shared) as api:
        assert "No statement of acme-corp ended in this month" in api.get("/ui/partners/acme-corp?month=2001-12").text
        idle = api.get("/ui/partners/idle").text
        assert "Nothing was granted to idle" in idle
        assert "No token was made for idle" in idle


@pytest.mark.parametrize("month", ["2026-13", "0000-01", "x", "2026-1", "9999-12"])
def test_what_is_no_month_is_refused(shared: Gateway, month: str) -> None:
    with Api(shared) as api:
        assert api.get("/ui/partners/acme-corp", params={"month": month}).status_code == 422


def test_what_is_not_there_is_told_so(shared: Gateway) -> None:
    with Api(shared) as api:
        for name in ("nobody", "no body", "<script>", "x" * 300):
            assert api.get(f"/ui/partners/{name}").status_code == 404, name


def test_partners_come_by_pages(shared: Gateway) -> None:
    with Api(shared) as api:
        for number in range(60):
            made = {"partner_id": f"many-{number:02}", "organization": "Many"}
            api.answer("POST", "/partners/", 201, json=made)
        page, names = "/ui/partners", []
        for _ in range(2):
            text = api.get(page).text
            names += re.findall(r'href="/ui/partners/([a-z0-9-]+)"', text)
            page = (re.findall(r'class="pager"><a href="([^"]+)"', text) or [""])[0].replace("&amp;", "&")
    assert page == ""
    assert len(names) == len(set(names))
    assert {"acme-corp", "idle", *(f"many-{number:02}" for number in range(60))} <= set(names)


def test_a_gateway_without_partners_says_how_one_is_registered(governed: Gateway) -> None:
    with Api(governed) as api:
        assert "No partner is registered yet" in api.get("/ui/partners").text
    with Api(governed, "olga") as api:
        assert api.get("/ui/partners").status_code == api.get("/partners/").status_code == 403
