"""Ask the embedded lake in Trino's language, through the same passes as the gateway's pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from catalog.dialect.parse import parse_query
from catalog.objects import Column, Table, TableName
from engines.base import Engine, EngineStatement, OutputColumn, Write
from rewrite_rules.analysis import AnalysisContext, analyze
from rewrite_rules.govern import govern
from rewrite_rules.resolve import resolve
from rewrite_rules.translate_duckdb import translate

CAPABILITIES = frozenset({"PARAMETRIC_DATETIME"})


@dataclass(frozen=True, slots=True)
class Everything:
    """A decision that grants all columns and hides nothing."""

    columns: tuple[str, ...]
    allowed: bool = True
    row_filter: exp.Expression | None = None
    masks: Mapping[str, exp.Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client would have seen."""

    columns: list[tuple[str, str]]
    rows: list[list[object]]
    pages: int
    update_count: int | None = None


def prepare(
    sql: str, tables: Sequence[Table], time_zone: str = "UTC", catalog: str = "lake", schema: str = "s"
) -> EngineStatement:
    """Take a query through parsing, resolving, governing, analysis and translation."""
    tree = parse_query(sql)
    resolved = resolve(tree, catalog, schema)
    described = {table.name: table for table in tables if table.name in resolved.reads}
    context = AnalysisContext(catalog, schema, described, strict=True, user="test", time_zone=time_zone)
    analysis = analyze(tree, context)
    decisions = {name: Everything(tuple(c.name for c in table.columns)) for name, table in described.items()}
    governed = govern(tree, decisions, described).tree
    mark_barriers(governed)
    analyze(governed, context)
    columns = tuple(OutputColumn(c.name, c.type) for c in analysis.columns if c.type is not None)
    return EngineStatement(
        sql=translate(governed, time_zone),
        user="test",
        catalog=catalog,
        schema=schema,
        time_zone=time_zone,
        columns=columns,
        tables=tuple(described.values()),
        capabilities=CAPABILITIES,
    )


def mark_barriers(tree: exp.Expr) -> None:
    """Note in each barrier which table it stands for, as the pipeline does before it analyses again."""
    for node in tree.find_all(exp.Table):
        if node.args.get("catalog") is not None:
            node.meta["table"] = TableName(node.catalog, node.db, node.name)


async def read(engine: Engine, statement: EngineStatement, query_id: str) -> Answer:
    """Read a statement's pages to the end. Raises what the engine raises."""
    cursor: str | None = (await engine.submit(statement, query_id)).cursor
    columns: list[tuple[str, str]] = []
    rows: list[list[object]] = []
    pages = 0
    count = None
    while cursor is not None:
        page = await engine.page(cursor)
        pages += 1
        if "columns" in page.members:
            columns = [(c["name"], c["type"]) for c in json.loads(page.members["columns"])]
        if "data" in page.members:
            rows.extend(json.loads(page.members["data"]))
        if "updateCount" in page.members:
            count = int(page.members["updateCount"])
        cursor = page.next
    return Answer(columns, rows, pages, count)


def describe(name: str, columns: Sequence[Column], schema: str = "s") -> Table:
    """Describe a table in the schema that tests use."""
    return Table(TableName("lake", schema, name), tuple(columns), engine="lake")


class Lake:
    """Ask one engine in Trino's language and count the queries."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.asked = 0

    async def prepare(self, sql: str, time_zone: str = "UTC") -> EngineStatement:
        """Prepare a query over all tables of the engine."""
        return prepare(sql, await self.engine.tables("lake"), time_zone)

    async def ask(self, sql: str, time_zone: str = "UTC") -> list[list[object]]:
        """Return a query's rows."""
        return (await self.run(await self.prepare(sql, time_zone))).rows

    async def run(self, statement: EngineStatement) -> Answer:
        """Run a prepared statement to its end."""
        self.asked += 1
        return await read(self.engine, statement, f"q{self.asked}")

    async def write(self, write: Write, tables: Sequence[Table] = ()) -> Answer:
        """Run a statement that changes something."""
        statement = EngineStatement(
            sql="",
            user="test",
            catalog="lake",
            schema="s",
            time_zone="UTC",
            tables=tuple(tables) or tuple(await self.engine.tables("lake")),
            capabilities=CAPABILITIES,
            update_type=write.kind.upper(),
            write=write,
        )
        return await self.run(statement)
