"""Fill each view of a place in ClickHouse, with the rows that its case says it holds, in real states."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlglot import exp

from catalog.dialect import statements as st
from catalog.dialect.generate import generate
from catalog.dialect.limits import Limits
from catalog.dialect.parse import parse_statement
from catalog.materialized_views import Definition, State, Watermark
from catalog.objects import TableName
from catalog.types import parse_type
from catalog.view_documents import Document
from engines.estimates import EstimatingEngine
from engines.views import Filled, Filling, ViewKeepingEngine
from loadtests.mv_cases.asking import Answer, Asker
from loadtests.mv_cases.cases import MAIN, View
from loadtests.mv_cases.documents import WRITER
from loadtests.mv_cases.places import LAKE, MARTS, Place
from loadtests.mv_cases.serving import Served

_LIMITS = Limits(1_048_576, 200, 50_000)
_BESIDE = "$beside"
_SEVERAL = ("rollup", "cube", "grouping_sets", "all")
"""Parts of GROUP BY by which a row is in several groups."""
_EXTREMES = {"argMax": "max", "argMin": "min"}


@dataclass(frozen=True, slots=True)
class Builder:
    """Build views by asking the gateway for their rows."""

    gateway: Served
    asker: Asker

    def build(self, place: Place, view: View) -> None:
        """Compute a view's rows from the base as it is now, and keep them with the versions of its tables."""
        versions = self._versions(place)
        schema = place.scratch if _sees_appends_only(place, view) else place.name
        user = place.builder(view) if view.built_under else WRITER
        answer = self.asker.must(_content(view), user, schema)
        built_at = time.time() - (place.setting.view_age or 0.0)
        self._fill(place, view, answer, Watermark(versions, built_at))

    def _versions(self, place: Place) -> dict[TableName, str]:
        house = self.gateway.house
        names = [TableName(LAKE, place.name, table) for table in place.tables]

        async def ask() -> dict[TableName, str]:
            tables = [table for name in names if (table := await house.catalog.fetch(name)) is not None]
            engine = house.engines[tables[0].engine]
            if not isinstance(engine, EstimatingEngine):
                raise TypeError(f"{engine.name} names no versions")
            return dict(await engine.data_versions(tables))

        return self.gateway.run(ask())

    def _fill(self, place: Place, view: View, answer: Answer, mark: Watermark) -> None:
        filling = _filling(place, view, answer)
        engine = self.gateway.house.engines["clickhouse"]
        if not isinstance(engine, ViewKeepingEngine):
            raise TypeError(f"{engine.name} keeps no views")

        async def pages() -> AsyncIterator[bytes]:
            yield json.dumps(answer.rows).encode()

        self.gateway.run(engine.fill(filling, pages(), lambda: mark))


def _sees_appends_only(place: Place, view: View) -> bool:
    return view.maintained == "inserts" and any(each.branch == MAIN for each in place.setting.changes)


def _content(view: View) -> str:
    """Return the query that gives what the view holds: sets for states of sets, what is extreme beside the value."""
    text = view.built_as or view.sql
    if any(state.function == "uniq" or state.function in _EXTREMES for state in view.states):
        text = _with_sources(text, view)
    return f"SELECT * FROM ({text}) AS w WHERE NOT coalesce({view.lost}, false)" if view.lost else text


def _with_sources(text: str, view: View) -> str:
    statement = parse_statement(text, _LIMITS)
    select = statement.tree if isinstance(statement, st.Query) else None
    if not isinstance(select, exp.Select):
        raise TypeError(f"states of a view that is no plain query: {view.name}")
    for number, state in enumerate(view.states):
        if state.function == "uniq":
            (place,) = [each for each in select.expressions if each.alias_or_name == state.column]
            (value,) = state.arguments
            whole = f"SELECT array_agg(DISTINCT {value}) FILTER (WHERE {value} IS NOT NULL) AS {state.column}"
            place.replace(_only(whole))
        elif state.function in _EXTREMES:
            key = f'SELECT {_EXTREMES[state.function]}({state.arguments[1]}) AS "{_BESIDE}{number}"'
            select.append("expressions", _only(key))
    return generate(select)


def _only(text: str) -> exp.Expr:
    """Return the one item of a SELECT."""
    statement = parse_statement(text, _LIMITS)
    assert isinstance(statement, st.Query)
    item: exp.Expr = statement.tree.expressions[0]
    return item


def _filling(place: Place, view: View, answer: Answer) -> Filling:
    states = {each.column: State(each.column, each.function, each.arguments, each.parameters) for each in view.states}
    shown = [(name, kind) for name, kind in answer.columns if not name.startswith(_BESIDE)]
    beside = iter([kind for name, kind in answer.columns if name.startswith(_BESIDE)])
    declared = dict(view.columns)
    columns = []
    for name, kind in shown:
        state = states.get(name)
        extreme = state is not None and state.function in _EXTREMES
        columns.append(Filled(name, parse_type(kind), state, parse_type(next(beside)) if extreme else None))
    types = {name: parse_type(declared[name] if name in states else kind) for name, kind in shown}
    definition = Definition(
        TableName(MARTS, place.name, view.name),
        view.sql,
        LAKE,
        place.name,
        tuple(states.values()),
        tuple(f"{place.name}-{number}" for number, _ in enumerate(view.built_under)),
        view.maintained,
    )
    keys = _keys(view)
    return Filling(Document(definition, None, types), tuple(columns), keys or (), keys is not None)


def _keys(view: View) -> tuple[str, ...] | None:
    """Return the columns that tell a view's groups apart; None where it has none, or not all are shown."""
    statement = parse_statement(view.sql, _LIMITS)
    select = statement.tree if isinstance(statement, st.Query) else None
    group = select.args.get("group") if isinstance(select, exp.Select) else None
    if select is None or group is None or any(group.args.get(key) for key in _SEVERAL):
        return None
    shown = {generate(item.unalias()): item.alias_or_name for item in select.expressions}
    named = [shown.get(generate(each)) for each in group.expressions]
    return None if None in named else tuple(name for name in named if name is not None)
