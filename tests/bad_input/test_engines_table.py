"""Every row of docs/bad-input.md on engines that change who they are in the midst of a query, or lead elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.bad_input.tables import documented
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, make_gateway, running, trino_backend

SECTION = "Engines that are not themselves"
HOLD = "SELECT id AS hold FROM tri.trading.trades"
OTHERS = "20260101_000000_99999_run"
Page = dict[str, object]


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        yield found
        found.released.set()


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(
    engine: Coordinator, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("engines")
    with running(make_gateway(folder, [trino_backend(engine.url)], {"workers": request.param})) as found:
        yield found


@pytest.fixture
def coordinator(engine: Coordinator) -> Iterator[Coordinator]:
    """Use the module's coordinator, itself again afterwards; statements that hold run until a scenario lets them."""
    engine.released.clear()
    yield engine
    engine.alter, engine.reply, engine.headers = dict, None, {}
    engine.released.set()


def led_to(address: Callable[[str], str]) -> Callable[[Page], Page]:
    """Return a change of a page's nextUri, where it has one."""

    def changed(page: Page) -> Page:
        return {**page, "nextUri": address(str(page["nextUri"]))} if "nextUri" in page else dict(page)

    return changed


def other_columns(page: Page) -> Page:
    types = [{"name": "ssn", "type": "bigint", "typeSignature": {"rawType": "bigint", "arguments": []}}]
    return {**page, "columns": types} if "columns" in page and "nextUri" not in page else dict(page)


ALTERED: dict[str, Callable[[Page], Page]] = {
    "a page with another query's id": lambda page: {**page, "id": OTHERS},
    "a `nextUri` of another query": led_to(lambda uri: "/".join([*uri.split("/")[:6], OTHERS, *uri.split("/")[7:]])),
    "a `nextUri` that is no page": led_to(lambda uri: uri.partition("/v1/")[0] + "/v1/node"),
    "a `nextUri` on another host: only the path is taken": led_to(
        lambda uri: "http://169.254.169.254/v1/" + uri.partition("/v1/")[2]
    ),
    "a `partialCancelUri` of another query": lambda page: {
        **page,
        "partialCancelUri": f"http://h/v1/statement/executing/partialCancel/{OTHERS}/0/yabc/1",
    },
    "other columns on the last page than on the first": other_columns,
    "segments that nobody asked for": lambda page: {**page, "data": {"encoding": "json", "segments": []}},
    "a page without an id": lambda page: {name: value for name, value in page.items() if name != "id"},
}
REPLIES: dict[str, tuple[int, dict[str, str]]] = {
    "a redirect": (302, {"Location": "http://169.254.169.254/latest/meta-data"}),
    "a redirect that keeps the method": (307, {"Location": "http://169.254.169.254/latest/meta-data"}),
    "404: the coordinator was restarted and knows no query": (404, {}),
    "401: the gateway's own sign-in holds no longer": (401, {"WWW-Authenticate": 'Basic realm="Trino"'}),
    "500": (500, {}),
    "204 in the place of a page": (204, {}),
}
HEADERS: dict[str, dict[str, str]] = {
    "headers that change the user, the role or prepared statements: are held back": {
        "X-Trino-Set-Authorization-User": "root",
        "X-Trino-Set-Role": "system=ROLE{admin}",
        "X-Trino-Added-Prepare": "p=SELECT+1",
        "Set-Cookie": "a=b",
        "Location": "http://169.254.169.254/",
    },
}
ROWS = documented(SECTION)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_query_ends_as_the_page_says(gateway: Gateway, coordinator: Coordinator, row: list[str]) -> None:
    name, expected = row[0], row[1]
    page = gateway.client.next(gateway.client.begin(HOLD))
    coordinator.alter = ALTERED.get(name, dict)
    coordinator.reply, coordinator.headers = REPLIES.get(name), HEADERS.get(name, {})
    coordinator.released.set()
    rows, headers, text = [], {}, ""
    while "nextUri" in page:
        answer = requests.get(page["nextUri"], headers={"X-Trino-User": "ana"}, timeout=60)
        assert answer.status_code == 200, answer.text
        page, text = answer.json(), text + answer.text
        headers.update(answer.headers)
        rows += page.get("data", [])
    assert (f"200 `{page['error']['errorName']}`" if "error" in page else "200") == expected
    assert rows == (
        [] if "error" in page and name != "other columns on the last page than on the first" else [[1, "CAISO"]]
    )
    assert not {"location", "set-cookie", "x-trino-set-role"} & {header.lower() for header in headers}
    for hidden in ("169.254", OTHERS, str(coordinator.port), "ssn"):
        assert hidden not in text


def test_the_page_has_a_row_for_each_of_these() -> None:
    assert [row[0] for row in ROWS] == [*ALTERED, *REPLIES, *HEADERS]
