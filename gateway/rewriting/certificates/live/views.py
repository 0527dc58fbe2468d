"""What a view's table says of itself now, and the rows that are read of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.materialized_views import Definition
from catalog.objects import Table, TableName
from catalog.types import TrinoType
from catalog.view_documents import Document, Unreadable, read_document, with_document_types
from engines.base import Engine, OutputColumn
from engines.views import ViewKeepingEngine
from gateway.models import Plan
from gateway.planning.route import translate_for
from gateway.received import Principal, Received, Session
from gateway.rewriting.certificates.live.texts import MERGE
from gateway.rewriting.shadow.reading import result_of
from gateway.views.reader import READER
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.resolve import resolve
from rewrite_rules.substitution.certificate import ViewUse, state_of


async def document_of(name: TableName, engine: object) -> tuple[Document | None, str | None]:
    """Return what lies beside a view's rows, and why rows are not all there. Raises Refusal."""
    if not isinstance(engine, ViewKeepingEngine):
        return None, None
    for holding in await engine.held_views(name.catalog):
        if holding.name == name:
            try:
                return read_document(name, holding.comment), holding.lost
            except Unreadable:
                return None, holding.lost
    return None, None


def same_definition(one: Definition, other: Definition) -> bool:
    """Tell whether two definitions mean the same rows: on which terms they may be used is not asked."""
    return _meaning(one) == _meaning(other)


def _meaning(definition: Definition) -> tuple[object, ...]:
    return (definition.sql, definition.catalog, definition.schema, definition.states, definition.built_under)


async def rows_read(
    use: ViewUse,
    kinds: Sequence[TrinoType],
    table: Table,
    document: Document,
    engines: Mapping[str, Engine],
    zone: str,
    most: int,
) -> Sequence[Sequence[Any]]:
    """Return what is read of a view as ClickHouse gives it; `kinds` are the types of its columns.

    Raises Refusal, or what reading raises.
    """
    view = with_document_types(table, document)
    tree = resolve(_scan(use, kinds), None, None).tree
    columns = analyze(tree, AnalysisContext(None, None, {view.name: view}, strict=True, time_zone=zone)).columns
    shown = tuple(OutputColumn(each.name, each.type) for each in columns if each.type is not None)
    sql = translate_for("clickhouse", tree, {view.name: view}, zone)
    plan = Plan("SELECT", "engine", view.engine, sql, columns=shown, engine_tables=(view,))
    name = f"verify_{uuid.uuid4().hex}"
    session = Session(time_zone=zone, source=READER)
    received = Received(name, use.scan, Principal(READER, READER, method="views"), session, time.time())
    return (await result_of(plan, received, engines, name, most)).rows


def _scan(use: ViewUse, kinds: Sequence[TrinoType]) -> exp.Expr:
    """Return a reading with its merges as the translator knows them: state, parameters, type."""
    tree = parse_query(use.scan)
    states = {each.column.lower(): each for each in use.definition.states}
    for item, kind in zip(tree.expressions, kinds, strict=True):
        for call in item.find_all(exp.Anonymous):
            if call.name == MERGE and state_of(call).name.lower() in states:
                column, *parameters = call.expressions
                call.meta["state"] = replace(states[state_of(call).name.lower()])
                call.set("this", MERGE)
                call.set("expressions", [column])
                call.meta["parameters"] = tuple(parameters)
                call.meta["type"] = kind
    return tree
