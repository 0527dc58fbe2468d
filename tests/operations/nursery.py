"""Gateways that share their imports: one process imports the program, and forks a gateway for each that is asked for.

To import it takes most of a start's time, and the suites start hundreds. Each gateway is a process of its own, as
`penstock serve` is, with its own signals, exit code and files. Suites that are about starts and ends do not use it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = (
    *("gateway.run", "gateway.serving", "engines.clickhouse.engine", "engines.lake.engine", "engines.trino.engine"),
    *("clickhouse_connect", "duckdb", "pyiceberg.catalog.sql"),
)


class Hatched:
    """A gateway of the nursery; what `subprocess.Popen` has of the same name does the same."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("penstock serve", timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that forks, asked by lines of JSON; it ends, with all that it forked, when its input does."""

    def __init__(self) -> None:
        # A pool of threads would not be there after a fork.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.operations.nursery"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        atexit.register(self.close)

    def ask(self, **question: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline())

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Hatched:
        """Run `penstock` with these arguments, writing behind what is in `log`."""
        return Hatched(self, self.ask(arguments=list(arguments), environment=dict(environment), log=str(log)))

    def close(self) -> None:
        self._process.communicate(timeout=30)


@cache
def nursery() -> Nursery:
    """Return the one of this process, started when the first asks."""
    return Nursery()


def _attend() -> bool:
    """Answer until the input ends; return true in a process that is to be a gateway."""
    codes: dict[int, int | None] = {}
    for line in sys.stdin:
        question = json.loads(line)
        if (pid := question.get("poll")) is not None:
            if codes[pid] is None:
                codes[pid] = _code(pid)
            answer = codes[pid]
        else:
            answer = os.fork()
            if not answer:
                _become(**question)
                return True
            codes[answer] = None
        print(json.dumps(answer), flush=True)
    for pid, code in codes.items():
        if code is None and _code(pid) is None:
            os.kill(pid, signal.SIGKILL)
    return False


def _code(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def _become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, at in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(descriptor, at)
    os.close(written)
    os.close(nothing)
    gc.unfreeze()  # at its end, what the libraries hold is freed as ever
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["penstock", *arguments]


if __name__ == "__main__":
    from gateway.cli.main import main

    with contextlib.suppress(KeyboardInterrupt):
        for name in _PROGRAM:
            import_module(name)
        gc.freeze()
        if _attend():
            main()
        os._exit(0)
