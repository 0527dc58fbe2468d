"""Run a server as a child that never outlives us, not even when we are killed with SIGKILL.

Between us and the server stands a small watcher (this very file, run as a script). It holds the read end of a pipe
whose write end only we hold: when we end, however that happens, the pipe closes and the watcher stops the server's
whole process group. The watcher lives in a session of its own, so that Ctrl-C reaches us first and we stop things in
order.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

GRACE_SECONDS = 10.0
"""How long a server may take to stop by itself before it is killed."""


@dataclass(frozen=True, slots=True)
class Child:
    """Hold a running server; close it with `stop`."""

    watcher: subprocess.Popen[bytes]
    lifeline: BinaryIO
    """Our end of the pipe; nobody writes to it."""
    log: Path

    @property
    def running(self) -> bool:
        """Say whether the server still runs."""
        return self.watcher.poll() is None

    def stop(self) -> None:
        """Stop the server and wait until its whole process group is gone; idempotent."""
        if self.watcher.poll() is None:
            self.watcher.send_signal(signal.SIGTERM)
            self.watcher.wait(GRACE_SECONDS + 10)
        self.lifeline.close()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of the server's log, for an error message."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 16_384))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"


def start_child(
    argv: Sequence[str],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stop_signal: int = signal.SIGTERM,
) -> Child:
    """Start a server whose output goes to `log` and that `stop_signal` asks to stop."""
    log.parent.mkdir(parents=True, exist_ok=True)
    held_by_watcher, held_by_us = os.pipe()
    try:
        with log.open("ab") as output:
            watcher = subprocess.Popen(  # noqa: S603  (argv is ours)
                [sys.executable, "-IS", __file__, str(held_by_watcher), str(int(stop_signal)), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=None if env is None else dict(env),
                pass_fds=(held_by_watcher,),
                start_new_session=True,
            )
    except BaseException:
        os.close(held_by_us)
        raise
    finally:
        os.close(held_by_watcher)
    return Child(watcher, cast("BinaryIO", os.fdopen(held_by_us, "wb", buffering=0)), log)


def _watch(lifeline: int, stop_signal: int, argv: Sequence[str]) -> int:
    """Run the server until it ends, we are told to stop, or the lifeline closes; return its exit code."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server = subprocess.Popen(argv, start_new_session=True)  # noqa: S603  (our own command)
    waiting = selectors.DefaultSelector()  # who starts us may have thousands of files open, and so give a high number
    for each in (lifeline, woken):
        waiting.register(each, selectors.EVENT_READ)
    while server.poll() is None:
        readable = {key.fd for key, _ in waiting.select()}
        signals = os.read(woken, 64) if woken in readable else b""
        if lifeline in readable or signal.SIGTERM in signals or signal.SIGINT in signals:
            _stop_group(server, stop_signal)
    _signal_group(server.pid, signal.SIGKILL)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _stop_group(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    _signal_group(server.pid, stop_signal)
    deadline = time.monotonic() + GRACE_SECONDS
    while server.poll() is None:
        if time.monotonic() > deadline:
            _signal_group(server.pid, signal.SIGKILL)
            server.wait()
            return
        time.sleep(0.05)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    sys.exit(_watch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
