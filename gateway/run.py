"""Run the gateway: one worker in this process, or several that share the port, until a signal ends them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from gateway.config import Config, ConfigError
from gateway.logs import configure_logging
from gateway.supervise import WORKER, WorkersFailed, supervise
from policies.faults import PolicyError


class StartError(Exception):
    """The gateway cannot start; the text says what to mend."""


def _silent() -> None:
    return None


def run(config: Config, path: Path, *, ready: Callable[[], None] = _silent, log: TextIO | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C, logging to `log` or stderr. Raises StartError."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there is something to reload
    configure_logging(config.log_format, stream=log)
    try:
        if config.workers > 1 and WORKER not in os.environ:
            supervise(config, path, ready)
        else:
            from gateway.serving import serve  # who supervises needs none of it: seconds, and most of a worker's memory

            serve(config, path, ready)
    except (ConfigError, PolicyError, WorkersFailed, OSError, ValueError) as error:
        raise StartError(str(error)) from None
