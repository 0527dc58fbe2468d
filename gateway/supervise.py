"""Several workers on one port: start them, start again those that die, pass signals on, never leave one behind.

Each worker holds one end of a socket pair. It writes a byte there once it serves; when our end closes, however we
ended, it drains and ends as at SIGTERM.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config import Config
from gateway.metrics.shared import forget_worker, prepare_shared, worker_environment

WORKER = "PENSTOCK_WORKER"
"""Set for the processes that a supervisor starts."""
LIFELINE = "PENSTOCK_LIFELINE"
"""The descriptor of a worker's end of the pair."""

_AGAIN_SECONDS = 0.5
"""A worker that cannot start must not turn into a storm."""
_MARGIN_SECONDS = 15.0
"""What a worker may take to end beyond the time it drains."""


class WorkersFailed(Exception):  # noqa: N818  (named for what became of it)
    """No worker could start; what is wrong stands in the log."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]
    lifeline: socket.socket
    started_at: float
    serving: bool = False


@dataclass(slots=True)
class _Signals:
    """What was asked since it was last looked at; handlers only note it, since the main loop may be anywhere."""

    received: list[int] = field(default_factory=list)
    woken: socket.socket = field(init=False)
    _wake: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self.woken, self._wake = socket.socketpair()
        for each in (self.woken, self._wake):
            each.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self.received.append(number)

    def take(self) -> list[int]:
        """Return what was asked, oldest first, and forget it."""
        taken, self.received = self.received, []
        return taken


def supervise(config: Config, path: Path, ready: Callable[[], None]) -> None:
    """Run `config.workers` workers until SIGTERM or Ctrl-C. Raises WorkersFailed, OSError."""
    for listener in (config.door, config.admin, config.metrics):
        _check_free(listener.host, listener.port)
    _Supervisor(config, path, ready).run()


def _check_free(host: str, port: int) -> None:
    """Refuse a port that another program has: workers that share a port would share it with anybody. Raises OSError."""
    if port == 0:
        raise OSError("several workers need fixed ports: port 0 would give each its own")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise OSError(f"port {port} on {host} cannot be bound: {error.strerror}") from None


class _Supervisor:
    """Keep the workers of one configuration."""

    def __init__(self, config: Config, path: Path, ready: Callable[[], None]) -> None:
        self._config = config
        self._command = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(path)]
        self._ready = ready
        self._shared = config.data_dir / "metrics"
        self._workers: dict[int, _Worker] = {}
        self._signals = _Signals()
        self._announced = False
        self._kill_at: float | None = None

    def run(self) -> None:
        """Work until all workers have ended by our will, or none can start."""
        prepare_shared(self._shared)
        try:
            for index in range(self._config.workers):
                self._workers[index] = self._start(index)
            while self._kill_at is None or any(w.process.poll() is None for w in self._workers.values()):
                self._wait()
                self._pass_on(self._signals.take())
                self._look_after()
        finally:
            for worker in self._workers.values():
                worker.lifeline.close()

    def _start(self, index: int) -> _Worker:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, WORKER: str(index), LIFELINE: str(theirs.fileno())}
        environment.update(worker_environment(self._shared))
        with theirs:
            process = subprocess.Popen(  # noqa: S603  (our own command)
                self._command, env=environment, start_new_session=True, pass_fds=(theirs.fileno(),)
            )
        ours.setblocking(False)
        return _Worker(process, ours, time.monotonic())

    def _wait(self) -> None:
        """Sleep until a signal comes, a worker says that it serves, or some time has passed."""
        starting = [w.lifeline for w in self._workers.values() if not w.serving and w.process.poll() is None]
        readable, _, _ = select.select([self._signals.woken, *starting], [], [], 0.5)
        if self._signals.woken in readable:
            self._signals.woken.recv(4096)

    def _pass_on(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number != signal.SIGHUP and self._kill_at is None:
                self._kill_at = time.monotonic() + self._config.drain_seconds + _MARGIN_SECONDS
            for worker in self._workers.values():
                if worker.process.poll() is None:
                    worker.process.send_signal(number)

    def _look_after(self) -> None:
        for index, worker in self._workers.items():
            worker.serving = worker.serving or _said_ready(worker.lifeline)
            if worker.process.poll() is not None and self._kill_at is None:
                self._replace(index, worker)
        if self._kill_at is not None and time.monotonic() > self._kill_at:
            for worker in self._workers.values():
                worker.process.kill()
        if not self._announced and all(worker.serving for worker in self._workers.values()):
            self._announced = True
            self._ready()

    def _replace(self, index: int, worker: _Worker) -> None:
        """Start a dead worker again; if none has ever served, the fault is not the worker's."""
        if not self._announced and not worker.serving and worker.process.returncode == 1:
            self._end_all()
            raise WorkersFailed("the workers cannot start")
        forget_worker(self._shared, worker.process.pid)
        if time.monotonic() - worker.started_at >= _AGAIN_SECONDS:
            worker.lifeline.close()
            self._workers[index] = self._start(index)

    def _end_all(self) -> None:
        for worker in self._workers.values():
            worker.process.terminate()
        for worker in self._workers.values():
            try:
                worker.process.wait(self._config.drain_seconds + _MARGIN_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()


def _said_ready(lifeline: socket.socket) -> bool:
    try:
        return bool(lifeline.recv(1))
    except OSError:
        return False
