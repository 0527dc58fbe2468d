"""Set up every place, ask every case, and tell how each was answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from catalog.objects import TableName
from loadtests.mv_cases.asking import Answer, AskedError, Asker
from loadtests.mv_cases.building import Builder
from loadtests.mv_cases.cases import MAIN, Case, CaseFile, Session
from loadtests.mv_cases.changes import Writing
from loadtests.mv_cases.documents import configuration, policies, write_yaml
from loadtests.mv_cases.grounds import Ground
from loadtests.mv_cases.places import MARTS, Place, places_of
from loadtests.mv_cases.results import failed, line
from loadtests.mv_cases.serving import Served, served
from loadtests.mv_cases.setting_up import Unbuilt, databases, set_up
from loadtests.mv_cases.subqueries import InexpressibleError, has_subquery, listed

Report = Callable[[str], None]
NOT_SUPPORTED = "NOT_SUPPORTED"


@dataclass(frozen=True, slots=True)
class Told:
    """How a case was answered."""

    case: Case
    line: dict[str, Any]
    beyond: bool = False
    """The base engine does not know something that it was asked: another may."""
    plain: dict[str, Any] | None = None
    """How it is answered without views, where that was asked too."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A place that was set up, or what hindered that."""

    place: Place
    before: float = 0.0
    hindered: AskedError | None = None
    unbuilt: tuple[Unbuilt, ...] = ()

    @property
    def built(self) -> frozenset[TableName]:
        """Return the views that are there."""
        missing = {each.view for each in self.unbuilt}
        names = {view.name for view in self.place.setting.views if self.hindered is None} - missing
        return frozenset(TableName(MARTS, self.place.name, name) for name in names)


def run(
    file: CaseFile, cases: Iterable[Case], ground: Ground, report: Report, *, plain: bool = False
) -> Iterator[Told]:
    """Yield how each case is answered, place by place; with `plain` without views, too."""
    places = places_of(cases, file.fixtures, ground.prefix)
    begun = time.monotonic()
    write_yaml(ground.folder / "policies.yaml", policies([_without_subqueries(place) for place in places]))
    config = configuration(ground.folder, ground.base, ground.clickhouse, places)
    with databases(ground, places), served(write_yaml(ground.folder / "penstock.yaml", config)) as gateway:
        asker = Asker(gateway.url)
        try:
            standing = _write_policies(_set_up(places, ground, gateway, asker), ground, gateway, asker)
            _look(gateway, standing, report)
            report(f"{len(places)} settings set up after {time.monotonic() - begun:.1f} s")
            for each in standing:
                for case in each.place.cases:
                    yield _told(case, each, gateway, asker, plain=plain)
            report(f"asked after {time.monotonic() - begun:.1f} s")
        finally:
            asker.close()


def _set_up(places: Sequence[Place], ground: Ground, gateway: Served, asker: Asker) -> list[_Standing]:
    writing, builder = Writing(ground.catalog, asker), Builder(ground, gateway, asker)
    standing = []
    for place in places:
        try:
            before, unbuilt = set_up(place, ground, writing, builder)
            standing.append(_Standing(place, before, unbuilt=unbuilt))
        except AskedError as error:
            standing.append(_Standing(place, hindered=error))
    return standing


def _look(gateway: Served, standing: Iterable[_Standing], report: Report) -> None:
    """Have the gateway look at all views as they are now, which it otherwise does every few seconds.

    Raises RuntimeError where it does not know a view that was built: nothing that follows would mean anything.
    """
    views, rooms = gateway.house.views, gateway.house.view_rooms
    if views is not None and rooms is not None:  # what is declared of tables is tested beside the first look
        gateway.run(views.fresh(), seconds=600)
        gateway.run(rooms.prover.tested(), seconds=600)
    known = () if views is None else gateway.run(views.fresh(), seconds=600).views
    missing = {name for each in standing for name in each.built} - {view.name for view in known}
    if missing:
        raise RuntimeError(f"the gateway does not know {len(missing)} of the views, {sorted(missing)[0]} among them")
    report(f"{len(known)} views are known")


def _without_subqueries(place: Place) -> Place:
    """Let a filter that asks another table show nothing until its values are known."""
    bound = tuple(
        replace(each, row_filter="false") if has_subquery(each.row_filter) else each for each in place.setting.policies
    )
    return replace(place, setting=replace(place.setting, policies=bound))


def _write_policies(standing: Sequence[_Standing], ground: Ground, gateway: Served, asker: Asker) -> list[_Standing]:
    """Write the filters that ask other tables as lists; a place where that cannot be done is hindered."""
    written = [_with_lists(each, asker) for each in standing]
    if any(has_subquery(policy.row_filter) for each in standing for policy in each.place.setting.policies):
        write_yaml(ground.folder / "policies.yaml", policies([_without_subqueries(each.place) for each in written]))
        gateway.run(gateway.house.policies.reload())
    return written


def _with_lists(standing: _Standing, asker: Asker) -> _Standing:
    place = standing.place
    try:
        bound = tuple(
            replace(each, row_filter=listed(each.row_filter, asker, place.name))
            if has_subquery(each.row_filter)
            else each
            for each in place.setting.policies
        )
    except (InexpressibleError, AskedError) as error:
        return replace(standing, hindered=AskedError(str(error), "refused"))
    return replace(standing, place=replace(place, setting=replace(place.setting, policies=bound)))


def _told(case: Case, standing: _Standing, gateway: Served, asker: Asker, *, plain: bool) -> Told:
    if standing.hindered is not None:
        kind = "refused" if standing.hindered.name == "refused" else "engine"
        return Told(case, failed(case, kind, str(standing.hindered)), standing.hindered.name == NOT_SUPPORTED)
    answer, told = _asked(case, standing, gateway, asker)
    told["reason"] = "; ".join([told["reason"], *map(str, standing.unbuilt)]).strip("; ")
    beyond = answer.error is not None and answer.error["errorName"] == NOT_SUPPORTED
    beyond = beyond or any(each.code == NOT_SUPPORTED for each in standing.unbuilt)
    without = _asked(case, standing, gateway, asker, views=False)[1] if plain else None
    return Told(case, told, beyond, without)


def _asked(
    case: Case, standing: _Standing, gateway: Served, asker: Asker, *, views: bool = True
) -> tuple[Answer, dict[str, Any]]:
    place, session = standing.place, case.session
    properties = _properties(session, standing.before) | ({} if views else {"materialized_views": "false"})
    answer = asker.ask(case.query, place.user, place.name, zone=session.time_zone, properties=properties)
    return answer, line(case, place, answer, gateway.record(answer.query_id))


def _properties(session: Session, before: float) -> dict[str, str]:
    """Return the session's properties that differ from their defaults."""
    bound = "" if session.max_staleness_s is None else f"{session.max_staleness_s:g}s"
    instant = datetime.fromtimestamp(before, UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
    given = {
        "integrity": "" if session.integrity == "enforced" else session.integrity,
        "min_grade": "" if session.min_grade == "exact" else session.min_grade,
        "max_staleness": bound,
        "as_of": f"{instant} UTC" if session.as_of else "",
        "branch": "" if session.branch == MAIN else session.branch,
    }
    return {name: value for name, value in given.items() if value}
