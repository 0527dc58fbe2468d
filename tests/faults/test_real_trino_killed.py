"""The real Trino, killed with kill -9 in the middle of a query; and back again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from gateway.demo.downloads import DemoError
from gateway.demo.ports import free_port
from gateway.demo.trino_server import TrinoServer, start_trino
from tests.operations.gateway_process import Gateway, eventually, make_gateway, running
from tests.operations.lake import make_lake
from tests.real.fixtures import SECONDS, without

pytestmark = [pytest.mark.trino, pytest.mark.long, pytest.mark.timeout(SECONDS)]  # a Trino of its own, to be killed
LONG = "SELECT orderkey, comment FROM tpch.sf10.lineitem"
"""Some gigabytes: no client is done with it when the engine dies."""
SHORT = "SELECT count(*) FROM tpch.tiny.nation"
LAKE = "SELECT count(*) FROM lake.trading.trades"


class MortalTrino:
    """A Trino of our own on one port, to be killed and started again."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._port = free_port()
        self._server = self._start()

    @property
    def url(self) -> str:
        return self._server.url

    def kill(self) -> None:
        """End the server as the kernel does when memory runs out; its watcher sees it go."""
        watcher = self._server.child.watcher
        children = Path(f"/proc/{watcher.pid}/task/{watcher.pid}/children").read_text().split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGKILL)
        watcher.wait(20)

    def restart(self) -> None:
        self._server = self._start()

    def _start(self) -> TrinoServer:
        return self._stack.enter_context(start_trino(self._folder, print, port=self._port, heap="1200M"))


@pytest.fixture
def trino(tmp_path: Path) -> Iterator[MortalTrino]:
    with ExitStack() as stack:
        try:
            yield MortalTrino(tmp_path / "trino", stack)
        except DemoError as error:
            without(f"Trino: {error}")


@pytest.fixture
def gateway(tmp_path: Path, trino: MortalTrino) -> Iterator[Gateway]:
    engine = {"kind": "trino", "name": "trino", "url": trino.url, "catalogs": ["tpch"]}
    with running(make_gateway(tmp_path / "gateway", [engine, make_lake(tmp_path / "lake")])) as found:
        yield found


def test_a_query_that_lost_its_engine_fails_and_the_gateway_goes_on(gateway: Gateway, trino: MortalTrino) -> None:
    def up() -> bool:
        return gateway.metric("penstock_engine_up", engine="trino") == 1

    client = gateway.root
    page = client.begin(LONG)
    while "data" not in page:
        page = client.next(page)
    with ThreadPoolExecutor(1) as pool:
        trino.kill()
        finishing = pool.submit(client.finish, page)
        assert client.error(SHORT)["errorName"] == "NO_NODES_AVAILABLE"
        assert client.rows(LAKE) == [[5]], "the other engine has nothing to do with it"
        eventually(lambda: not up(), seconds=30)
        assert gateway.status("readyz") == 200
        trino.restart()
        error = finishing.result(60)["error"]
    assert error["errorName"] == "REMOTE_HOST_GONE"
    assert trino.url.removeprefix("http://") not in str(error)
    (row,) = eventually(lambda: [row for row in gateway.usage() if row["sql_text"] == LONG], seconds=20)
    assert (row["outcome"], row["error_code"], row["engine"]) == ("FAILED", "REMOTE_HOST_GONE", "trino")
    assert row["row_count"] > 0

    eventually(lambda: client.run(SHORT)["rows"] == [[25]], seconds=60)
    eventually(up, seconds=30)
