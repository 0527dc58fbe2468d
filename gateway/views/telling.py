"""The rows of `penstock.catalog` for one caller: views all of whose base tables he may read whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from catalog.objects import Table
from gateway.metadata.visible import View
from gateway.views.describing import Described, columns_of, reads_whole, staleness_text, visible
from gateway.views.known import KnownViews
from gateway.views.proving import Standing, tables_of
from policies.decisions import Action, Subject, TableDecision

Row = tuple[Any, ...]


@runtime_checkable
class _Decides(Protocol):
    """A policy set that decides; others let nobody see anything here."""

    def decide(self, subject: Subject, action: Action, table: Table) -> TableDecision:
        """Decide one action on one table."""
        ...


class ViewTables:
    """Make the rows of each table when it is read."""

    def __init__(self, known: Callable[[], KnownViews], standings: Callable[[], Sequence[Standing]]) -> None:
        """Be told what is known of views, and how declared constraints stand."""
        self._known = known
        self._standings = standings

    def __call__(self, table: Table, caller: View) -> pa.Table:
        """Return the rows of a table that a caller may see."""
        rows = list(self._rows(table.name.table, caller)) if isinstance(caller.sight, _Decides) else []
        kinds = [_arrow(column.type.base) for column in table.columns]
        columns = [pa.array([row[at] for row in rows], kind) for at, kind in enumerate(kinds)]
        return pa.table(columns, names=[column.name for column in table.columns])

    def _rows(self, table: str, caller: View) -> Iterator[Row]:
        known, sight = self._known(), caller.sight
        assert isinstance(sight, _Decides)  # noqa: S101  (for mypy: the caller has looked)

        def decide(action: Action, each: Table) -> TableDecision:
            return sight.decide(caller.subject, action, each)

        if table == "constraints":
            yield from _constraints(self._standings(), caller, lambda each: decide(Action.SELECT, each))
            return
        make = _view if table == "materialized_views" else _columns
        for each in visible(known, decide):
            yield from make(each)


def _view(each: Described) -> Iterator[Row]:
    view, definition = each.view, each.view.definition
    yield (
        *view.name,
        each.state,
        each.reason,
        [str(name) for name in each.bases],
        definition.sql,
        definition.catalog,
        definition.schema,
        definition.maintained,
        definition.integrity,
        staleness_text(definition),
        _moment(view.watermark.built_at if view.watermark is not None else None),
        _moment(view.freshness.behind_since if view.freshness is not None else None),
        view.rows,
        view.bytes,
    )


def _columns(each: Described) -> Iterator[Row]:
    for position, column in enumerate(columns_of(each), 1):
        yield (*each.view.name, column.name, position, column.type, column.kind, column.expression)


def _constraints(
    standings: Sequence[Standing], caller: View, decide: Callable[[Table], TableDecision]
) -> Iterator[Row]:
    for standing in standings:
        fact = standing.fact
        tables = tuple(table for name in tables_of(fact) if (table := caller.cache.get(name)) is not None)
        if len(tables) != len(tables_of(fact)) or not reads_whole(tables, decide):
            continue
        other = tables_of(fact)[1:]
        referenced = getattr(fact, "referenced", None)
        yield (
            "foreign key" if other else "key",
            str(fact.table),
            list(fact.columns),
            str(other[0]) if other else None,
            list(referenced) if referenced is not None else None,
            "broken" if standing.broken else fact.status,
            standing.why,
            _moment(standing.tested_at),
        )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(round(seconds, 3), UTC)


def _arrow(base: str) -> pa.DataType:
    kinds = {"varchar": pa.string(), "bigint": pa.int64(), "array": pa.list_(pa.string())}
    return kinds.get(base, pa.timestamp("us", "UTC"))
