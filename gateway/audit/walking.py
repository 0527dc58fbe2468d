"""Walk the store's chain beside statements: a short one in small steps, a long one in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec

from gateway.audit.anchors import Anchors
from gateway.audit.keeping import audit_folder
from gateway.audit.links import START, ChainKeys, Head
from gateway.audit.reading import PAGE, Wanted, newest, pages, reading
from gateway.audit.verify import Report, verify
from gateway.config import Config

_NICE = 5
"""How much the process stands back behind everything else on the machine."""
_FEW, _STEP = 20_000, 250
"""Links that are walked here, and how many of them in one step of the loop: some milliseconds."""


class WalkError(Exception):
    """The walk could not be made; the chain may be as it should."""


class _Task(msgspec.Struct):
    """What the process is told, over its input: keys have no place on a command line."""

    url: str
    keys: tuple[tuple[str, str], ...]
    anchors: tuple[tuple[int, str], ...]
    unkeyed_until: int
    after: tuple[int, str]


async def walk(config: Config, after: Head = START) -> dict[str, Any]:
    """Return what a walk over the chain finds, as `penstock audit verify --json` tells it. Raises WalkError.

    Who no longer waits for it ends it.
    """
    url = config.store.url.get_secret_value()
    anchors = await asyncio.to_thread(Anchors(audit_folder(config.data_dir), url).read)
    told = tuple((head.seq, head.hash) for head in anchors)
    task = _Task(url, tuple(config.audit.secrets), told, config.audit.unkeyed_until, after)
    async with reading(url) as connection:
        last = await newest(connection, Wanted(), 1)
    if not last or last[0].seq - after.seq <= _FEW:
        began = time.monotonic()
        report = await _walked(task, _STEP)
        return report.told(time.monotonic() - began)
    return await _in_a_process(task)


async def _in_a_process(task: _Task) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway.audit.walking",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await process.communicate(msgspec.json.encode(task))
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode != 0:
        raise WalkError("the chain cannot be read")
    found: dict[str, Any] = msgspec.json.decode(out)
    return found


async def _walked(task: _Task, step: int = PAGE) -> Report:
    anchors = [Head(*each) for each in task.anchors]
    after = Head(*task.after)
    async with reading(task.url) as connection:
        links = pages(connection, Wanted(after=after.seq or None), step)
        return await verify(links, ChainKeys.of(task.keys), anchors, unkeyed_until=task.unkeyed_until, after=after)


def main() -> None:
    """Read a task from stdin, walk, and write the report to stdout."""
    os.nice(_NICE)
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=_Task)
    began = time.monotonic()
    report = asyncio.run(_walked(task))
    sys.stdout.buffer.write(msgspec.json.encode(report.told(time.monotonic() - began)))


if __name__ == "__main__":
    main()
