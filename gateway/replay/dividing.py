"""Share a comparison among processes: long ones get two where there are two cores to do them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

from gateway.replay.diff import Found
from gateway.replay.messages import DiffAsked
from gateway.replay.process import ComparingProcess
from policies.index import PolicySet

_MOST_PARTS = 2
_WORTH = 2_000
"""Rows from which on another process is worth its start."""


def parts_for(rows: int) -> int:
    """Return how many processes are to compare so many recorded rows."""
    return min(_MOST_PARTS, os.cpu_count() or 1) if rows > _WORTH else 1


async def divided(
    processes: Sequence[ComparingProcess],
    live: PolicySet,
    draft: PolicySet,
    asked: DiffAsked,
    progress: Callable[[int, int], None],
) -> Found:
    """Return what all processes find together, each in its part. Raises ComparisonFailed; close them afterwards."""
    far = [(0, 0)] * len(processes)

    async def part(number: int, process: ComparingProcess) -> Found:
        def told(done: int, total: int) -> None:
            far[number] = (done, total)
            progress(sum(each for each, _ in far), sum(each for _, each in far))

        await process.start()
        await process.set_rules(live, {"draft": draft})
        await process.send_catalog()
        return await process.ask(replace(asked, part=number, parts=len(processes)), Found, told)

    found = await asyncio.gather(*(part(number, process) for number, process in enumerate(processes)))
    return _together(found, asked.sample)


def _together(parts: Sequence[Found], sample: int) -> Found:
    first, *others = parts
    for other in others:
        first.tally.merge(other.tally)
    in_turns = (each for several in zip_longest(*(part.sample for part in parts)) for each in several)
    return replace(first, sample=tuple(each for each in in_turns if each is not None)[:sample])
