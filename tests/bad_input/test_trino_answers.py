"""What Trino turns away, the gateway turns away to the letter: the same request to both, and the same raw answer."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
import yaml

from gateway.compare.arena import USER, start_gateway
from gateway.demo.trino_server import TrinoServer
from tests.bad_input.tables import ROOT, documented

SECTION = "To the letter of Trino"
_OF_THE_SERVER = frozenset({"date", "content-length", "connection"})
_METHODS = re.compile(r",OPTIONS$")
"""Trino describes itself by WADL; nobody asks for that, and the gateway does not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One request of the file."""

    sent: str
    says: str = ""
    method: str = "POST"
    path: str = "/v1/statement"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    user: bool = True
    status: int = 400


ROWS = [Row(**row) for row in yaml.safe_load((ROOT / "tests/fixtures/bad_input/answers.yaml").read_text("utf-8"))]


@pytest.fixture(scope="module")
def open_gateway(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a gateway that believes the user header, as the Trino behind it does."""
    with start_gateway(tmp_path_factory.mktemp("open"), trino_server.url, trino_server.catalogs, print) as url:
        yield url


def answer(url: str, row: Row) -> tuple[int, list[tuple[str, str]], str]:
    """Return status, headers and text of the answer to a request, without what is the server's own business."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {**({"X-Trino-User": USER} if row.user else {}), **row.headers}
    try:
        connection.request(row.method, row.path, row.body.encode() or None, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8")
        told = [(name, _METHODS.sub("", value)) for name, value in response.getheaders()]
    finally:
        connection.close()
    return response.status, sorted(pair for pair in told if pair[0].lower() not in _OF_THE_SERVER), text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.sent)
def test_the_answer_is_trinos_to_the_letter(row: Row, open_gateway: str, trino_server: TrinoServer) -> None:
    given = answer(trino_server.url, row)
    assert (given[0], given[2]) == (row.status, row.says)
    assert answer(open_gateway, row) == given


def test_the_page_shows_these_rows_and_no_others() -> None:
    assert documented(SECTION) == [[row.sent, str(row.status), row.says or "nothing"] for row in ROWS]
