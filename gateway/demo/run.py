"""Run the demo: make the world once, start what the engine needs, serve, and stop everything at Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.config import load_config
from gateway.demo.banner import banner
from gateway.demo.downloads import DemoError
from gateway.demo.setup import DemoPlaces, demo_places, write_config

__all__ = ["DemoError", "run_demo"]

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Lake:
    """Where the Iceberg tables are, and the Trino over them if there is one."""

    uri: str
    warehouse: Path
    trino_url: str | None = None


@dataclass(frozen=True, slots=True)
class MoreTables:
    """Tables that a script makes in the demo's ClickHouse, besides the marts."""

    script: Path
    """Statements, each ending with a semicolon at the end of a line; lines that begin with `--` are comments."""
    declared: Mapping[str, str]
    """Trino types of columns that ClickHouse holds as String, by schema.table.column."""


def run_demo(engine: str, report: Report, more: MoreTables | None = None) -> None:
    """Serve the demo until Ctrl-C. Raises DemoError saying what is missing and how to get it."""
    from gateway.run import StartError, run

    try:
        places = demo_places()
    except ValueError as error:
        raise DemoError(str(error)) from None
    _check_ports(places, engine)
    places.data.mkdir(parents=True, exist_ok=True)
    try:
        with _lake(engine, places, report) as lake:
            _make_marts(lake, places)
            if more is not None:
                _in_clickhouse("run_script", places, str(more.script))
            declared = more.declared if more is not None else {}
            config = write_config(places, trino_url=lake.trino_url, lake_uri=lake.uri, declared=declared)
            with (places.data / "penstock.log").open("a") as log:
                run(load_config(config), config, ready=lambda: report(banner(places, engine)), log=log)
    except StartError as error:
        raise DemoError(str(error)) from None
    except KeyboardInterrupt:
        pass  # before there was anybody to hear it
    report("stopped")


def _check_ports(places: DemoPlaces, engine: str) -> None:
    """Look before half a minute's work whether the ports are free; an engine must not be mistaken for another's."""
    wanted = {
        "PENSTOCK_PORT": places.port,
        "PENSTOCK_ADMIN_PORT": places.admin_port,
        "PENSTOCK_METRICS_PORT": places.metrics_port,
    }
    if engine == "trino":
        wanted["PENSTOCK_TRINO_PORT"] = places.trino_port
    for name, port in wanted.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            raise DemoError(f"port {port} is taken; set {name} to a free one") from None


@contextmanager
def _lake(engine: str, places: DemoPlaces, report: Report) -> Iterator[_Lake]:
    from gateway.demo.world import make_world

    report("making the demo world (about half a minute the first time; kept afterwards) ...")
    if engine == "lake":
        lake = _Lake(f"sqlite:///{places.data / 'lake.db'}", places.data / "warehouse")
        make_world(lake.warehouse, lake.uri, report)
        yield lake
        return
    from gateway.demo.postgres import start_postgres
    from gateway.demo.trino_server import ICEBERG_DATABASE, open_lake, start_trino

    warehouse = places.data / "warehouse-trino"
    with start_postgres(places.data / "postgres", report) as postgres:
        open_lake(postgres, warehouse).close()
        uri = postgres.url(ICEBERG_DATABASE, "postgresql+psycopg2")
        make_world(warehouse, uri, report)
        with start_trino(
            places.data / "trino", report, port=places.trino_port, postgres=postgres, warehouse=warehouse
        ) as trino:
            yield _Lake(uri, warehouse, trino.url)


def _make_marts(lake: _Lake, places: DemoPlaces) -> None:
    _in_clickhouse("make_marts", places, lake.uri, str(lake.warehouse))


def _in_clickhouse(work: str, places: DemoPlaces, *arguments: str) -> None:
    """Work in ClickHouse by a process of its own: the engine in process holds its folder until it ends."""
    import subprocess
    import sys

    command = [sys.executable, "-m", "gateway.demo.marts", work, str(places.data / "clickhouse"), *arguments]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603  (our own command)
    if done.returncode:
        raise DemoError(f"the demo's ClickHouse tables could not be made: {done.stderr.strip().splitlines()[-1:]}")
