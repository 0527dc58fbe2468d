"""Who gets into the console, how long, and what a browser is told to allow it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.admin.api_client import Api, token_of
from tests.operations.gateway_process import Gateway

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGES = ("/ui", "/ui/audit")


@pytest.fixture
def visitor(governed: Gateway) -> Iterator[Api]:
    """A browser without a page: keeps cookies, follows nothing."""
    with Api(governed, None) as found:
        yield found


def log_in(visitor: Api, user: str = "root", **options: object) -> httpx.Response:
    found = visitor.post("/ui/login", data={"token": token_of(user)}, **options)
    assert found.status_code == 303, found.text
    return found


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


def test_the_front_of_the_admin_port_leads_to_the_console_and_that_to_the_login(visitor: Api) -> None:
    found = visitor.get("/", follow_redirects=True)
    assert [each.headers["location"] for each in found.history] == ["/ui", "/ui/login?next=/ui"]
    assert found.status_code == 200


def test_addresses_are_led_on_by_path_alone_whatever_host_was_named(visitor: Api) -> None:
    for path in ("/ui/", "/"):
        found = visitor.get(path, headers={"Host": "evil.example"})
        assert (found.status_code, found.headers["location"]) == (303, "/ui")
    assert visitor.get("/ui/policies/").status_code == 404
    assert visitor.request("PUT", "/ui").status_code == 405


@pytest.mark.parametrize("path", [*PAGES, "/ui/login", "/ui/nothing", "/ui/static/console.css", "/ui/static/nothing"])
@pytest.mark.parametrize("known", [True, False])
def test_every_answer_tells_the_browser_to_run_and_keep_nothing(visitor: Api, path: str, known: bool) -> None:
    headers = {"Authorization": f"Bearer {token_of('root')}"} if known else {}
    found = visitor.get(path, headers=headers).headers
    policy = found["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "same-origin"
    assert found["cache-control"] == ("no-cache" if path.startswith("/ui/static") else "no-store")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_tells_nothing(visitor: Api) -> None:
    kept = log_in(visitor).headers["set-cookie"]
    attributes = {part.strip().lower() for part in kept.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/ui"} < attributes
    assert "secure" not in attributes, "without TLS the browser would never send it"
    assert token_of("root").split(".")[0] not in kept


def test_a_session_ends_with_its_token(visitor: Api) -> None:
    found = visitor.post("/ui/login", data={"token": token_of("root", seconds=90)})
    (age,) = re.findall(r"Max-Age=(\d+)", found.headers["set-cookie"])
    assert 60 <= int(age) <= 90


def test_a_bent_cookie_opens_nothing(visitor: Api) -> None:
    log_in(visitor)
    cookie = visitor.cookies["penstock_console"]
    visitor.cookies.clear()
    for bent in (
        cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"),
        cookie.replace("k1.", "k2."),
        "k1.",
        "",
        "x" * 9000,
    ):
        found = visitor.get("/ui", headers={"Cookie": f"penstock_console={bent}"})
        assert found.status_code == 303, bent
        assert found.headers["location"].startswith("/ui/login")


@pytest.mark.parametrize("token", ["nonsense", "", token_of("root", seconds=-60), "k\u00f6nig", "a\x00b", "x" * 20_000])
def test_what_is_no_good_token_is_told_so(governed: Gateway, token: str) -> None:
    with Api(governed, None) as visitor:
        found = visitor.post("/ui/login", data={"token": token})
    assert found.status_code in (401, 429)
    assert "set-cookie" not in found.headers
    assert 'role="alert"' in found.text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/ui\\@evil.example", "/uix", "/api/v1/me", "javascript:1"]
)
def test_a_login_leads_to_our_own_pages_only(visitor: Api, elsewhere: str) -> None:
    assert log_in(visitor, params={"next": elsewhere}).headers["location"] == "/ui"
    assert elsewhere not in visitor.get("/ui/login", params={"next": elsewhere}).text


def test_a_login_leads_to_the_page_that_was_asked_for(visitor: Api) -> None:
    asked = visitor.get("/ui/audit?kind=refusal").headers["location"]
    assert visitor.post(asked, data={"token": token_of("root")}).headers["location"] == "/ui/audit?kind=refusal"


def test_a_bearer_token_opens_the_pages_without_a_login(governed: Gateway) -> None:
    with Api(governed) as api:
        assert "Log out" not in api.get("/ui").text
        assert api.get("/ui").status_code == 200
    with Api(governed, None) as api:
        assert api.get("/ui", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_a_form_is_taken_from_its_own_session_only(governed: Gateway, visitor: Api) -> None:
    log_in(visitor)
    token = form_token(visitor.get("/ui").text)
    with Api(governed, None) as other:
        log_in(other)
        foreign = form_token(other.get("/ui").text)
    for data in ({"other": ""}, {"form_token": ""}, {"form_token": foreign}, {"form_token": token + "x"}):
        assert visitor.post("/ui/logout", data=data).status_code == 403, data
    assert visitor.post("/ui/logout", content=f"form_token={token}&form_token={token}", headers=FORM).status_code == 422
    assert visitor.get("/ui").status_code == 200
    assert visitor.post("/ui/logout", data={"form_token": token}).status_code == 303
    assert visitor.get("/ui").status_code == 303


@pytest.mark.parametrize("path", ["/ui/login", "/ui/logout"])
@pytest.mark.parametrize(
    "sent",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_from_another_site_is_refused(visitor: Api, path: str, sent: dict[str, str]) -> None:
    log_in(visitor)
    data = {"token": token_of("root"), "form_token": form_token(visitor.get("/ui").text)}
    found = visitor.post(path, data=data, headers=sent)
    assert found.status_code == 403
    assert "another site" in found.text


def test_what_is_not_a_form_is_refused(visitor: Api) -> None:
    log_in(visitor)
    assert visitor.post("/ui/logout", json={}).status_code == 415
    assert visitor.post("/ui/logout", files={"form_token": b"x"}).status_code == 415
    assert visitor.post("/ui/logout", content="a=%ff", headers=FORM).status_code == 422
    assert visitor.post("/ui/logout", content="&".join(f"a{n}=1" for n in range(100)), headers=FORM).status_code == 422
    assert visitor.post("/ui/logout", content=b"a=" + b"x" * (5 << 20), headers=FORM).status_code == 413


def test_who_has_no_role_is_told_how_to_get_one_and_may_leave(visitor: Api) -> None:
    log_in(visitor, "ana")
    found = visitor.get("/ui")
    assert found.status_code == 403
    assert "You have no role here yet" in found.text
    assert "administration:" in found.text
    assert visitor.post("/ui/logout", data={"form_token": form_token(found.text)}).status_code == 303


def test_pages_are_for_the_roles_that_the_api_wants(governed: Gateway) -> None:
    for user, status in (("root", 200), ("stella", 200), ("aude", 200), ("olga", 403)):
        with Api(governed, user) as api:
            found = api.get("/ui/audit")
        assert found.status_code == status, user
        assert ("/ui/audit" in found.text) is (status == 200)


def test_the_console_is_no_part_of_the_api(governed: Gateway) -> None:
    with Api(governed, None) as api:
        assert not [path for path in api.answer("GET", "/openapi.json")["paths"] if path.startswith("/ui")]


def test_who_keeps_failing_to_log_in_is_slowed() -> None:
    from gateway.admin.console.slowing import Failures

    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(10):
        assert failures.wait_of("a") == 0
        failures.failed("a")
    assert failures.wait_of("a") == 6
    assert failures.wait_of("b") == 0
    now[0] = 6.0
    assert failures.wait_of("a") == 0
    failures.failed("a")
    assert failures.wait_of("a") == 6


def test_failed_logins_are_answered_with_the_time_to_wait(spoilt: Gateway) -> None:
    elsewhere = httpx.HTTPTransport(local_address="127.0.0.2")  # failures count by address
    with Api(spoilt, None, transport=elsewhere) as visitor:
        found = [visitor.post("/ui/login", data={"token": "x"}) for _ in range(12)]
        assert [each.status_code for each in found] == [401] * 10 + [429] * 2
        assert int(found[-1].headers["retry-after"]) in range(1, 8)
        assert visitor.post("/ui/login", data={"token": token_of("root")}).status_code == 429
        assert visitor.get("/ui", headers={"Authorization": f"Bearer {token_of('root')}"}).status_code == 200
    with Api(spoilt, None) as another:
        log_in(another)


@pytest.mark.long
def test_a_session_of_one_worker_is_good_at_every_other(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.admin.api_client import governed_gateway
    from tests.operations.gateway_process import running

    with running(governed_gateway(tmp_path_factory.mktemp("workers"), {"workers": 2})) as gateway:
        with Api(gateway, None) as visitor:
            log_in(visitor)
            cookie = visitor.cookies["penstock_console"]
        form = ""
        for _ in range(30):  # a connection each: the system gives them to either worker
            with Api(gateway, None) as fresh:
                fresh.cookies.set("penstock_console", cookie)
                found = fresh.get("/ui/audit")
                assert found.status_code == 200
                form = form or form_token(found.text)
                shown = fresh.post("/ui/simulate", data={"user": "ana", "sql": "SELECT 1", "form_token": form})
                assert shown.status_code == 200
