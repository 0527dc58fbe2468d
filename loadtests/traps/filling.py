"""Make the table of traps in a folder of ClickHouse in process: `python -m loadtests.traps.filling FOLDER SCRIPT NAME`.

A process of its own does it, since the engine holds its folder until the process ends.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import clickhouse_connect

from loadtests.traps.world import statements

if __name__ == "__main__":
    folder, script, name = sys.argv[1:]
    settings = {"session_timezone": "UTC"}
    with closing(clickhouse_connect.get_client(interface="chdb", path=folder, settings=settings)) as client:
        client.command(f"CREATE DATABASE {name.partition('.')[0]}")
        for statement in statements(Path(script).read_text("utf-8"), name):
            client.command(statement)
