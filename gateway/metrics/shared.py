"""Several workers, one `/metrics`: each worker's values lie in files of a common folder and are added up when asked.

This is prometheus_client's multiprocess mode. The supervisor makes the folder and starts each worker with
`worker_environment`; the variable must be there before prometheus_client is first imported. The values are memory
maps, so a worker killed outright loses none, and its counters go on counting in the total.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client."""


def prepare_shared(folder: Path) -> None:
    """Make the folder, or empty it of what an earlier run left. Call before the first worker starts."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.db"):
        path.unlink()


def worker_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables that make a worker share its values."""
    return {_VARIABLE: str(folder)}


def shared_folder() -> Path | None:
    """Return the folder this process shares its values in; None if it keeps them to itself."""
    folder = os.environ.get(_VARIABLE)
    return Path(folder) if folder else None


def forget_worker(folder: Path, pid: int) -> None:
    """Drop a dead worker's gauges (running statements, open connections); its counters stay."""
    mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # an untyped library


def shared_registry(folder: Path) -> CollectorRegistry:
    """Return a registry that adds up all workers' values; for `/metrics`."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # an untyped library
    return registry
