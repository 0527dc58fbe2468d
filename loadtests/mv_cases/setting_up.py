"""Set a place up: its base tables, its views, what happened to the base since, and how old all that is."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import clickhouse_connect

from catalog.errors import Refusal
from loadtests.mv_cases.building import Builder
from loadtests.mv_cases.cases import MAIN, Change
from loadtests.mv_cases.changes import Branch, Writing
from loadtests.mv_cases.grounds import Ground
from loadtests.mv_cases.places import Place
from loadtests.mv_cases.snapshots import forget_history, make_older


@contextmanager
def databases(ground: Ground, places: Sequence[Place]) -> Iterator[None]:
    """Make the databases of views, which the gateway does not; drop them when the block ends."""
    names = [place.name for place in places]
    _run(ground, [f"CREATE DATABASE IF NOT EXISTS {name}" for name in names])
    try:
        yield
    finally:
        _run(ground, [f"DROP DATABASE IF EXISTS {name}" for name in names])


def _run(ground: Ground, statements: Iterable[str]) -> None:
    opened = clickhouse_connect.get_client(interface="chdb", path=str(ground.clickhouse))
    try:
        for statement in statements:
            opened.command(statement)
    finally:
        opened.close()


@dataclass(frozen=True, slots=True)
class Unbuilt:
    """A view that could not be built on this ground: whoever asks is answered without it."""

    view: str
    code: str
    why: str

    def __str__(self) -> str:
        """Say which view, and why."""
        return f"view {self.view} could not be built: {self.code}: {self.why}"


def set_up(place: Place, ground: Ground, writing: Writing, builder: Builder) -> tuple[float, tuple[Unbuilt, ...]]:
    """Fill a place's tables, build its views, let happen what happened.

    Return an instant before the changes, and the views that could not be built. A view that nobody maintains is built
    at first, a rebuilt one at last. One that is maintained by inserts holds all that was appended; its watermark names
    the last version of which it saw everything.
    """
    writing.fill(place, place.name)
    before = _between()
    changes, done = place.setting.changes, 0
    at_first = sum(1 for _ in itertools.takewhile(_is_append, changes))
    made: set[Branch] = set()
    unbuilt: list[Unbuilt] = []
    for upto, maintained in ((0, "none"), (at_first, "inserts"), (len(changes), "full")):
        writing.change(place, changes[done:upto], made)
        done = upto
        views = [view for view in place.setting.views if view.maintained == maintained]
        if views and maintained == "inserts":
            writing.seen_by_inserts(place)
        for view in views:
            try:
                builder.build(place, view)
            except Refusal as refusal:
                unbuilt.append(Unbuilt(view.name, refusal.code.name, refusal.message))
    writing.branch_all(place, made)
    _make_history(place, ground)
    return before - (place.setting.view_age or 0.0), tuple(unbuilt)


def _make_history(place: Place, ground: Ground) -> None:
    """Cut the history off before the last change, or let everything have happened earlier."""
    for table in sorted({each.table for each in place.setting.changes}):
        if not place.setting.whole_history:
            forget_history(ground.catalog, (place.name, table))
        if place.setting.view_age:
            make_older(ground.catalog, (place.name, table), place.setting.view_age)


def _is_append(change: Change) -> bool:
    """Tell whether a view that is maintained by inserts saw all of a change."""
    return change.op == "append" and change.branch == MAIN


def _between() -> float:
    """Return an instant after all snapshots so far and before all that follow: they count milliseconds."""
    time.sleep(0.002)
    now = time.time()
    time.sleep(0.002)
    return now
