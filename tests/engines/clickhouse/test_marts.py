"""The demo's marts: made once from the lake's own rows, kept, made again when unfinished, and in agreement with it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from gateway.demo.world import CATALOG, LMP_PRICES, make_world
from tests.real.clickhouse import ROOT

MAKE = """
import json, sys
from pathlib import Path
from gateway.demo.marts import make_marts
folder, uri, warehouse = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
make_marts(folder, uri, warehouse, lambda line: print(line, flush=True))
import clickhouse_connect
client = clickhouse_connect.get_client(interface="chdb", path=str(folder), settings={"session_timezone": "UTC"})
for sql in sys.argv[4:]:
    print(json.dumps(client.query(sql).result_rows, default=str))
client.close()
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    place = tmp_path_factory.mktemp("lake")
    uri = f"sqlite:///{place}/lake.db"
    make_world(place / "warehouse", uri, lambda line: None)
    return uri, place / "warehouse"


def make(folder: Path, lake: tuple[str, Path], *sql: str) -> list[str]:
    """Make the marts in a process of their own, as the demo does, and ask them."""
    command = [sys.executable, "-c", MAKE, str(folder), lake[0], str(lake[1]), *sql]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()


def test_the_marts_agree_with_the_lake_to_the_cent(tmp_path: Path, lake: tuple[str, Path]) -> None:
    hour = "SELECT toString(hour), toString(avg_lmp), toString(min_lmp), toString(max_lmp), n FROM marts.lmp_hourly"
    made, count, sample, view, daily = make(
        tmp_path / "clickhouse",
        lake,
        "SELECT count(), sum(n) FROM marts.lmp_hourly",
        f"{hour} WHERE node_id = 'MISO_NODE_003' ORDER BY hour LIMIT 40",
        "SELECT count() FROM marts.lmp_hourly_summary",
        "SELECT sum(length(hourly_lmp)), countIf(peak_hour IS NULL), min(toString(iso)) FROM marts.node_daily",
    )
    catalog = SqlCatalog(CATALOG, uri=lake[0], warehouse=lake[1].resolve().as_uri())
    prices = catalog.load_table(LMP_PRICES.identifier).scan().to_arrow()
    catalog.close()
    hours, intervals = json.loads(count)[0]
    assert made == f"clickhouse.marts made: {hours:,} hourly rows"
    assert intervals == prices.num_rows
    assert json.loads(view) == [[hours]]
    assert json.loads(daily)[0][0] == hours
    assert json.loads(daily)[0][2] == "CAISO"
    rows = prices.filter(pc.equal(prices["node_id"], "MISO_NODE_003"))
    for at, average, lowest, highest, n in json.loads(sample):
        cents = [
            int(price * 100)
            for time, price in zip(rows["interval_start_time"].to_pylist(), rows["lmp_price"].to_pylist(), strict=True)
            if f"{time:%Y-%m-%d %H}:00:00" == at
        ]
        assert (len(cents), min(cents), max(cents)) == (n, cents_of(lowest), cents_of(highest))
        whole, rest = divmod(abs(sum(cents)), n)
        rounded = whole + (2 * rest >= n)
        assert cents_of(average) == (rounded if sum(cents) >= 0 else -rounded)


def cents_of(text: str) -> int:
    """Read an amount as ClickHouse shows it, without zeros at the end."""
    return round(float(text) * 100)


@pytest.mark.long  # makes them three times
def test_marts_are_kept_between_runs_and_made_again_when_unfinished(tmp_path: Path, lake: tuple[str, Path]) -> None:
    folder = tmp_path / "clickhouse"
    counted = "SELECT count() FROM marts.lmp_hourly"
    first = make(folder, lake, counted)
    assert make(folder, lake, counted) == ["clickhouse.marts is there", first[1]]
    folder.with_name("clickhouse.version").unlink()
    assert make(folder, lake, "DROP TABLE marts.lmp_hourly")[0] == first[0]
    folder.with_name("clickhouse.version").unlink()
    assert make(folder, lake, counted) == first
