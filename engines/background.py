"""Threads that work for engines in this process, after whoever answers clients."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

_NICENESS, _NICEST = 10, 19
"""Ten steps leave about a tenth of the share of a thread that did not step back."""


def background_threads(count: int, name: str) -> ThreadPoolExecutor:
    """Return a pool whose threads, and those that libraries start from them, leave the processor to the event loop.

    An engine in this process takes all of the processor that it can get; the loop needs little, but at once.
    """
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=_step_back)


def _step_back() -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, _NICEST))
