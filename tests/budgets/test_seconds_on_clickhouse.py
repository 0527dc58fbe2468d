"""A cap's seconds hold on the real ClickHouse, which says nothing of what it reads while a statement runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import trino
import yaml
from trino.exceptions import TrinoQueryError

from gateway.demo.ports import free_port
from loadtests.mv_cases.serving import Served, served
from tests.real import clickhouse

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]
POLICIES = """\
version: 1
users: {ann: {roles: []}}
grants: [{id: all, users: [ann], assets: "clickhouse.*", allow: [read]}]
caps: [{id: short, users: [ann], seconds: 2}]
"""


@pytest.fixture
def schema() -> Iterator[str]:
    name = f"seconds_{uuid4().hex[:8]}"
    table = f"CREATE TABLE {name}.n ENGINE = MergeTree ORDER BY i AS SELECT toInt64(number) AS i FROM numbers(60000)"
    clickhouse.run_script([f"CREATE DATABASE {name}", table])
    yield name
    clickhouse.run_script([f"DROP DATABASE {name}"])


@pytest.fixture
def gateway(tmp_path: Path, schema: str) -> Iterator[Served]:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    config = {
        "door": {"port": free_port()},
        "admin": {"port": 0},
        "metrics": {"port": 0},
        "data_dir": str(tmp_path / "data"),
        "identity": {"insecure": True},
        "keys": [{"id": "tests", "secret": "a page key of these tests, long enough to seal"}],
        "engines": [
            {"kind": "clickhouse", "name": "clickhouse", "catalog": "clickhouse", "path": str(clickhouse.folder())}
        ],
        "policies": [str(tmp_path / "policies.yaml")],
        "store": {"url": f"sqlite:///{tmp_path / 'usage.db'}"},
    }
    (tmp_path / "penstock.yaml").write_text(yaml.safe_dump(config))
    with served(tmp_path / "penstock.yaml") as found:
        yield found


def test_a_statement_on_clickhouse_ends_at_its_caps_seconds(gateway: Served, schema: str) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    cursor = trino.dbapi.connect(host=host, port=int(port), user="ann").cursor()
    table = f"clickhouse.{schema}.n"
    began = time.monotonic()
    with pytest.raises(TrinoQueryError) as ended:
        slow = f"SELECT sum(sqrt(a.i * b.i + c.i)) FROM {table} a CROSS JOIN {table} b CROSS JOIN {table} c"
        cursor.execute(slow).fetchall()
    assert (ended.value.error_name, "cap short" in str(ended.value.message)) == ("EXCEEDED_TIME_LIMIT", True)
    assert time.monotonic() - began < 60
