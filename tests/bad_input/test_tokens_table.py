"""Every row of docs/bad-input.md on tokens, replays and other people's queries, with one worker and with two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec
import pytest
import requests

from gateway.protocols.trino.segment_tokens import SegmentPlace, SegmentTokens
from gateway.protocols.trino.serving import PARTIAL
from gateway.protocols.trino.tokens import PagePlace, PageTokens, TokenKey
from gateway.protocols.trino.transaction_ids import TransactionIds
from gateway.received import Transaction
from tests.bad_input.tables import documented
from tests.operations.client import Answer, Client
from tests.operations.coordinator import Coordinator, serving
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake

SECTION = "Tokens, replays, other people's queries"
OWN = "SELECT id FROM lake.trading.trades ORDER BY id"
HOLD = "SELECT id AS hold FROM tri.trading.trades"
KEYS = [TokenKey("k1", "an example of a long enough secret")]
"""The gateway's own, as `make_gateway` writes them."""
OTHERS = [TokenKey("k1", "the secret of some other gateway here")]


@pytest.fixture(scope="module")
def engine() -> Iterator[Coordinator]:
    with serving(Coordinator()) as found:
        found.released.set()
        yield found


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(
    engine: Coordinator, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("tokens")
    changes = {"workers": request.param}
    with running(make_gateway(folder, [make_lake(folder / "lake"), trino_backend(engine.url)], changes)) as found:
        yield found


@dataclass(frozen=True, slots=True)
class World:
    """What a scenario has: two people at a gateway, and the engine behind it."""

    gateway: Gateway
    engine: Coordinator

    @property
    def ana(self) -> Client:
        return self.gateway.client

    @property
    def eva(self) -> Client:
        return Client(self.gateway.url, "eva")

    def ask(self, method: str, path: str, user: str = "ana", **more: str) -> int:
        """Send a bare request; return its status."""
        headers = {"X-Trino-User": user, **more}
        return requests.request(method, self.gateway.url + path, headers=headers, timeout=30).status_code

    def within(self, transaction: str, user: str = "ana") -> str:
        """Run a statement in a transaction; return what became of it."""
        headers = {"X-Trino-User": user, "X-Trino-Transaction-Id": transaction}
        url = f"{self.gateway.url}/v1/statement"
        page = requests.post(url, data=b"SELECT 1", headers=headers, timeout=30).json()
        return result(Client(self.gateway.url, user).finish(page))


def result(page: Answer) -> str:
    """Return how a query ended, in the words of the page."""
    return f"200 `{page['error']['errorName']}`" if "error" in page else "200"


def place(page: Answer) -> PagePlace:
    return PageTokens(KEYS).open(urlsplit(page["nextUri"]).path.split("/")[5], 0.0)


def readdressed(page: Answer, token: str, number: int | None = None, query_id: str | None = None) -> str:
    """Return the path of a page's address with another token, number or id."""
    parts = urlsplit(page["nextUri"]).path.split("/")
    parts[4] = query_id or parts[4]
    return "/".join([*parts[:5], token, parts[6] if number is None else str(number)])


def forged(world: World, keys: list[TokenKey] = KEYS, **changes: object) -> str:
    page = world.ana.begin(OWN)
    token = PageTokens(keys).seal(msgspec.structs.replace(place(page), **changes))
    return str(world.ask("GET", readdressed(page, token)))


def damaged(world: World) -> str:
    page = world.ana.begin(OWN)
    token = urlsplit(page["nextUri"]).path.split("/")[5]
    changed = token[:-5] + ("A" if token[-5] != "A" else "B") + token[-4:]
    return str(world.ask("GET", readdressed(page, changed)))


def unknown_key(world: World) -> str:
    return forged(world, [TokenKey("k9", KEYS[0].secret)])


def segment_token() -> str:
    segment = SegmentPlace("trino", "/v1/spooled/download/x", "ana", "ana", 9_999_999_999)
    return SegmentTokens(KEYS).seal(segment)


def transaction_id(user: str = "ana", keys: list[TokenKey] = KEYS) -> str:
    return TransactionIds(keys).seal(Transaction("trino", "t-1"), user, user, 9_999_999_999)


def transaction_as_page(world: World) -> str:
    return str(world.ask("GET", readdressed(world.ana.begin(OWN), transaction_id())))


def segment_as_page(world: World) -> str:
    return str(world.ask("GET", readdressed(world.ana.begin(OWN), segment_token())))


def page_as_segment(world: World) -> str:
    token = urlsplit(world.ana.begin(OWN)["nextUri"]).path.split("/")[5]
    return str(world.ask("GET", f"/v1/spooled/download/{token}"))


def foreign_segment(world: World) -> str:
    segment = SegmentPlace("trino", "/v1/spooled/download/x", "ana", "ana", 9_999_999_999)
    return str(world.ask("GET", f"/v1/spooled/download/{SegmentTokens(OTHERS).seal(segment)}"))


def page_as_transaction(world: World) -> str:
    return world.within(urlsplit(world.ana.begin(OWN)["nextUri"]).path.split("/")[5])


def page_as_partial_cancel(world: World) -> str:
    page = world.ana.begin(OWN)
    token = urlsplit(page["nextUri"]).path.split("/")[5]
    path = f"/v1/statement/executing/partialCancel/{page['id']}/{token}/0"
    return str(world.ask("DELETE", path))


def another_id(world: World) -> str:
    page, other = world.ana.begin(OWN), world.ana.begin(OWN)
    token = urlsplit(page["nextUri"]).path.split("/")[5]
    return str(world.ask("GET", readdressed(page, token, query_id=other["id"])))


def asked_again(world: World) -> str:
    page = world.ana.begin(OWN)
    first, again = world.ana.poll(page["nextUri"]), world.ana.poll(page["nextUri"])
    assert first.content == again.content
    return f"{first.status_code} {again.status_code}"


def left_behind(world: World) -> str:
    world.engine.released.clear()
    try:
        pages = [world.ana.begin(HOLD)]
        for _ in range(3):
            pages.append(world.ana.next(pages[-1]))
        return str(world.ana.poll(pages[1]["nextUri"]).status_code)
    finally:
        world.engine.released.set()


def before_its_turn(world: World) -> str:
    page = world.ana.begin(OWN)
    token = urlsplit(page["nextUri"]).path.split("/")[5]
    return str(world.ask("GET", readdressed(page, token, number=5)))


def of_others(method: str) -> Callable[[World], str]:
    def scenario(world: World) -> str:
        page = world.ana.begin(OWN)
        status = world.ask(method, urlsplit(page["nextUri"]).path, "eva")
        assert world.ana.finish(page)["rows"] == [[n] for n in range(5)], "it was touched"
        return str(status)

    return scenario


def by_id(method: str, end: str = "") -> Callable[[World], str]:
    def scenario(world: World) -> str:
        page = world.ana.begin(OWN)
        status = world.ask(method, f"/v1/query/{page['id']}{end}", "eva")
        assert world.ana.finish(page)["rows"] == [[n] for n in range(5)], "it was touched"
        return str(status)

    return scenario


def killed_by_another(world: World) -> str:
    page = world.ana.begin(OWN)
    statement = f"CALL system.runtime.kill_query(query_id => '{page['id']}', message => 'mine now')"
    ended = result(world.eva.run(statement))
    assert world.ana.finish(page)["rows"] == [[n] for n in range(5)], "it was touched"
    return ended


def after_the_end(world: World) -> str:
    page = world.ana.begin(OWN)
    while "nextUri" in page:
        last, page = page["nextUri"], world.ana.next(page)
    first, again = world.ana.poll(last), world.ana.poll(last)
    assert first.content == again.content
    return str(again.status_code)


def beyond_the_end(world: World) -> str:
    page = world.ana.begin(OWN)
    while "nextUri" in page:
        before, page = page, world.ana.next(page)
    token = PageTokens(KEYS).seal(msgspec.structs.replace(place(before), page=place(before).page + 1))
    return str(world.ask("GET", readdressed(before, token, number=place(before).page + 1)))


def cancelled_after_the_end(world: World) -> str:
    sql = f"{OWN} -- {world.gateway.folder.name} to its end"
    page = first = world.ana.begin(sql)
    while "nextUri" in page:
        page = world.ana.next(page)
    status = world.ana.delete(first["nextUri"]).status_code
    rows = eventually(lambda: [row for row in world.gateway.usage() if row["sql_text"] == sql], seconds=20)
    assert [row["outcome"] for row in rows] == ["FINISHED"]
    return str(status)


def cancelled_twice(world: World) -> str:
    page = world.ana.begin(OWN)
    statuses = [world.ana.delete(page["nextUri"]).status_code for _ in range(2)]
    return f"{statuses[0]} {statuses[1]}"


def polled_after_the_cancel(world: World) -> str:
    page = world.ana.begin(OWN)
    assert world.ana.delete(page["nextUri"]).status_code == 204
    return result(world.ana.finish(page))


def posted_to(world: World) -> str:
    return str(world.ask("POST", urlsplit(world.ana.begin(OWN)["nextUri"]).path))


def with_a_bad_proof(world: World) -> str:
    page = world.ana.begin(OWN)
    return str(world.ask("GET", urlsplit(page["nextUri"]).path, Authorization="Bearer not.a.token"))


UNKNOWN = "/v1/query/20260101_000000_00000_aaaaa"
SCENARIOS: dict[str, Callable[[World], str]] = {
    "a page's token of another gateway": lambda world: forged(world, OTHERS),
    "a page's token with one letter changed": damaged,
    "a page's token sealed under a key that nobody knows": unknown_key,
    "a page's token whose time is over": lambda world: forged(world, expires=1),
    "a page's token that names somebody else": lambda world: forged(world, user="eva"),
    "a page's token under another query's id": another_id,
    "a transaction's id in a page's address": transaction_as_page,
    "a segment's token in a page's address": segment_as_page,
    "the token of a partial cancel in a page's address": lambda world: forged(world, page=PARTIAL),
    "a page's token in the address of a partial cancel": page_as_partial_cancel,
    "a page's token in a segment's address": page_as_segment,
    "a segment's token of another gateway": foreign_segment,
    "a page's token as a transaction's id": page_as_transaction,
    "a transaction's id of another gateway": lambda world: world.within(transaction_id(keys=OTHERS)),
    "somebody else's transaction id": lambda world: world.within(transaction_id("eva")),
    "a page asked for twice": asked_again,
    "a page that the client has read past": left_behind,
    "a page before its turn": before_its_turn,
    "a POST to a page's address": posted_to,
    "a poll with a proof that does not hold": with_a_bad_proof,
    "a poll of somebody else's query": of_others("GET"),
    "a heartbeat of somebody else's query": of_others("HEAD"),
    "a cancel of somebody else's query, by its page": of_others("DELETE"),
    "a cancel of somebody else's query, by its id": by_id("DELETE"),
    "`PUT /v1/query/{id}/killed` of somebody else's query": by_id("PUT", "/killed"),
    "`GET /v1/query/{id}` of somebody else's query": by_id("GET"),
    "`kill_query` of somebody else's query": killed_by_another,
    "`GET /v1/query/{id}` of a query that nobody knows": lambda world: str(world.ask("GET", UNKNOWN)),
    "a cancel of a query that nobody knows": lambda world: str(world.ask("DELETE", UNKNOWN)),
    "the last page, asked for again after the end": after_the_end,
    "a page beyond the last": beyond_the_end,
    "a cancel after the end": cancelled_after_the_end,
    "a cancel, twice": cancelled_twice,
    "a poll after the cancel": polled_after_the_cancel,
}
ROWS = documented(SECTION)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_scenario_ends_as_the_page_says(gateway: Gateway, engine: Coordinator, row: list[str]) -> None:
    assert SCENARIOS[row[0]](World(gateway, engine)) == row[1]


def test_the_page_has_a_row_for_each_scenario() -> None:
    assert [row[0] for row in ROWS] == list(SCENARIOS)
