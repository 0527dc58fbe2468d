"""Fill a folder of the ClickHouse engine in process: `python -m loadtests.estimate.marts FOLDER FILES`."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import clickhouse_connect

from loadtests.estimate.tables import fill_clickhouse

if __name__ == "__main__":
    with closing(clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])) as client:
        fill_clickhouse(client, Path(sys.argv[2]))
