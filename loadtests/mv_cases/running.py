"""Set up every place, ask every case, and tell how each was answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog

from loadtests.mv_cases.asking import Asker
from loadtests.mv_cases.cases import Case, CaseFile, Session
from loadtests.mv_cases.changes import Writing
from loadtests.mv_cases.documents import configuration, policies, write_yaml
from loadtests.mv_cases.places import LAKE, Place, places_of
from loadtests.mv_cases.results import failed, line
from loadtests.mv_cases.serving import Served, served
from loadtests.mv_cases.snapshots import forget_history, make_older
from loadtests.mv_cases.subqueries import InexpressibleError, has_subquery, listed

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a run keeps its tables, and which engine reads the base."""

    folder: Path
    clickhouse: Path
    base: Mapping[str, Any]
    """The configuration's section of the base engine."""
    catalog: SqlCatalog
    prefix: str = "p"
    """Of the names of places: a folder of ClickHouse may hold those of several runs."""


def lake_ground(folder: Path, clickhouse: Path | None = None, prefix: str = "p") -> Ground:
    """Return a ground on which the embedded lake reads the base."""
    place = {"uri": f"sqlite:///{folder / 'lake.db'}", "warehouse": (folder / "warehouse").as_uri()}
    base = {"kind": "lake", "name": "lake", "catalog": LAKE, **place}
    return Ground(folder, clickhouse or folder / "clickhouse", base, SqlCatalog(LAKE, **place), prefix)


def run(file: CaseFile, cases: Iterable[Case], ground: Ground, report: Report) -> Iterator[dict[str, Any]]:
    """Yield a line of results for each case."""
    places = places_of(cases, file.fixtures, ground.prefix)
    begun = time.monotonic()
    document = policies([_without_subqueries(place) for place in places])
    write_yaml(ground.folder / "policies.yaml", document)
    config = configuration(ground.folder, ground.base, ground.clickhouse, places)
    with served(write_yaml(ground.folder / "penstock.yaml", config)) as gateway:
        asker = Asker(gateway.url)
        try:
            writing = Writing(ground.catalog, asker)
            befores = {place.name: _set_up(place, ground, gateway, writing) for place in places}
            refused = _write_policies(places, ground, gateway, asker)
            report(f"{len(places)} settings set up after {time.monotonic() - begun:.1f} s")
            for place in places:
                for case in place.cases:
                    if place.name in refused:
                        yield failed(case, "refused", refused[place.name])
                    else:
                        yield _ask(case, place, gateway, asker, befores[place.name])
            report(f"asked after {time.monotonic() - begun:.1f} s")
        finally:
            asker.close()


def _set_up(place: Place, ground: Ground, gateway: Served, writing: Writing) -> float:
    """Fill a place's tables, build its views, let happen what happened; return an instant before the changes."""
    writing.fill(place, place.name)
    before = _between()
    writing.change(place, place.setting.changes)
    changed = {each.table for each in place.setting.changes}
    for table in sorted(changed):
        if not place.setting.whole_history:
            forget_history(ground.catalog, (place.name, table))
        if place.setting.view_age:
            make_older(ground.catalog, (place.name, table), place.setting.view_age)
    return before - (place.setting.view_age or 0.0)


def _between() -> float:
    """Return an instant after all snapshots so far and before all that follow: they count milliseconds."""
    time.sleep(0.002)
    now = time.time()
    time.sleep(0.002)
    return now


def _without_subqueries(place: Place) -> Place:
    """Let a filter that asks another table show nothing until its values are known."""
    bound = tuple(
        replace(each, row_filter="false") if has_subquery(each.row_filter) else each for each in place.setting.policies
    )
    return replace(place, setting=replace(place.setting, policies=bound))


def _write_policies(places: Sequence[Place], ground: Ground, gateway: Served, asker: Asker) -> dict[str, str]:
    """Write the filters that ask other tables as lists; return the places where that cannot be done, with why."""
    refused: dict[str, str] = {}
    written = []
    for place in places:
        try:
            bound = tuple(
                replace(each, row_filter=listed(each.row_filter, asker, place.name))
                if has_subquery(each.row_filter)
                else each
                for each in place.setting.policies
            )
            written.append(replace(place, setting=replace(place.setting, policies=bound)))
        except InexpressibleError as error:
            refused[place.name] = str(error)
            written.append(_without_subqueries(place))
    if written != list(places):
        write_yaml(ground.folder / "policies.yaml", policies(written))
        gateway.run(gateway.house.policies.reload())
    return refused


def _ask(case: Case, place: Place, gateway: Served, asker: Asker, before: float) -> dict[str, Any]:
    properties = _properties(case.session, before)
    answer = asker.ask(case.query, place.user, place.name, zone=case.session.time_zone, properties=properties)
    return line(case, place, answer, gateway.records.get(answer.query_id))


def _properties(session: Session, before: float) -> dict[str, str]:
    """Return the session's properties that differ from their defaults."""
    bound = "" if session.max_staleness_s is None else f"{session.max_staleness_s:g}s"
    instant = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(before)) + f".{int(before * 1000) % 1000:03d} UTC"
    given = {
        "integrity": "" if session.integrity == "enforced" else session.integrity,
        "min_grade": "" if session.min_grade == "exact" else session.min_grade,
        "max_staleness": bound,
        "as_of": instant if session.as_of else "",
        "branch": "" if session.branch == "main" else session.branch,
    }
    return {name: value for name, value in given.items() if value}
