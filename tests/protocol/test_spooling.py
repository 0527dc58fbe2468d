"""Spooled results of the real Trino: negotiated, streamed through unread at addresses of ours, acknowledged, and owned."""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import trino
import zstandard

from gateway.demo.trino_server import TrinoServer
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running, trino_backend
from tests.operations.lake import make_lake
from tests.protocol.conftest import POLICIES, wait_for_catalogs
from tests.protocol.object_store import ObjectStore
from tests.protocol.spooling_trino import spooling_trino
from tests.protocol.talking import tell

ENCODING = "X-Trino-Query-Data-Encoding"
ITEMS = "SELECT * FROM tpch.tiny.lineitem"
USER = {"X-Trino-User": "ana"}
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]  # a Trino of its own


@dataclass(frozen=True, slots=True)
class Site:
    """A Trino that spools, where its segments lie, and gateways before it: two of one kind, and one that has it off."""

    trino: TrinoServer
    store: ObjectStore
    proxy: Gateway
    twin: Gateway
    off: Gateway


@pytest.fixture(scope="module")
def site(trino_server: TrinoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Needs the same files as `trino_server`, and so is skipped where that is."""
    folder = tmp_path_factory.mktemp("spooling")
    with spooling_trino(folder / "engine") as (spooler, store):
        gateways = []
        for name, more in (("proxy", {"spooling": "proxy"}), ("twin", {"spooling": "proxy"}), ("off", {})):
            backend = trino_backend(spooler.url, catalogs=["tpch", "memory"], answer_seconds=60, **more)
            workers = {"workers": 2 if name == "proxy" else 1}
            gateways.append(make_gateway(folder / name, [make_lake(folder / name / "lake"), backend], workers))
            gateways[-1].policies.write_text(POLICIES)
        with running(gateways[0]) as proxy, running(gateways[1]) as twin, running(gateways[2]) as off:
            for each in (proxy, twin, off):
                wait_for_catalogs(each)
            yield Site(spooler, store, proxy, twin, off)


def pages(url: str, sql: str, encoding: str = "json+zstd,json", user: str = "ana") -> Iterator[requests.Response]:
    """Yield every answer of a statement."""
    headers = {"X-Trino-User": user, ENCODING: encoding}
    answer = requests.post(f"{url}/v1/statement", data=sql.encode(), headers=headers, timeout=60)
    yield answer
    while "nextUri" in answer.json():
        answer = requests.get(answer.json()["nextUri"], headers={"X-Trino-User": user}, timeout=60)
        assert answer.status_code == 200, answer.text
        yield answer


def segments(url: str, sql: str, encoding: str = "json+zstd,json", user: str = "ana") -> list[dict[str, Any]]:
    """Return the segments of a result."""
    found = []
    for answer in pages(url, sql, encoding, user):
        assert "error" not in answer.json(), answer.json()
        data = answer.json().get("data")
        if data is not None:
            assert isinstance(data, dict)
            assert answer.headers[ENCODING] == data["encoding"] == encoding.split(",")[0]
            found += data["segments"]
    return found


def fetch(segment: dict[str, Any], **headers: str) -> requests.Response:
    sent = {name: values[0] for name, values in segment.get("headers", {}).items()}
    return requests.get(segment["uri"], headers={**sent, **headers}, timeout=60)


def rows_of(segment: dict[str, Any]) -> list[list[Any]]:
    raw = base64.b64decode(segment["data"]) if segment["type"] == "inline" else fetch(segment).content
    facts = segment["metadata"]
    if "uncompressedSize" in facts:
        raw = zstandard.ZstdDecompressor().decompress(raw, max_output_size=facts["uncompressedSize"])
    found: list[list[Any]] = json.loads(raw)
    assert len(found) == facts["rowsCount"]
    return found


@pytest.mark.parametrize("encoding", ["json+zstd", "json+lz4", "json"])
def test_the_python_client_reads_segments_through_the_gateway(encoding: str, site: Site) -> None:
    def read(port: int, **more: Any) -> list[list[Any]]:
        cursor = trino.dbapi.connect(host="127.0.0.1", port=port, user="ana", **more).cursor()
        cursor.execute(f"{ITEMS} ORDER BY orderkey, linenumber")
        found: list[list[Any]] = cursor.fetchall()
        return found

    before = len(site.store.deleted)
    mine = read(site.proxy.config["door"]["port"], encoding=encoding)
    assert len(mine) == 60_175
    eventually(lambda: len(site.store.deleted) > before, seconds=20)
    assert mine == read(site.trino.port, encoding=None)


def test_trinos_own_command_line_reads_segments(site: Site, trino_cli_command: tuple[str, ...]) -> None:
    before = len(site.store.deleted)
    command = [*trino_cli_command, "--server", site.proxy.url, "--user", "ana", "--output-format", "TSV"]
    done = subprocess.run([*command, "--execute", ITEMS], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 60_175
    eventually(lambda: len(site.store.deleted) > before, seconds=20)


def test_every_address_is_ours_and_every_byte_the_engines(site: Site) -> None:
    found = segments(site.proxy.url, ITEMS)
    spooled = [segment for segment in found if segment["type"] == "spooled"]
    assert len(spooled) > 3
    for segment in spooled:
        assert segment["uri"].startswith(f"{site.proxy.url}/v1/spooled/download/")
        assert segment["ackUri"].startswith(f"{site.proxy.url}/v1/spooled/ack/")
        answer = fetch(segment)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers.get("Transfer-Encoding") == "chunked"
        assert len(answer.content) == segment["metadata"]["segmentSize"]
        assert answer.content in site.store.objects.values()
    assert str(site.trino.port) not in json.dumps(found)
    assert sum(len(rows_of(segment)) for segment in found) == 60_175


def test_an_acknowledged_segment_is_forgotten_by_the_engine(site: Site) -> None:
    segment = next(s for s in segments(site.proxy.url, ITEMS) if s["type"] == "spooled")
    content = fetch(segment).content
    keys = {key for key, held in site.store.objects.items() if held == content}  # other queries' may be the same
    assert not keys & set(site.store.deleted)
    assert requests.get(segment["ackUri"], timeout=60).status_code == 200
    eventually(lambda: len(keys & set(site.store.deleted)) == 1, seconds=20)
    assert fetch(segment).status_code in (404, 410)


def test_a_segment_opens_for_its_owner_alone_on_any_worker(site: Site) -> None:
    found = segments(site.proxy.url, ITEMS)
    one, other = [s for s in found if s["type"] == "spooled"][:2]
    for _ in range(6):
        assert fetch(one).status_code == 200, "clients send no user with it"
        assert fetch(one, **USER).status_code == 200
        assert fetch(one, **{"X-Trino-User": "bob"}).status_code == 404
        assert requests.get(one["ackUri"], headers={"X-Trino-User": "bob"}, timeout=60).status_code == 404
    token, page = one["uri"].rsplit("/", 1)[1], next(pages(site.proxy.url, "SELECT 1")).json()["nextUri"].split("/")[-2]
    for bad in (token[:-4] + "AAAA", token[:-1], page, "k1.", "x"):
        for verb in ("download", "ack"):
            uri = f"{site.proxy.url}/v1/spooled/{verb}/{bad}"
            assert requests.get(uri, timeout=60).status_code == 404, uri
    crossed = other["uri"].replace("/download/", "/ack/")
    assert requests.get(crossed, timeout=60).status_code == 404
    assert requests.post(one["uri"], data=b"x", timeout=60).status_code == 405
    assert requests.delete(one["uri"], timeout=60).status_code == 405


def test_another_replica_serves_pages_and_segments_in_place_of_one_that_is_gone(site: Site) -> None:
    headers = {**USER, ENCODING: "json+zstd"}
    page = requests.post(f"{site.proxy.url}/v1/statement", data=ITEMS.encode(), headers=headers, timeout=60).json()
    rows = 0
    while "nextUri" in page:
        uri = page["nextUri"].replace(site.proxy.url, site.twin.url)
        page = requests.get(uri, headers=USER, timeout=60).json()
        assert "error" not in page
        for segment in (page.get("data") or {}).get("segments", []):
            if segment["type"] == "spooled":
                assert segment["uri"].startswith(f"{site.twin.url}/v1/spooled/download/")
                elsewhere = {**segment, "uri": segment["uri"].replace(site.twin.url, site.proxy.url)}
                assert fetch(elsewhere).content == fetch(segment).content
            rows += len(rows_of(segment))
    assert rows == 60_175


def test_small_results_come_inline_within_the_encoding(site: Site) -> None:
    (segment,) = segments(site.proxy.url, "SELECT count(*) FROM tpch.tiny.nation")
    assert (segment["type"], rows_of(segment)) == ("inline", [[5]])


def test_policies_hold_and_rows_are_counted(site: Site) -> None:
    for user, count in (("ana", 5), ("bob", 20)):
        answers = list(pages(site.proxy.url, "SELECT * FROM tpch.tiny.nation", user=user))
        data = [a.json()["data"] for a in answers if "data" in a.json()]
        assert sum(len(rows_of(segment)) for each in data for segment in each["segments"]) == count
        query_id = answers[0].json()["id"]

        def recorded(query_id: str = query_id) -> list[sqlite3.Row]:
            return [row for row in site.proxy.usage() if row["engine_query_id"] == query_id]

        eventually(recorded, seconds=20)
        (row,) = recorded()
        assert row["row_count"] == count
        assert row["byte_count"] > 0


def test_what_the_gateway_and_other_engines_answer_is_plain(site: Site) -> None:
    headers = {ENCODING: "json+zstd,json"}
    assert tell(site.proxy.url, "SELECT id FROM lake.trading.trades ORDER BY id", "ana", headers).rows == [
        [n] for n in range(5)
    ]
    assert tell(site.proxy.url, "SHOW SCHEMAS FROM tpch LIKE 'tiny'", "ana", headers).rows == [["tiny"]]


def test_a_client_that_asks_for_nothing_or_nonsense_gets_plain_results(site: Site) -> None:
    for headers in ({}, {ENCODING: "xml,arrow"}):
        assert len(tell(site.proxy.url, ITEMS, "ana", headers).rows) == 60_175


def test_without_the_setting_the_wish_is_dropped(site: Site) -> None:
    told = tell(site.off.url, ITEMS, "ana", {ENCODING: "json+zstd,json+lz4,json"})
    assert len(told.rows) == 60_175
    assert told.header(ENCODING) is None
    segment = next(s for s in segments(site.proxy.url, ITEMS) if s["type"] == "spooled")
    elsewhere = segment["uri"].replace(site.proxy.url, site.off.url)
    assert requests.get(elsewhere, timeout=60).status_code == 404
