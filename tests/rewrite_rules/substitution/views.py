"""Views of the ground, as the registry would know them."""

from __future__ import annotations

from catalog.materialized_views import Definition, Freshness, MaterializedView, State
from catalog.objects import Column, Table, TableName
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.substitution.model import Ground
from rewrite_rules.substitution.prepare import Prepared, prepare
from tests.rewrite_rules.substitution.ground import CATALOG, GROUND, SCHEMA, typed


def view(sql: str, *, called: str = "mv", states: tuple[State, ...] = (), ground: Ground = GROUND) -> MaterializedView:
    """Make a view whose table has the columns of its definition, current and whole."""
    columns = analyze(typed(sql, ground.tables), AnalysisContext(CATALOG, SCHEMA, ground.tables)).columns
    name = TableName("clickhouse", "views", called)
    shown = tuple(Column(c.name.lower(), c.type) for c in columns if c.type is not None)
    definition = Definition(name, sql, CATALOG, SCHEMA, states)
    return MaterializedView(definition, Table(name, shown, engine="clickhouse"), freshness=Freshness({}))


def prepared(sql: str, *, called: str = "mv", states: tuple[State, ...] = (), ground: Ground = GROUND) -> Prepared:
    """Prepare such a view."""
    return prepare(view(sql, called=called, states=states, ground=ground), ground)
