"""Make a database in a folder of ClickHouse in process: `python -m loadtests.paths.database FOLDER NAME`.

A process of its own does it, since the engine holds its folder until the process ends.
"""

from __future__ import annotations

import sys
from contextlib import closing

import clickhouse_connect

if __name__ == "__main__":
    with closing(clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])) as client:
        client.command(f"CREATE DATABASE IF NOT EXISTS {sys.argv[2]}")
