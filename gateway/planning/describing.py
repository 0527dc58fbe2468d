"""Plan DESCRIBE INPUT and DESCRIBE OUTPUT of prepared statements.

Trino is asked where no policy changes what the caller sees; its answer then tells nothing that is not his. Else the
gateway's own analysis answers: names and types, and no tables behind them, since a mask stands there that is none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from catalog.dialect import statements as st
from catalog.errors import ErrorCode, Refusal
from catalog.names import fold_trino
from catalog.types import VARCHAR, TrinoType, display_text
from engines.base import OutputColumn
from gateway.metadata.show import as_long_as
from gateway.models import LocalAnswer, Plan
from gateway.planning.context import Planning
from gateway.planning.described_inputs import input_types
from gateway.planning.expected_types import open_parameters
from gateway.planning.prepared import body_of, parameters_of
from gateway.planning.query import Reading, read
from gateway.planning.session import local
from gateway.planning.shows import qualify
from gateway.planning.writing import ROWS, restricts

PlanInner = Callable[[st.Statement, Planning], Awaitable[Plan]]
INTEGER, BIGINT, BOOLEAN = TrinoType("integer"), TrinoType("bigint"), TrinoType("boolean")
LONGEST = 16_384
"""Bytes of a governed text that may travel to an engine in a header."""
_COUNTING = (st.Insert, st.Delete, st.Update, st.Merge, st.CreateTableAs, st.Analyze)
_SHOWING = (
    *(
        st.Explain,
        st.ExplainPolicy,
        st.ShowCatalogs,
        st.ShowSchemas,
        st.ShowTables,
        st.ShowColumns,
        st.ShowFunctions,
        st.ShowSession,
    ),
    *(st.ShowCreate, st.ShowStats, st.ShowRoles, st.ShowRoleGrants, st.ShowGrants),
)
_NOWHERE = ("", "", "")
_MADE = ("Extra", "Comment")
"""The columns of SHOW COLUMNS that come from no table."""
_TEXTS = ("Column Name", "Catalog", "Schema", "Table", "Type")
_SIZES = dict.fromkeys(("boolean", "unknown", "tinyint"), 1) | {"smallint": 2}
_SIZES |= dict.fromkeys(("integer", "real", "date", "color", "interval year to month"), 4)
_SIZES |= dict.fromkeys(("bigint", "double", "time", "BingTile", "interval day to second"), 8)
_SIZES |= dict.fromkeys(("uuid", "ipaddress"), 16)
_LONG = {"decimal": (18, 8, 16), "timestamp": (6, 8, 12), "timestamp with time zone": (3, 8, 12)}
_LONG["time with time zone"] = (9, 8, 12)


async def plan_describe_input(statement: st.DescribeInput, planning: Planning, plan_inner: PlanInner) -> Plan:
    """Plan DESCRIBE INPUT: a row for each parameter, with the type that Trino expects of it."""
    body = body_of(statement.name, planning)
    count = parameters_of(body)
    inner: Reading | Plan | None = None
    if isinstance(body, st.Query):
        inner = await read(body.tree.copy(), planning, parameters=count > 0)
    elif isinstance(body, (*_COUNTING, *_SHOWING)) and _plannable(body, planning):
        inner = await plan_inner(body, planning)
    if not count:
        columns = (OutputColumn("Position", BIGINT), OutputColumn("Type", VARCHAR))
        return local("DESCRIBE INPUT", answer=LocalAnswer(columns))
    if inner is not None and _askable(inner, planning):
        return _ask("DESCRIBE INPUT", inner)
    types = await input_types(body, count, planning)
    columns = (OutputColumn("Position", INTEGER), OutputColumn("Type", as_long_as(types)))
    return local("DESCRIBE INPUT", answer=LocalAnswer(columns, tuple(enumerate(types))))


async def plan_describe_output(statement: st.DescribeOutput, planning: Planning, plan_inner: PlanInner) -> Plan:
    """Plan DESCRIBE OUTPUT. Raises Refusal NOT_SUPPORTED for types that only a restricted query's run would tell."""
    body = body_of(statement.name, planning)
    if isinstance(body, st.Query):
        count = parameters_of(body)
        reading = await read(body.tree.copy(), planning, parameters=count > 0)
        plain = not restricts(reading, planning) and all(table.kind == "table" for table in reading.tables)
        if plain and _askable(reading, planning):
            return _ask("DESCRIBE OUTPUT", reading)
        if count:
            reading = await read(open_parameters(body.tree.copy())[0], planning, parameters=True)
        return own_description(reading.columns)
    if isinstance(body, _COUNTING):
        if _plannable(body, planning):
            await plan_inner(body, planning)
        return own_description(ROWS)
    if not isinstance(body, _SHOWING):
        return own_description(())
    inner = await plan_inner(body, planning)
    if inner.answer is not None:
        return own_description(inner.answer.columns, *_origin(body, planning))
    return _ask("DESCRIBE OUTPUT", inner) if _askable(inner, planning) else own_description(None)


def _plannable(body: st.Statement, planning: Planning) -> bool:
    """Tell whether a statement can be planned as it stands: other engines than Trino take no unbound parameters."""
    table: st.QualifiedName | None = getattr(body, "table", None)
    engine = planning.catalog.source_of(qualify(table, planning).catalog) if table is not None else planning.home
    return not parameters_of(body) or _on_trino(planning, engine)


def _on_trino(planning: Planning, engine: str | None) -> bool:
    return engine is not None and planning.engines.kinds.get(engine) == "trino"


def _askable(inner: Reading | Plan, planning: Planning) -> bool:
    """Tell whether an engine can be asked: a Trino, about a text that fits into a header."""
    return _on_trino(planning, inner.engine) and len((inner.governed_sql or "").encode()) <= LONGEST


def _ask(verb: str, inner: Reading | Plan) -> Plan:
    """Plan the question to the engine, under a name that stands for the governed text there."""
    accesses, tables = (inner.accesses, inner.tables) if isinstance(inner, Reading) else (inner.tables, ())
    return Plan(
        kind=verb,
        route="engine",
        engine=inner.engine,
        sql=f"{verb} statement1",
        governed_sql=f"{verb} statement1",
        prepared=("statement1", inner.governed_sql or ""),
        tables=accesses,
        engine_tables=tables,
        policies=inner.policies,
        policed=inner.policed,
    )


def _origin(body: st.Statement, planning: Planning) -> tuple[str, str, bool]:
    """Return the catalog and table of information_schema behind a SHOW on Trino, and whether it renames columns."""
    session = planning.received.session.catalog or ""
    match body:
        case st.ShowTables(schema=name):
            return name.parts[0] if name is not None and len(name.parts) > 1 else session, "tables", True
        case st.ShowSchemas(catalog=name):
            return name.parts[0] if name is not None else session, "schemata", True
        case st.ShowColumns(table=table):
            return qualify(table, planning).catalog, "columns", True
        case st.ShowGrants(name=name):
            return qualify(name, planning).catalog if name is not None else session, "table_privileges", True
    return "", "", isinstance(body, (st.ShowFunctions, st.ShowSession, st.ShowRoles, st.ShowRoleGrants))


def own_description(
    columns: Sequence[OutputColumn] | None, catalog: str = "", table: str = "", aliased: bool = False
) -> Plan:
    """Describe columns that the gateway knows, in the types of the VALUES list that Trino answers with."""
    if columns is None:
        raise Refusal(ErrorCode.NOT_SUPPORTED, "the types of this statement are known only when it runs")
    behind = (fold_trino(catalog), "information_schema", table) if table else _NOWHERE
    rows = tuple(
        (c.name, *(_NOWHERE if c.name in _MADE else behind), display_text(c.type), _size(c.type), aliased)
        for c in columns
    )
    texts = [as_long_as(str(row[i]) for row in rows) if rows else VARCHAR for i in range(len(_TEXTS))]
    described = (
        *(OutputColumn(heading, kind) for heading, kind in zip(_TEXTS, texts, strict=True)),
        OutputColumn("Type Size", INTEGER if rows else BIGINT),
        OutputColumn("Aliased", BOOLEAN),
    )
    return local("DESCRIBE OUTPUT", answer=LocalAnswer(described, rows))


def _size(kind: TrinoType) -> int:
    """Return how many bytes a value has, 0 where that varies."""
    if kind.base in _LONG and kind.numbers:
        most, short, long = _LONG[kind.base]
        return short if kind.numbers[0] <= most else long
    return _SIZES.get(kind.base, 0)
